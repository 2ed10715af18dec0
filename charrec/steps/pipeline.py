"""What each step of a study is given: from the study, and from the outcomes of the steps before it."""

from collections.abc import Mapping, Sequence
from typing import get_args

from charrec.data.arrays import Glyphs, Packed
from charrec.data.sources.source import Role, Selection, Source
from charrec.machine.backend import backend
from charrec.machine.provenance import this_machine
from charrec.memo.outcome import Outcome
from charrec.models import MODELS, SEARCHED
from charrec.models.convnet import convnet_of
from charrec.results import (
    AugmentResult,
    EvaluationResult,
    PackResult,
    Precision,
    PredictionResult,
    SearchResult,
    TrainingResult,
)
from charrec.steps import augment, evaluate, pack, precision, predict, report, search, train
from charrec.study import Study
from charrec.training.recipe import recipe_of

ROLES: tuple[Role, ...] = get_args(Role)
Sets = Mapping[Role, Outcome[PackResult]]


def packing(study: Study, source: Source) -> pack.Given:
    selections = {
        "glyphs": Selection(fonts=study.data.fonts),
        "letters": Selection(per_class=study.data.letters_per_class, seed=study.seed),
        "digits": Selection(),
    }
    return pack.Given(source=source, selection=selections[source.role])


def choosing(study: Study, where: str) -> precision.Given:
    """`where`: this kind of machine, or a pool of machines that are taken for one kind."""
    recipe = recipe_of(study, "model_1", "float32", None, backend())
    return precision.Given(asked=study.precision, where=where, recipe=recipe.model_copy(update={"seed": 0}))


def this_kind_of_machine() -> str:
    machine = this_machine()
    return ", ".join([machine.cpu, f"{machine.cores} cores", *machine.gpus])


def models(study: Study) -> tuple[str, ...]:
    """The networks that a study trains: all but those of no epochs."""
    return tuple(model for model in MODELS if getattr(study, f"epochs_{model}"))


def training(
    study: Study, model: str, sets: Sets, chosen: Outcome[Precision], found: Outcome[SearchResult] | None = None
) -> train.Given:
    """`found`: the search whose best network is trained, for SEARCHED alone."""
    network = convnet_of(found.value.chosen, found.key) if found else None
    return train.Given(
        recipe=recipe_of(study, model, chosen.value.chosen, network, backend()),
        epochs=getattr(study, f"epochs_{model}"),
        glyphs=Glyphs.of(study, sets["glyphs"].value),
    )


def searching(study: Study, sets: Sets, chosen: Outcome[Precision]) -> search.Given:
    return search.Given(
        search=study.search,
        recipe=recipe_of(study, SEARCHED, chosen.value.chosen, None, backend()),
        glyphs=Glyphs.of(study, sets["glyphs"].value),
    )


def predicting(study: Study, sets: Sets, trained: Outcome[TrainingResult]) -> predict.Given:
    result = trained.value
    network = convnet_of(result.network, trained.key) if result.network else None
    return predict.Given(
        recipe=recipe_of(study, result.model, result.precision, network, result.backend),
        weights=result.weights,
        glyphs=Glyphs.of(study, sets["glyphs"].value),
        letters=Packed.of(sets["letters"].value),
        digits=Packed.of(sets["digits"].value),
    )


def evaluating(study: Study, model: str, sets: Sets, predicted: Outcome[PredictionResult]) -> evaluate.Given:
    return evaluate.Given(
        model=model,
        predictions=predicted.key,
        glyphs=Glyphs.of(study, sets["glyphs"].value),
        texts=study.texts,
        kinds=study.kinds,
        seed=study.seed,
    )


def augmenting(study: Study, sets: Sets) -> augment.Given:
    return augment.Given(
        glyphs=Glyphs.of(study, sets["glyphs"].value),
        image_size=study.image_size,
        seed=study.seed,
        backend=backend(),
    )


def reporting(
    study: Study,
    sets: Sets,
    chosen: Outcome[Precision],
    found: Outcome[SearchResult] | None,
    branches: Sequence[tuple[Outcome[TrainingResult], Outcome[PredictionResult], Outcome[EvaluationResult]]],
    augmented: Outcome[AugmentResult],
    failures: Mapping[str, str],
) -> report.Given:
    trainings, predictions, evaluations = zip(*branches, strict=True)
    return report.Given(
        study=study,
        glyphs=sets["glyphs"].key,
        letters=sets["letters"].key,
        digits=sets["digits"].key,
        precision=chosen.key,
        search=found.key if found else None,
        trainings=tuple(one.key for one in trainings),
        predictions=tuple(one.key for one in predictions),
        evaluations=tuple(one.key for one in evaluations),
        augmented=augmented.key,
        failures=dict(failures),
    )
