"""The page's tables: the data frames' numbers, formatted for reading."""

from collections.abc import Callable
from statistics import median
from typing import NamedTuple

from charrec import reference
from charrec.alphabet import CLASSES
from charrec.models import OWN
from charrec.report import sentences, words
from charrec.report.cells import Cell, Table, apart, left
from charrec.report.language import local, say
from charrec.report.layers import layers as layers_of
from charrec.report.settings import settings
from charrec.report.words import (
    NONE,
    SETS,
    TEXTS,
    character,
    count,
    duration,
    interval,
    kind,
    loss,
    method,
    percent,
    points,
    quoted,
    subtitle,
    title,
)
from charrec.results import Evaluation, Gain, Rate, StudyResult, TrainingResult
from charrec.study import FULL, Frozen

SHORT = 40  # characters of a version that fits into a line; that of the fonts lists packages
Theirs = reference.ReferenceModel


class DataSet(NamedTuple):
    """A set as the page names it. The digest is of its images and what is known of them, as they were packed."""

    role: str
    title: str
    source: str
    version: str
    licence: str
    digest: str
    images: int


def data_sets(result: StudyResult) -> list[DataSet]:
    """The glyphs, the new letters and the new digits."""
    data = result.data
    sets = [DataSet("glyphs", say("Glyphs"), data.source, data.version, data.licence, data.digest, data.images)]
    for role in SETS:
        source, version, licence, digest = (
            getattr(data, f"{role}_{x}") for x in ("source", "version", "licence", "digest")
        )
        sets.append(DataSet(role, say(SETS[role]), source, version, licence, digest, getattr(data, role)))
    return sets


def named(one: DataSet) -> str:
    """The source with its version, said once; without one that is a list."""
    said = not one.version or len(one.version) > SHORT or one.source.endswith(f", version {one.version}")
    source = words.source(one.source)
    return source if said else say("{source}, version {version}", source=source, version=one.version)


def _character(c: str) -> Cell:
    return Cell(c, sort=c, kind="ch", title=character(c) if c else "")


def _rate(value: Rate | None, theirs: str = "") -> Cell:
    if value is None:
        return Cell(NONE, note=theirs)
    return Cell(
        percent(value.value),
        sort=value.value,
        note=f"({interval(value)})" + (f"\n{theirs}" if theirs else ""),
    )


def _reference(value: str, difference: str = "") -> str:
    return say("ref. {value}", value=value) + (f"\n{difference}" if difference else "")


def _signed(difference: float, decimals: int) -> str:
    return local(f"{difference:+,.{decimals}f}").replace("-", "\u2212")


def _epoch(n: int) -> str:
    return say("epoch\u00a0{n}", n=n)


def _training_rows(comparable: bool) -> list[tuple[str, Callable[[TrainingResult, Theirs | None], Cell]]]:
    """`comparable`: to the reference, so that a difference from it says something."""

    def parameters(t: TrainingResult, r: Theirs | None) -> Cell:
        if not (r and r.parameters):
            return Cell(count(t.parameters))
        return Cell(count(t.parameters), note=_reference(count(r.parameters), _signed(t.parameters - r.parameters, 0)))

    def epoch(t: TrainingResult, r: Theirs | None) -> Cell:
        early = sentences.under_way(t)
        difference = words.plus(t.best_epoch - r.val_accuracy_epoch) if r and comparable and not early else ""
        note = _reference(str(r.val_accuracy_epoch), difference) if r else ""
        numbers = {"n": t.best_epoch, "all": len(t.epochs)}
        return Cell(say("{n} of {all} so far", **numbers) if early else say("{n} of {all}", **numbers), note=note)

    def lowest_loss(t: TrainingResult, r: Theirs | None) -> Cell:
        lowest = min(t.epochs, key=lambda row: row.val_loss)
        note = _epoch(lowest.epoch)
        if r:
            theirs = loss(r.val_loss) + (f", {_epoch(r.val_loss_epoch)}" if r.val_loss_epoch else "")
            difference = _signed(lowest.val_loss - r.val_loss, 4) if comparable and not sentences.under_way(t) else ""
            note += "\n" + _reference(theirs, difference)
        return Cell(loss(lowest.val_loss), note=note)

    def overfits(t: TrainingResult, r: Theirs | None) -> Cell:
        return Cell(NONE if sentences.under_way(t) else str(t.overfits_from or say("none")))

    def seconds(t: TrainingResult, r: Theirs | None) -> Cell:
        own = median(row.seconds for row in t.epochs)
        if not r:
            return Cell(duration(own))
        least, most = r.epoch_seconds
        ends = {"low": words.plus(round(own - most)), "high": words.plus(round(own - least))}
        difference = say("{low} to {high}", **ends) + f"{words.NBSP}s" if comparable else ""
        return Cell(duration(own), note=_reference(f"{least}\u2013{most}{words.NBSP}s", difference))

    def speed(t: TrainingResult, r: Theirs | None) -> Cell:
        return Cell(count(median(row.images_per_second for row in t.epochs)))

    return [
        (say("Parameters"), parameters),
        (say("Best epoch"), epoch),
        (say("Lowest validation loss"), lowest_loss),
        (say("Overfits from epoch"), overfits),
        (say("Time per epoch, median"), seconds),
        (say("Training images/s, median"), speed),
        (say("Arithmetic"), lambda t, r: left(t.precision, "num")),
        (say("Device"), lambda t, r: left(t.device, "num small")),
    ]


