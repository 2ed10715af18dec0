"""What a report can tell of a store's latest study by now, finished or not."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from charrec.commands.unfinished import Unfinished, begun, unfinished
from charrec.data.arrays import Glyphs
from charrec.data.sources.source import Role
from charrec.errors import InputError
from charrec.machine.provenance import this_machine
from charrec.memo.outcome import Outcome, Provenance, outcome_of, recall
from charrec.memo.step import Bench
from charrec.models import MODELS
from charrec.report import Pictures
from charrec.report.language import Saying, say
from charrec.report.sets import digest_of, latest, packed_set, predictions_of
from charrec.report.stored import AGAIN, PAGE, reports, result_of
from charrec.report.words import listing, name
from charrec.results import (
    AugmentResult,
    DataSummary,
    EvaluationResult,
    PackResult,
    Precision,
    PredictionResult,
    SearchResult,
    StudyResult,
    TrainingResult,
)
from charrec.steps.augment import AUGMENT
from charrec.steps.augment import Given as Augmenting
from charrec.steps.evaluate import EVALUATE
from charrec.steps.pipeline import ROLES, evaluating
from charrec.steps.report import Given, Images, Outcomes, gather, images_of, parts_of, pictures_of, search_curves
from charrec.storage import Store
from charrec.storage.absence import absent
from charrec.study import Study
from charrec.tuning.timeline import timeline

TEXTS = [x for x, field in DataSummary.model_fields.items() if field.annotation is str]


@dataclass(frozen=True)
class Standing:
    """What there is, and what is missing."""

    result: StudyResult
    pictures: Pictures | None  # none: no network has been evaluated
    missing: tuple[Saying, ...]  # none: the study is finished


def standing(store: Store, cache: Path) -> Standing:
    """The study that was begun last, or the finished one where none was begun since. Raises InputError for no study."""
    bench, ended = Bench(store, cache), _finished(store)
    if ended and not _begun_since(store, ended[1]):
        return _of_report(result_of(store, ended[0]), bench)
    if not ended and not any(begun(store)):
        raise absent(store, "training or search")
    found = unfinished(store, ended[1] if ended else None)
    if not (found.sets or found.progress):  # which precede a study's search
        raise InputError(
            f"{store.url} has a search, and nothing else of a study",
            "a store in which a study ran",
            "Look at a script's search by `charrec sweep status`.",
        )
    return _of_unfinished(found, bench)


def _finished(store: Store) -> tuple[str, datetime] | None:
    """The key of the latest report, and when it was written."""
    pages = [entry for entry in store.list("reports/") if entry.key.endswith(f"/{PAGE}")]
    last = max(pages, key=lambda entry: entry.modified, default=None)
    return (last.key.removesuffix(f"/{PAGE}"), last.modified) if last else None


def _begun_since(store: Store, when: datetime) -> bool:
    """Whether there is anything newer that no report names: a copy has times of its own, in the order of copying."""
    newer = [entry.key for entry in begun(store) if entry.modified > when]
    named = tuple(_named(store)) if newer else ()
    return not all(key.startswith(named) for key in newer)


def _named(store: Store) -> Iterator[str]:
    """The folders of the trainings and searches that finished studies were made of."""
    for report in reports(store):
        with suppress(InputError):  # another version's result
            result = result_of(store, report)
            yield from (f"{one.weights.key.rpartition('/')[0]}/" for one in result.trainings)
            yield from (f"{key}/" for key in _searches(store, result))


def _searches(store: Store, result: StudyResult) -> list[str]:
    """The keys of the searches that found what the study's did."""
    return [one.key for _, one in latest(store, "sweeps/", SearchResult) if one.value == result.search]


