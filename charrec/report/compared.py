"""Two finished studies: their settings side by side, and their networks on the images that both were tested on."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from charrec.alphabet import FOLDED
from charrec.data.glyphs import load_columns
from charrec.data.sources.source import Role
from charrec.evaluation.paired import Answers, Figure, Name, figure
from charrec.evaluation.tables import labels_of, read_table
from charrec.models import MODELS
from charrec.report.language import Saying, later, say
from charrec.report.sets import digest_of, packed_set, predictions_of
from charrec.report.words import SETS, name
from charrec.results import Rate, StudyResult
from charrec.storage import Store

ROLES: tuple[Role, ...] = ("glyphs", "letters", "digits")
UNPAIRED: dict[Role, str] = {
    "glyphs": later("No difference on the validation images has an interval: {why}."),
    "letters": later("No difference on the new letters has an interval: {why}."),
    "digits": later("No difference on the new digits has an interval: {why}."),
}
UNGROUPED: dict[Role, str] = {
    "glyphs": later("Neither store has the packed glyphs any more, so each image counts for itself."),
    "letters": later("Neither store has the packed letters any more, so each image counts for itself."),
    "digits": later("Neither store has the packed digits any more, so each image counts for itself."),
}
TABLES = {"glyphs": "validation", "letters": "letters prepared", "digits": "digits prepared"}
FEWEST_UNITS = 5  # of fewer fonts an interval says nothing: then each image counts for itself
SEED = 0  # of the bootstrap


@dataclass(frozen=True)
class Side:
    """One of the two studies, and where it lies."""

    store: Store
    report: str  # its key
    result: StudyResult


@dataclass(frozen=True)
class Row:
    """One rate of the networks of one name: of either study, by its own images, and paired where that is possible."""

    model: str
    a: Rate | None
    b: Rate | None
    paired: Figure | None


@dataclass
class Compared:
    a: Side
    b: Side
    accuracy: list[Row] = field(default_factory=list)
    folded: list[Row] = field(default_factory=list)
    letters: list[Row] = field(default_factory=list)
    digits: list[Row] = field(default_factory=list)
    best: Figure | None = None  # the best network of either study, whatever their names
    missing: list[Saying] = field(default_factory=list)


@dataclass(frozen=True)
class Answered:
    """What a network took each image for; the columns run parallel."""

    names: list[str]
    truths: np.ndarray
    read: np.ndarray


def compare(a: Side, b: Side, cache: Path) -> Compared:
    """Everything that the page shows. What cannot be paired is left out of `paired`, and `missing` says why."""
    compared = Compared(a, b)
    told = compared.missing
    answers = {role: _pairs(role, a, b, cache, told) for role in ROLES}
    for model in models(a.result, b.result):
        compared.accuracy.append(_row(model, compared, "accuracy", answers["glyphs"].get((model, model))))
        compared.folded.append(_row(model, compared, "folded_accuracy", _folded(answers["glyphs"].get((model, model)))))
        compared.letters.append(_row(model, compared, "letters", answers["letters"].get((model, model))))
        compared.digits.append(_row(model, compared, "digits", answers["digits"].get((model, model))))
    if both := answers["glyphs"].get((best_of(a.result), best_of(b.result))):
        compared.best = figure("accuracy", both, SEED)
    return compared


def models(a: StudyResult, b: StudyResult) -> list[str]:
    """The networks that either study evaluated, in the order of the deck."""
    known = {one.model for result in (a, b) for one in result.evaluations}
    return [model for model in MODELS if model in known]


def best_of(result: StudyResult) -> str:
    return max(result.evaluations, key=lambda one: one.accuracy.value).model


def _row(model: str, compared: Compared, name: Name, answers: Answers | None) -> Row:
    a, b = (_rate(side.result, model, name) for side in (compared.a, compared.b))
    return Row(model, a, b, figure(name, answers, SEED) if answers else None)


def _rate(result: StudyResult, model: str, name: str) -> Rate | None:
    if name in SETS:
        return next(
            (x.accuracy for x in result.external if (x.model, x.set, x.method) == (model, name, "prepared")), None
        )
    evaluation = next((one for one in result.evaluations if one.model == model), None)
    found: Rate | None = getattr(evaluation, name) if evaluation else None
    return found


def _folded(answers: Answers | None) -> Answers | None:
    """With the two cases of a letter as one."""
    if answers is None:
        return None
    fold = np.array(FOLDED)
    return Answers(fold[answers.labels], fold[answers.champion], fold[answers.challenger], answers.units)


def _pairs(role: Role, a: Side, b: Side, cache: Path, missing: list[Saying]) -> dict[tuple[str, str], Answers]:
    """(network of A, network of B) -> their answers to the images that both were tested on."""
    if why := _unlike(role, a, b):
        missing.append(lambda: say(UNPAIRED[role], why=why()))
        return {}
    known = [_tables(role, side, study, missing) for side, study in ((a, "A"), (b, "B"))]
    if not all(known):
        return {}
    wanted = {(model, model) for model in known[0] if model in known[1]} | {(best_of(a.result), best_of(b.result))}
    units = _units(role, a, b, cache, missing)
    pairs = {}
    for first, second in sorted(wanted):
        if first in known[0] and second in known[1]:
            if (answers := _answers(known[0][first], known[1][second], units)) is None:
                missing.append(lambda: say(UNPAIRED[role], why=say("the two studies share none of them")))
                return {}
            pairs[first, second] = answers
    return pairs


def _unlike(role: Role, a: Side, b: Side) -> Saying | None:
    """Why the test images of this role are not the same set; None where they are."""
    one, other = _digest(role, a), _digest(role, b)
    if not one or not other:
        which = "B" if one else "A"
        return lambda: say("nothing tells which images those of study {study} were", study=which)
    return None if one == other else lambda: say("the two studies were tested on different images")


def _digest(role: Role, side: Side) -> str:
    """Of the packed set, by the study's result or by the set that is surely its."""
    if known := digest_of(role, side.result):
        return known
    packed = packed_set(side.store, role, side.result)
    return packed.manifest.digest if packed else ""