def _evaluation_rows(comparable: bool) -> list[tuple[str, Callable[[Evaluation, Theirs | None], Cell]]]:
    """`comparable`: to the reference, so that a difference from it says something."""

    def accuracy(e: Evaluation, r: Theirs | None) -> Cell:
        difference = points(e.accuracy.value - r.val_accuracy) if r and comparable else ""
        return _rate(e.accuracy, _reference(percent(r.val_accuracy), difference) if r else "")

    return [
        (say("Validation accuracy"), accuracy),
        (say("Validation loss"), lambda e, r: Cell(loss(e.loss))),
        (say("Accuracy, cases folded"), lambda e, r: _rate(e.folded_accuracy)),
        (say("Accuracy without twins"), lambda e, r: _rate(e.without_twin_accuracy)),
        (say("Top-2 accuracy"), lambda e, r: _rate(e.top2_accuracy)),
        (say("Calibration error"), lambda e, r: Cell(percent(e.calibration_error))),
    ]


def comparison(result: StudyResult) -> Table:
    """One column per network, with the reference's value in small print if there is one."""
    evaluations = {e.model: e for e in result.evaluations}
    comparable, blank = sentences.on_chars74k(result), Cell(NONE)
    rows = []
    for name, measure in _evaluation_rows(comparable):
        cells = [
            measure(evaluations[t.model], reference.MODELS.get(t.model)) if t.model in evaluations else blank
            for t in result.trainings
        ]
        rows.append([left(name), *cells])
    if result.gains:
        gains = {one.model: _gain(one) for one in result.gains}
        rows.insert(
            1, [left(say("Against the network before")), *(gains.get(t.model, blank) for t in result.trainings)]
        )
    for name, cell in _training_rows(comparable):
        rows.append([left(name), *(cell(t, reference.MODELS.get(t.model)) for t in result.trainings)])
    heads = [f"{title(t.model)}\n{subtitle(t.model)}" for t in result.trainings]
    return Table(["", *heads], rows)


def _gain(one: Gain) -> Cell:
    return apart(one.difference, one.low, one.high, say("against {model}", model=words.name(one.before)))


def layers(result: StudyResult) -> dict[str, Table]:
    """Of each network, its layers; of none whose layers would have other parameters than it was trained with."""
    found = {}
    for t in result.trainings:
        own = OWN.get(t.model, {})
        side, channels = (own.get(x, getattr(result.study, x)) for x in ("image_size", "image_channels"))
        made = layers_of(t.model, side, channels, len(CLASSES), t.network)
        if sum(row.parameters for row in made) == t.parameters:
            rows = [
                [
                    left(row.name),
                    Cell(" \u00d7 ".join(map(count, row.shape))),
                    Cell(count(row.parameters) if row.parameters else NONE),
                ]
                for row in made
            ]
            found[t.model] = Table([say("Layer"), say("Gives on"), say("Parameters")], rows)
    return found