def _of_report(result: StudyResult, bench: Bench) -> Standing:
    """A finished study. Raises InputError where what its pictures show is gone."""
    sets = {role: _packed(role, result, bench.store) for role in ROLES}
    predictions = [_predicted(result, one.model, bench.store) for one in result.evaluations]
    backend = result.trainings[0].backend
    if (augmented := _augmented(result.study, sets["glyphs"], backend, bench)) is None:
        raise _gone("augmented images of this study", bench.store)
    made = _plain(augmented.provenance)
    outcomes = Outcomes(
        **{role: made(packed) for role, packed in sets.items()},
        precision=made(Precision(chosen="")),
        search=None,
        trainings=[made(one) for one in result.trainings],
        predictions=predictions,
        evaluations=[made(_evaluated(result, one.model)) for one in result.evaluations],
        augmented=augmented,
    )
    images = images_of(result.study, outcomes, bench)
    if not result.reliability or (len(result.evaluations) > 1 and not result.gains):
        result = _whole(result, outcomes, images, bench)
    return Standing(result, pictures_of(result.study, outcomes, images, bench), ())


def _whole(result: StudyResult, outcomes: Outcomes, images: Images, bench: Bench) -> StudyResult:
    """An older result with what it does not say yet, from the predictions and the search that it was made of."""
    searches = _searches(bench.store, result)
    curves = search_curves(searches[0], result.search, bench.store) if searches else result.search_curves
    return result.model_copy(
        update={**parts_of(result.study, outcomes, images, bench), "search_curves": curves},
    )


def _evaluated(result: StudyResult, model: str) -> EvaluationResult:
    """What the study's result has of it; a report's pictures need no more."""
    (evaluation,) = (one for one in result.evaluations if one.model == model)
    external = tuple(one for one in result.external if one.model == model)
    return EvaluationResult(evaluation=evaluation, external=external, texts=(), text_rates=())


def _packed(role: Role, result: StudyResult, store: Store) -> PackResult:
    if packed := packed_set(store, role, result):
        return packed
    digest = digest_of(role, result)
    raise _gone(f"packed {role} {f'of SHA-256 {digest[:16]}' if digest else 'that are surely its'}", store)


def _predicted(result: StudyResult, model: str, store: Store) -> Outcome[PredictionResult]:
    if found := predictions_of(store, model, result):
        return found
    raise _gone(f"predictions of {model}", store)


def _gone(what: str, store: Store) -> InputError:
    return InputError(f"{store.url} has no {what}", "all that the study stored", AGAIN)


def _plain(provenance: Provenance) -> Callable[[Any], Outcome[Any]]:
    """Values as outcomes of steps, where the values alone count."""
    return lambda value: outcome_of(type(value))(key="", value=value, provenance=provenance)


def _augmented(study: Study, glyphs: PackResult, backend: str, bench: Bench) -> Outcome[AugmentResult] | None:
    """By its key; another version's, if there is no doubt which."""
    given = Augmenting(glyphs=Glyphs.of(study, glyphs), image_size=study.image_size, seed=study.seed, backend=backend)
    if found := recall(bench.store, AUGMENT.key(given), AugmentResult):
        return found
    others = latest(bench.store, "augmentations/", AugmentResult)
    return others[0][1] if len(others) == 1 else None


def _of_unfinished(found: Unfinished, bench: Bench) -> Standing:
    trainings = tuple(one for model in MODELS if (one := found.training(model)))
    ready = len(found.sets) == len(ROLES) and found.sweep and found.precision and found.predictions
    anew = list(_evaluate(found, bench)) if ready else []
    missing = [*found.missing(), *anew]
    if not found.sweep and found.unread and found.whole:
        missing.append(partial(_hidden, found.whole))
    if not ready or not found.sweep or not found.precision:
        return Standing(_early(found, trainings, bench.store), None, tuple(missing))
    study = found.study
    augmented = _augmented(study, found.sets["glyphs"].value, found.sweep.recipe.backend, bench)
    if augmented is None:
        missing.append(lambda: say("The augmentation is not drawn."))
        return Standing(_early(found, trainings, bench.store), None, tuple(missing))
    outcomes = Outcomes(
        **found.sets,
        precision=found.precision,
        search=None,
        trainings=[found.trainings[model] for model in found.whole],
        predictions=[found.predictions[model] for model in found.whole],
        evaluations=[found.evaluations[model] for model in found.whole],
        augmented=augmented,
    )
    images = images_of(study, outcomes, bench)
    result = gather(_given(study, outcomes), outcomes, images, bench)
    whole = {training.model: training for training in result.trainings}
    durations = result.durations | ({"search": found.search.seconds} if found.search.trials else {})
    result = result.model_copy(
        update={
            "trainings": tuple(whole.get(one.model, one) for one in trainings),
            "search": _counted(found, result.data.training),
            "search_curves": search_curves(found.sweep.key, found.search, bench.store),
            "timeline": timeline(bench.store, found.sweep.key),
            "durations": durations,
        }
    )
    return Standing(result, pictures_of(study, outcomes, images, bench), tuple(missing))