def _tables(role: Role, side: Side, study: str, missing: list[Saying]) -> dict[str, Answered]:
    """Network -> what it took the images of this role for."""
    found = {}
    for one in side.result.evaluations:
        outcome = predictions_of(side.store, one.model, side.result)
        if outcome is None or TABLES[role] not in outcome.value.tables:
            if role == "glyphs":  # once is enough
                missing.append(partial(_gone, one.model, study))
            continue
        at = outcome.value.tables[TABLES[role]].key
        head, probabilities = read_table(side.store.get(at), at)
        found[one.model] = Answered(
            names=head["name"].astype(str).tolist(), truths=labels_of(head), read=probabilities.argmax(axis=1)
        )
    return found


def _gone(model: str, study: str) -> str:
    return say("The predictions of {model} of study {study} are not in its store.", model=name(model), study=study)


def _units(role: Role, a: Side, b: Side, cache: Path, missing: list[Saying]) -> dict[str, str]:
    """Name of an image -> what errs together with it: its font group, or the font of a foreign set with enough of them.

    Empty where neither store has the set any more; then each image counts for itself.
    """
    for side in (a, b):
        if packed := packed_set(side.store, role, side.result):
            columns = load_columns(side.store.local(packed.file.key, cache))
            return _named(columns, "group" if role == "glyphs" else "font")
    missing.append(partial(say, UNGROUPED[role]))
    return {}


def _named(columns: pd.DataFrame, column: str) -> dict[str, str]:
    if columns[column].nunique() < FEWEST_UNITS:
        return {}
    return dict(zip(columns["name"].astype(str), columns[column].astype(str), strict=True))


def _answers(a: Answered, b: Answered, units: dict[str, str]) -> Answers | None:
    """On the images that both were tested on; None where there is none."""
    place = {name: k for k, name in enumerate(b.names)}
    shared = [(k, place[name]) for k, name in enumerate(a.names) if name in place]
    if not shared:
        return None
    first, second = np.array(shared).T
    return Answers(
        labels=a.truths[first],
        champion=a.read[first],
        challenger=b.read[second],
        units=np.array([units.get(a.names[k], a.names[k]) for k in first.tolist()]),
    )
