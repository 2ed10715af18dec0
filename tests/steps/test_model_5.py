"""Model 5 as a branch of a study: the same steps, at a size of its own."""

from pathlib import Path

import pytest

from charrec.data.sources import locate
from charrec.memo.outcome import Outcome, outcome_of
from charrec.memo.step import Bench
from charrec.results import PackResult, Precision
from charrec.steps import pipeline
from charrec.steps.pack import PACK
from charrec.steps.predict import PREDICT
from charrec.steps.train import TRAIN
from charrec.storage import open_store
from charrec.study import FULL, QUICK, Data, Study
from tests.thorough import drawn
from tests.toy import HEAVY, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

STUDY = Study(
    data=Data(glyphs="fonts", letters="fonts", digits="sklearn", fonts=2, letters_per_class=1),
    image_size=64, image_channels=3, precision="float32", epochs_model_5=1,
)  # fmt: skip


def test_a_study_trains_the_networks_that_have_epochs() -> None:
    assert pipeline.models(FULL) == ("model_1", "model_2", "model_3", "model_4", "model_5")
    assert pipeline.models(QUICK) == ("model_1", "model_2", "model_3", "model_4")


@drawn("model 5 in a study of another size", HEAVY)
def test_it_is_trained_and_predicts_at_32_px_in_a_study_of_64(tmp_path: Path) -> None:
    bench = Bench(open_store(str(tmp_path / "store")), tmp_path / "cache")
    sources = [locate(role, STUDY.data, bench.cache) for role in pipeline.ROLES]
    sets: dict[str, Outcome[PackResult]] = {
        source.role: PACK.run(pipeline.packing(STUDY, source), bench) for source in sources
    }
    chosen = outcome_of(Precision)(
        key="precision/0", value=Precision(chosen="float32"), provenance=sets["glyphs"].provenance
    )
    given = pipeline.training(STUDY, "model_5", sets, chosen)
    assert (given.epochs, given.recipe.image_size, given.recipe.image_channels) == (1, 32, 1)
    trained = TRAIN.run(given, bench)
    assert (trained.value.model, trained.value.parameters, len(trained.value.epochs)) == ("model_5", 490_718, 1)
    assert TRAIN.run(given, bench).cached
    tables = PREDICT.run(pipeline.predicting(STUDY, sets, trained), bench).value.tables
    assert {name.partition(" ")[0] for name in tables} == {"validation", "letters", "digits"}
