"""The outcomes in a store that belong to a study which is not finished: of each kind the latest, by when it was stored.

A store does not say which study an outcome belongs to before the study's end, so what is older than the latest report
is that report's: what a study shares with a finished one is left out. The packed sets alone may be older.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from charrec.data.sources.source import Role
from charrec.errors import InputError
from charrec.memo.outcome import Outcome
from charrec.models import DECK, MODELS, SEARCHED
from charrec.report.language import Saying, later, say
from charrec.report.sets import latest, stored_since
from charrec.report.words import many, name, subject
from charrec.results import (
    EvaluationResult,
    PackResult,
    Precision,
    PredictionResult,
    SearchResult,
    Stored,
    TrainingResult,
)
from charrec.steps.pipeline import ROLES
from charrec.steps.report import no_search
from charrec.storage import Entry, Store
from charrec.study import FULL, Study
from charrec.sweep.outcome import epochs_of, read_document
from charrec.sweep.plan import PLAN
from charrec.sweep.schedule import schedule
from charrec.training.checkpoints import Progress, read_progress
from charrec.tuning.plan import Sweep
from charrec.tuning.ranking import ranking

BEGUN = ("trainings/", "sweeps/")
PROGRESS, WORKERS = "/progress.json", "/workers/"
UNPACKED: dict[Role, str] = {
    "glyphs": later("The glyphs are not packed."),
    "letters": later("The new letters are not packed."),
    "digits": later("The new digits are not packed."),
}
ENDED = ("COMPLETED", "FAILED", "LOST")  # states of a trial


@dataclass
class Unfinished:
    """What the store has of the study; a dictionary's keys are the networks."""

    since: datetime | None  # the end of the study before
    sets: dict[Role, Outcome[PackResult]] = field(default_factory=dict)
    precision: Outcome[Precision] | None = None
    sweep: Sweep | None = None
    search: SearchResult = field(default_factory=lambda: no_search(FULL.search))  # or as much of it as has ended
    searched: bool = False
    unread: Saying | None = None  # why the search is not shown, although it was begun
    progress: dict[str, Progress] = field(default_factory=dict)
    trainings: dict[str, Outcome[TrainingResult]] = field(default_factory=dict)
    predictions: dict[str, Outcome[PredictionResult]] = field(default_factory=dict)
    evaluations: dict[str, Outcome[EvaluationResult]] = field(default_factory=dict)
    several: list[Saying] = field(default_factory=list)  # on what there is more than one of

    @property
    def whole(self) -> list[str]:
        """The networks that are trained, predicted and evaluated."""
        return [model for model in MODELS if model in self.evaluations]

    @property
    def study(self) -> Study:
        """As far as the store tells; the rest is the full study's."""
        known = {f"epochs_{model}": len(one.value.epochs) for model, one in self.trainings.items()}
        texts = dict.fromkeys(reading.text for one in self.evaluations.values() for reading in one.value.texts)
        study = Study.model_validate(known | ({"texts": tuple(texts)} if texts else {}))
        if not (self.sweep and self.sweep.glyphs):
            return study
        recipe, glyphs = self.sweep.recipe, self.sweep.glyphs
        update = {name: getattr(recipe, name) for name in ("seed", "image_size", "image_channels", "batch_size")}
        update |= {"split": glyphs.split, "validation_fraction": glyphs.validation_fraction}
        return study.model_copy(update=update | {"search": self.sweep.search, "precision": recipe.precision})

    def training(self, model: str) -> TrainingResult | None:
        """As far as it has come; None before its first epoch."""
        if model in self.trainings:
            return self.trainings[model].value
        progress = self.progress.get(model)
        if progress is None or progress.best is None:
            return None
        return TrainingResult(
            model=model,
            parameters=progress.parameters,
            precision=self.precision.value.chosen if self.precision else "",
            backend="",
            device="",
            epochs=progress.epochs,
            best_epoch=progress.best.epoch,
            weights=Stored(key=progress.best.key, sha256=progress.best.sha256),
        )

    def missing(self) -> Iterator[Saying]:
        """What there is not yet, a sentence each."""
        for role in ROLES:
            if role not in self.sets:
                yield partial(say, UNPACKED[role])
        for model in MODELS:
            yield from self._missing(model)
        if self.unread:
            yield self.unread
        elif self.sweep is None:
            yield lambda: say("The search has not begun.")
        elif not self.searched:
            ended, trials = len(self.search.trials), sum(rung.trials for rung in schedule(self.sweep.search))
            yield lambda: say("The search is not finished: {n} of its {all} trials have ended.", n=ended, all=trials)
        yield from self.several

    def _missing(self, model: str) -> Iterator[Saying]:
        if model in self.evaluations:
            return
        if model in self.trainings:
            yield lambda: say("{model} is trained and not yet tested on other images.", model=subject(model))
        elif model in self.progress:
            epochs = len(self.progress[model].epochs)
            yield lambda: say(
                "{model} is not trained to its end: {epochs} so far.",
                model=subject(model),
                epochs=many(epochs, "epoch"),
            )
        elif model == SEARCHED and not self.searched:
            yield lambda: say("{model} waits for the search.", model=subject(model))
        elif model in DECK:
            yield lambda: say("Nothing of {model} is stored yet.", model=name(model))
        else:
            yield lambda: say("Nothing of {model} is stored; a study may go without it.", model=name(model))