def slices(result: StudyResult) -> Table:
    """One row for each part of the validation images, a column a network."""
    own = {(one.by, one.name, one.model): one for one in result.slices}
    models = list(dict.fromkeys(one.model for one in result.slices))
    rows = []
    for by, name in dict.fromkeys((by, name) for by, name, _ in own):
        parts = [own[by, name, model] for model in models]
        cells = [
            Cell(
                percent(one.accuracy.value, 1),
                note=f"({interval(one.accuracy)})\n"
                + say("{share} cases folded", share=percent(one.folded_accuracy.value, 1)),
            )
            for one in parts
        ]
        rows.append(
            [
                left(kind(name).capitalize(), note=say("by {part}", part=kind(by))),
                *cells,
                Cell(count(parts[0].accuracy.n)),
            ]
        )
    return Table(["", *map(title, models), say("Images")], rows)


def classes(evaluation: Evaluation) -> Table:
    """One row per class; without images it has no recall, and without an answer for it no precision."""
    rows, answers = [], [sum(column) for column in zip(*evaluation.confusion, strict=True)]
    for c, answered in zip(evaluation.classes, answers, strict=True):
        worst = percent(c.most_read_as_share, 1) if c.most_read_as else NONE
        row = [_character(c.character), Cell(percent(c.recall if c.n else None, 1), c.recall if c.n else -1)]
        row += [Cell(percent(c.precision if answered else None, 1), c.precision if answered else -1)]
        row += [_character(c.most_read_as)]
        rows.append([*row, Cell(worst, c.most_read_as_share), Cell(count(c.n), c.n)])
    head = [say("Class"), say("Recall"), say("Precision"), say("Read as"), say("Share"), say("Images")]
    return Table(head, rows, sortable=True, data=[{"k": c.character} for c in evaluation.classes])


def pairs(evaluation: Evaluation, most: int = 24) -> Table:
    rows = [
        [
            _character(p.truth),
            _character(p.read),
            Cell(count(p.count), p.count),
            Cell(percent(p.share, 1), p.share),
        ]
        for p in evaluation.pairs[:most]
    ]
    data = [{"pair": p.truth + p.read} for p in evaluation.pairs[:most]]
    return Table([say("Truth"), say("Read as"), say("Images"), say("Share of class")], rows, sortable=True, data=data)


def external(result: StudyResult, group: str) -> Table:
    """One row per network, both methods side by side."""
    own = {(x.model, x.method): x for x in result.external if x.set == group}
    rows = []
    for model in dict.fromkeys(model for model, _ in own):
        row = [left(title(model))]
        for way in ("prepared", "reference"):
            x = own.get((model, way))
            row += [_rate(x.accuracy), _rate(x.accuracy_within)] if x else [Cell(NONE), Cell(NONE)]
        rows.append(row)
    within = say("26 capitals") if group == "letters" else say("10 digits")
    head = [f"{method(m)}\n{n}" for m in ("prepared", "reference") for n in (say("62 classes"), within)]
    return Table(["", *head], rows)


def text_rates(result: StudyResult) -> Table:
    """One row per family of texts and way of preparing their images, a column a network."""
    found = {(x.text, x.method, x.model): x for x in result.text_rates}
    models = list(dict.fromkeys(x.model for x in result.text_rates))
    rows = []
    for text, way in dict.fromkeys((text, way) for text, way, _ in found):
        cells = []
        for model in models:
            x = found[text, way, model]
            plain = say("{share} glyph by glyph", share=percent(x.plain.value, 1))
            others = f"{plain}\n{say('{share} kind known', share=percent(x.kind_known.value, 1))}"
            cells.append(Cell(percent(x.one_kind.value, 1), note=f"({interval(x.one_kind)})\n{others}"))
        rows.append([left(say(TEXTS[text]) if text in TEXTS else quoted(text), note=method(way)), *cells])
    return Table(["", *map(title, models)], rows)


def study(value: Frozen, full: Frozen = FULL) -> list[list[Cell]]:
    """Every setting of the study; values that differ from the full study are marked."""
    return [
        [left(path, "mono"), left(shown, "text" if shown == theirs else "wrong"), left(say(said), "text small")]
        for (path, shown, said), (_, theirs, _) in zip(settings(value), settings(full), strict=True)
    ]