def _hidden(models: list[str]) -> str:
    return say(
        "The readings of {models} are shown once the search can be read.", models=listing(list(map(name, models)))
    )


def _evaluate(found: Unfinished, bench: Bench) -> Iterator[Saying]:
    """Evaluate the networks whose predictions alone are there, which takes a second each; says of which."""
    study, provenance = found.study, found.sets["glyphs"].provenance
    without = [model for model in found.predictions if model not in found.evaluations]
    for model in without:
        given = evaluating(study, model, found.sets, found.predictions[model])
        found.evaluations[model] = _plain(provenance)(EVALUATE.compute(given, bench))
    if without:
        yield lambda: say(
            "This version of charrec has stored no evaluation of {models}; it was made for this page.",
            models=listing([name(model) for model in without]),
        )


def _counted(found: Unfinished, training: int) -> SearchResult:
    """The search with the number of its images, which a finished one knows by itself."""
    if found.searched or not found.sweep:
        return found.search
    return found.search.model_copy(update={"images": min(found.sweep.search.images or training, training)})


def _given(study: Study, outcomes: Outcomes) -> Given:
    return Given(
        study=study,
        glyphs=outcomes.glyphs.key,
        letters=outcomes.letters.key,
        digits=outcomes.digits.key,
        precision=outcomes.precision.key,
        search=None,
        trainings=tuple(one.key for one in outcomes.trainings),
        predictions=tuple(one.key for one in outcomes.predictions),
        evaluations=tuple(one.key for one in outcomes.evaluations),
        augmented=outcomes.augmented.key,
    )


def _early(found: Unfinished, trainings: tuple[TrainingResult, ...], store: Store) -> StudyResult:
    """What there is before the first network is evaluated: sets, curves and trials."""
    known = [one.provenance for one in found.sets.values()] + [one.provenance for one in found.trainings.values()]
    return StudyResult(
        study=found.study,
        identity="",
        data=_known(found),
        trainings=trainings,
        search=found.search,
        search_curves=search_curves(found.sweep.key, found.search, store) if found.sweep else (),
        timeline=timeline(store, found.sweep.key) if found.sweep else None,
        evaluations=(),
        external=(),
        texts=(),
        machine=known[0].machine if known else this_machine(),
        code=known[0].code if known else "",
        durations={},
        started=min((one.started for one in known), default=""),
    )


def _known(found: Unfinished) -> DataSummary:
    """Of the sets that are packed; 0 of what is not yet known."""
    known: dict[str, Any] = dict.fromkeys(DataSummary.model_fields, 0) | dict.fromkeys(TEXTS, "")
    for role, packed in found.sets.items():
        manifest, prefix = packed.value.manifest, "" if role == "glyphs" else f"{role}_"
        known |= {f"{prefix}{x}": getattr(manifest, x) for x in ("source", "version", "licence", "digest")}
        known["images" if role == "glyphs" else role] = manifest.images
        if role == "glyphs":
            known |= {x: getattr(manifest, x) for x in ("fonts", "groups", "distinct", "unavoidable")}
    return DataSummary.model_validate(known)