def begun(store: Store) -> Iterator[Entry]:
    """What trainings and searches have written, but for their workers' signs of life."""
    return (entry for prefix in BEGUN for entry in store.list(prefix) if WORKERS not in entry.key)


def unfinished(store: Store, since: datetime | None) -> Unfinished:
    """All that was stored since then."""
    found = Unfinished(since)
    _find_search(store, found)
    _find_sets(store, found)
    for model in MODELS:
        _find_network(store, model, found)
    return found


def _find_search(store: Store, found: Unfinished) -> None:
    plans = stored_since(store, "sweeps/", PLAN, found.since)
    if not plans:
        return
    if len(plans) > 1:
        found.several.append(lambda: say("There are {n} searches; the one that was begun last is shown.", n=len(plans)))
    try:
        sweep = found.sweep = Sweep.stored(store, plans[0].key.removesuffix(PLAN))
        done = [one.value for _, one in latest(store, f"{sweep.key}/", SearchResult) if one.key == sweep.key]
        found.searched, found.search = bool(done), done[0] if done else _so_far(store, sweep)
    except InputError as error:  # another version's, or damaged
        why = error.found
        found.unread = lambda: say("The search cannot be read: {why}.", why=why)


def _so_far(store: Store, sweep: Sweep) -> SearchResult:
    """The trials that have ended."""
    document = read_document(store, sweep)
    rows = [row for row in ranking(document) if row.state in ENDED] if document else []
    if not document or not rows:
        return no_search(sweep.search)
    records = [document.trials[row.trial] for row in rows]
    return SearchResult(
        trials=tuple(rows),
        space=sweep.search.space.searched,
        chosen=rows[0].network if rows[0].val_accuracy is not None else {},
        epochs=sum(map(epochs_of, records)),
        images=sweep.search.images or 0,
        seconds=sum(record.seconds for record in records),
    )


def _find_sets(store: Store, found: Unfinished) -> None:
    """The glyphs that the search names, and the latest of the others."""
    digest = found.sweep.glyphs.packed.digest if found.sweep and found.sweep.glyphs else None
    for role in ROLES:
        sets = [one for _, one in latest(store, f"{role}/", PackResult) if store.exists(one.value.file.key)]
        if role == "glyphs" and digest:
            sets = [one for one in sets if one.value.manifest.digest == digest]
        if sets:
            found.sets[role] = sets[0]
    found.precision = next((one for _, one in latest(store, "precision/", Precision)), None)


def _find_network(store: Store, model: str, found: Unfinished) -> None:
    """The training that wrote last, and what was predicted and evaluated after its end."""
    progress = stored_since(store, f"trainings/{model}-", PROGRESS, found.since)
    if not progress:
        return
    if len(progress) > 1:
        found.several.append(
            lambda: say(
                "There are {n} trainings of {model}; the one that wrote last is shown.",
                n=len(progress),
                model=name(model),
            )
        )
    key = progress[0].key.removesuffix(PROGRESS)
    found.progress[model] = read_progress(store, key)
    if not (trained := [one for one in latest(store, f"{key}/", TrainingResult) if one[1].key == key]):
        return
    when, found.trainings[model] = trained[0]
    if not (predicted := latest(store, f"predictions/{model}-", PredictionResult, when)):
        return
    when, found.predictions[model] = predicted[0]
    if evaluated := latest(store, f"evaluations/{model}-", EvaluationResult, when):
        found.evaluations[model] = evaluated[0][1]
