"""A network of a study, as it is used and compared later."""

import pytest

from charrec.errors import InputError
from charrec.models.convnet import ConvNet
from charrec.serving.candidate import Candidate, candidate_of, trained_of
from charrec.study import FULL
from tests.report.sample_result import NETWORK, study_result

RESULT = study_result()


def of(model: str) -> Candidate:
    return candidate_of(RESULT, model, glyphs="g", letters="l", digits="d", report="reports/1/report.html")


def test_a_candidate_has_the_study_s_recipe_and_figures() -> None:
    found, training, evaluation = of("model_3"), RESULT.trainings[2], RESULT.evaluations[2]
    assert (found.recipe.model, found.recipe.network) == ("model_3", None)
    assert (found.recipe.seed, found.recipe.image_size, found.recipe.precision) == (123, 128, training.precision)
    assert training.weights.key.startswith(f"{found.training}/") and found.weights_sha256 == training.weights.sha256
    assert (found.split, found.validation_fraction, found.identity) == ("random", 0.2, RESULT.identity)
    assert (found.accuracy, found.folded_accuracy) == (evaluation.accuracy.value, evaluation.folded_accuracy.value)
    assert (found.letters_accuracy, found.digits_accuracy) == pytest.approx((0.81 + 0.024, 0.47 + 0.024))
    assert FULL.seed == 123


def test_the_fourth_is_the_network_that_the_search_chose() -> None:
    assert of("model_4").recipe.network == ConvNet.model_validate(NETWORK)


def test_a_network_that_the_study_has_not_is_refused() -> None:
    with pytest.raises(InputError, match=r"no network 'model_5' .* one of model_1, model_2, model_3, model_4"):
        trained_of(RESULT, "model_5")


def test_it_knows_where_the_predictions_of_its_study_lie() -> None:
    assert trained_of(RESULT, "model_3").predictions == ""  # of a result from before they were named
    named = RESULT.model_copy(update={"predictions": {"model_3": "predictions/model_3-0"}})
    assert trained_of(named, "model_3").predictions == "predictions/model_3-0"
    assert trained_of(named, "model_2").predictions == ""
