"""A trained network in the store: what using it takes (`Trained`), and what comparing it takes (`Candidate`)."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from charrec.errors import InputError
from charrec.models import SEARCHED
from charrec.models.convnet import convnet_of
from charrec.results import Stored, StudyResult
from charrec.storage import Store
from charrec.storage.document import defect, foreign
from charrec.study import UNCOUNTED, Frozen, Kinds
from charrec.training.checkpoints import read_progress
from charrec.training.recipe import Recipe, recipe_of

Share = Annotated[float, Field(ge=0, le=1), UNCOUNTED]


class Trained(Frozen):
    """Enough to use a network."""

    recipe: Recipe
    training: str  # where `read_progress` finds its checkpoint
    weights_sha256: str
    predictions: str = ""  # key of the outcome with its probabilities of its validation images; "": none is known
    kinds: Annotated[Kinds, UNCOUNTED] = Kinds()  # as its study weighs them

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.recipe.model == SEARCHED and not self.recipe.network:
            raise ValueError(f"{SEARCHED} without its network")
        return self


class Candidate(Trained):
    """Enough to compare it with another network: its data, its split and its scores."""

    glyphs: str  # where the packed sets lie
    letters: str
    digits: str
    split: Literal["random", "font"]
    validation_fraction: float
    identity: str  # of its study
    report: Annotated[str, UNCOUNTED]  # the key of its report.html
    accuracy: Share  # on its study's validation images
    folded_accuracy: Share  # the two cases of a letter as one
    letters_accuracy: Share  # on the foreign sets, prepared, among the 62 classes
    digits_accuracy: Share


def weights_of(store: Store, trained: Trained) -> Stored:
    """The weights of a network in the store. Raises InputError where they are gone, or others lie there."""
    best = read_progress(store, trained.training).best
    if best is None or not store.exists(best.key):
        found = f"{store.url} has no weights of {trained.training}"
    elif best.sha256 != trained.weights_sha256:
        found = f"{store.url}/{trained.training} has weights of SHA-256 {best.sha256}"
    else:
        return Stored(key=best.key, sha256=best.sha256)
    raise InputError(
        found,
        f"those of SHA-256 {trained.weights_sha256}",
        "Run its study again, which trains what is missing, or use another network or the store of its training.",
    )


def trained_of(result: StudyResult, model: str) -> Trained:
    """A network of a study. Raises InputError if the study trained none of this name, or in no way that is known."""
    of_model = {training.model: training for training in result.trainings}
    if model not in of_model:
        raise InputError(
            f"no network {model!r} in study {result.identity}", f"one of {', '.join(of_model)}", "Name one of these."
        )
    found, where = of_model[model], f"{model} of study {result.identity}"
    network = convnet_of(found.network, where) if found.network else None
    try:
        return Trained(
            recipe=recipe_of(result.study, model, found.precision, network, found.backend),
            training=found.weights.key.rpartition("/")[0],
            weights_sha256=found.weights.sha256,
            predictions=result.predictions.get(model, ""),
            kinds=result.study.kinds,
        )
    except ValidationError as error:
        raise foreign(where, defect(error)) from None


def candidate_of(result: StudyResult, model: str, *, glyphs: str, letters: str, digits: str, report: str) -> Candidate:
    """A network of a study whose packed sets and report.html lie under these keys."""
    trained = trained_of(result, model)
    evaluation = next(row for row in result.evaluations if row.model == model)
    foreign = {row.set: row.accuracy.value for row in result.external if (row.model, row.method) == (model, "prepared")}
    return Candidate(
        recipe=trained.recipe,
        training=trained.training,
        weights_sha256=trained.weights_sha256,
        predictions=trained.predictions,
        kinds=trained.kinds,
        glyphs=glyphs,
        letters=letters,
        digits=digits,
        split=result.study.split,
        validation_fraction=result.study.validation_fraction,
        identity=result.identity,
        report=report,
        accuracy=evaluation.accuracy.value,
        folded_accuracy=evaluation.folded_accuracy.value,
        letters_accuracy=foreign["letters"],
        digits_accuracy=foreign["digits"],
    )
