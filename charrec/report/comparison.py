"""The page that compares two studies, as one self-contained file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from charrec.evaluation.paired import Figure
from charrec.report import words
from charrec.report.bilingual import in_both
from charrec.report.cells import Cell, Mark, Scale, Table, apart
from charrec.report.compared import ROLES, Compared, Row, best_of
from charrec.report.language import Language, later, say
from charrec.report.sets import digest_of
from charrec.report.settings import settings
from charrec.report.templates import frame, template
from charrec.report.words import NBSP, NONE
from charrec.results import ClassRow, Rate, StudyResult, TrainingResult

CHANGED = 12  # classes shown whose recall differs most
MEASURES = {
    "accuracy": later("Validation characters"),
    "folded": later("The same, with the two cases of a letter as one"),
    "letters": later("New letters, prepared, among 62 classes"),
    "digits": later("New digits, prepared, among 62 classes"),
}
COUNTS = {
    "images": later("Images"), "fonts": later("Fonts"), "groups": later("Font groups"),
    "distinct": later("Distinct pictures"), "training": later("Images to train on"),
    "validation": later("Images to validate on"), "letters": later("New letters"), "digits": later("New digits"),
}  # fmt: skip
FIELDS = {"source": later("source"), "version": later("version"), "licence": later("licence")}  # of a set


def render(compared: Compared, first: Language = "en") -> str:
    """The complete page in both languages."""
    return in_both(lambda: _written(compared), first)


def _written(compared: Compared) -> str:
    a, b = compared.a.result, compared.b.result
    return template("comparison.html.j2").render(
        **frame(("report.css", "comparison.css"), ("language.js",)),
        sides={"A": compared.a, "B": compared.b},
        headline=headline(compared),
        lead=lead(compared),
        missing=[sentence() for sentence in compared.missing],
        **_dots(compared),
        measures={say(title): rates(getattr(compared, name)) for name, title in MEASURES.items()},
        data=data(a, b),
        code=code(a, b),
        settings=changed_settings(a, b),
        equal=sum(one == other for one, other in zip(settings(a.study), settings(b.study), strict=True)),
        training=training(a, b),
        search=search(a, b),
        searched=bool(a.search.trials or b.search.trials),
        classes=classes(a, b) if compared.best else None,
        texts=texts(a, b),
        rates_of_texts=text_rates(a, b),
        best={"A": best_of(a), "B": best_of(b)},
    )


def headline(compared: Compared) -> str:
    """Which study reads more, if either surely does."""
    a, b = (max(side.result.evaluations, key=lambda e: e.accuracy.value) for side in (compared.a, compared.b))
    if not compared.best:
        shares = {"a": words.percent(a.accuracy.value), "b": words.percent(b.accuracy.value)}
        return say("Study A reads {a}, study B {b}", **shares)
    if compared.best.low <= 0 <= compared.best.high:
        return say("Neither study reads surely more than the other")
    better, apart = "B" if compared.best.low > 0 else "A", words.distance(compared.best.difference)
    return say("Study {study} reads {points} more", study=better, points=apart)


def lead(compared: Compared) -> str:
    a, b = (words.name(best_of(side.result)) for side in (compared.a, compared.b))
    if not (found := compared.best):
        return say(
            "The best network of study A is {a}, that of study B {b}. Their images differ, so the rates stand side by"
            " side, each with its own interval, and a difference may be the images’.",
            a=a,
            b=b,
        )
    text = say(
        "Of {n} validation images that both studies tested on, {a} of study A reads {first} and {b} of study B"
        " {second}: {difference}.",
        n=words.count(found.n),
        a=a,
        first=words.percent(found.champion),
        b=b,
        second=words.percent(found.challenger),
        difference=f"{words.points(found.difference)} ({words.points_between(found.low, found.high)})",
    )
    return f"{text} {judgement(found)}"


def judgement(found: Figure) -> str:
    groups = words.many(found.groups, "group")
    if found.low <= 0 <= found.high:
        return say(
            "The 95\u00a0% interval comes from drawing {groups} of images anew; it contains 0, so this may be chance.",
            groups=groups,
        )
    return say(
        "The 95\u00a0% interval comes from drawing {groups} of images anew; it does not contain 0.", groups=groups
    )


def _dots(compared: Compared) -> dict[str, Any]:
    """The first screen: validation accuracy of either study's networks on one scale."""
    rated = [rate for row in compared.accuracy for rate in (row.a, row.b) if rate]
    scale = Scale.around([end for rate in rated for end in (rate.low, rate.high)])
    tracks = {row.model: [*_marks(scale, row.a, "ring"), *_marks(scale, row.b, "dot")] for row in compared.accuracy}
    return {"scale": scale, "tracks": tracks, "rows": compared.accuracy}


def _marks(scale: Scale, rate: Rate | None, kind: str) -> list[Mark]:
    if rate is None:
        return []
    low, high = scale.at(rate.low), scale.at(rate.high)
    study = "A" if kind == "ring" else "B"
    return [
        Mark("bar other" if kind == "ring" else "bar", low, round(high - low, 3), f"{study}: {words.interval(rate)}"),
        Mark(kind, scale.at(rate.value), title=f"{study}: {words.rate(rate)}"),
    ]


def rates(rows: list[Row]) -> Table:
    """A row for each network: either study's rate, and the difference where the images are the same."""
    shown = []
    for row in rows:
        cells = [Cell(words.title(row.model), kind="text"), *(_rate(rate) for rate in (row.a, row.b))]
        if found := row.paired:
            alone = say("each for itself") if found.groups == found.n else words.many(found.groups, "group")
            counts = f"{words.many(found.n, 'image')}, {alone}"
            sure = found.low > 0 or found.high < 0
            judged = Cell(say("surely") if sure else say("may be chance"), kind="text")
            difference = apart(found.difference, found.low, found.high)
            shown.append([*cells, difference, judged, Cell(counts, kind="num small")])
        else:
            shown.append([*cells, Cell(NONE), Cell(say("not paired"), kind="text"), Cell(NONE)])
    head = [*_studies(), say("B less A\nsame images"), say("Better or worse"), say("Paired on")]
    return Table(["", *head], shown)


def _studies() -> list[str]:
    return [say("Study {study}", study=name) for name in "AB"]


def _rate(value: Rate | None) -> Cell:
    return Cell(NONE) if value is None else Cell(words.percent(value.value), note=f"({words.interval(value)})")


def _unequal(name: str, one: object, other: object, *, kind: str = "text") -> list[Cell] | None:
    """A row for what differs."""
    if one == other:
        return None
    return [
        Cell(name, kind="text"),
        *(Cell(str(value) if value not in ("", None) else NONE, kind=kind) for value in (one, other)),
    ]


def data(a: StudyResult, b: StudyResult) -> Table:
    rows = []
    for role in ROLES:
        prefix = "" if role == "glyphs" else f"{role}_"
        name = say("Glyphs") if role == "glyphs" else say(words.SETS[role])
        for field, label in FIELDS.items():
            one, other = (words.source(getattr(result.data, f"{prefix}{field}")) for result in (a, b))
            rows.append(_unequal(say("{set}: {field}", set=name, field=say(label)), one, other))
        one, other = (digest_of(role, result)[:16] for result in (a, b))
        rows.append(_unequal(say("{set}: {field}", set=name, field="SHA-256"), one, other, kind="text mono"))
    for field, label in COUNTS.items():
        one, other = (words.count(getattr(x.data, field)) for x in (a, b))
        rows.append(_unequal(say(label), one, other, kind="num"))
    return _table([row for row in rows if row])


def code(a: StudyResult, b: StudyResult) -> Table:
    """Commit, machine and versions, as far as they differ."""
    commits = (x.code or say("not from a repository") for x in (a, b))
    rows = [_unequal(say("Commit"), *commits, kind="text mono")]
    if a.code == b.code and a.code.endswith("+"):
        changed = Cell(a.code, note=say("with changes that are not recorded"), kind="text mono")
        rows.append([Cell(say("Commit"), kind="text"), changed, changed])
    for label, name in ((say("Processor"), "cpu"), (say("Cores"), "cores"), (say("System"), "system")):
        rows.append(_unequal(label, getattr(a.machine, name), getattr(b.machine, name)))
    rows.append(_unequal(say("GPUs"), *(words.gpus(x.machine.gpus) for x in (a, b))))
    for name in dict.fromkeys([*a.machine.versions, *b.machine.versions]):
        rows.append(_unequal(name, a.machine.versions.get(name), b.machine.versions.get(name)))
    return _table([row for row in rows if row])


def changed_settings(a: StudyResult, b: StudyResult) -> Table:
    rows = []
    for (path, one, about), (_, other, _) in zip(settings(a.study), settings(b.study), strict=True):
        if one != other:
            rows.append(
                [
                    Cell(path, kind="mono"),
                    Cell(one, kind="text"),
                    Cell(other, kind="text"),
                    Cell(say(about), kind="text small"),
                ]
            )
    return Table([say("Setting"), *_studies(), ""], rows)


def _table(rows: list[list[Cell]]) -> Table:
    return Table(["", *_studies()], rows)


def training(a: StudyResult, b: StudyResult) -> Table:
    """What each network's training came to; where both studies agree, once."""
    trained = [{t.model: t for t in result.trainings} for result in (a, b)]
    measures: dict[str, Callable[[TrainingResult], str]] = {
        say("Parameters"): lambda t: words.count(t.parameters),
        say("Best epoch"): lambda t: say("{n} of {all}", n=t.best_epoch, all=len(t.epochs)),
        say("Lowest validation loss"): lambda t: words.loss(min(e.val_loss for e in t.epochs)),
        say("Overfits from epoch"): lambda t: str(t.overfits_from or say("none")),
        say("Arithmetic"): lambda t: t.precision,
        say("Time"): lambda t: words.duration(sum(e.seconds for e in t.epochs)),
    }
    rows = []
    for model in dict.fromkeys([*trained[0], *trained[1]]):
        cells = [Cell(words.title(model), kind="text")]
        for measure in measures.values():
            one, other = (measure(side[model]) if model in side else NONE for side in trained)
            cells.append(
                Cell(one if one == other else f"A {one}", note="" if one == other else f"B {other}", kind="num both")
            )
        rows.append(cells)
    return Table(["", *measures], rows)


def search(a: StudyResult, b: StudyResult) -> Table:
    rows = [
        _unequal(say("Trials"), *(words.count(len(x.search.trials)) for x in (a, b)), kind="num"),
        _unequal(say("Epochs in all"), *(words.count(x.search.epochs) for x in (a, b)), kind="num"),
        _unequal(
            say("Time"), *(words.duration(x.search.seconds) if x.search.trials else NONE for x in (a, b)), kind="num"
        ),
    ]
    best = [max((t.val_accuracy for t in x.search.trials if t.val_accuracy is not None), default=None) for x in (a, b)]
    rows.append(_unequal(say("Best accuracy of a trial"), words.percent(best[0]), words.percent(best[1]), kind="num"))
    for name in dict.fromkeys([*a.search.chosen, *b.search.chosen]):
        one, other = (words.number(x.search.chosen[name]) if name in x.search.chosen else NONE for x in (a, b))
        rows.append(_unequal(say("Chosen: {name}", name=name), one, other, kind="num"))
    return _table([row for row in rows if row])


def classes(a: StudyResult, b: StudyResult) -> Table:
    """The classes whose recall by the best network of either study differs most."""
    first, second = ({row.character: row for row in _classes(result)} for result in (a, b))
    both = [(c, one, other) for c, one in first.items() if one.n and (other := second.get(c)) and other.n]
    both.sort(key=lambda row: (-abs(row[2].recall - row[1].recall), row[0]))
    rows = []
    for c, one, other in both[:CHANGED]:
        gap = other.recall - one.recall
        rows.append([
            Cell(c, kind="ch", title=words.character(c)), _recall(one), _recall(other),
            Cell(words.points(gap).partition(NBSP)[0], kind="num"),
        ])  # fmt: skip
    head = [say("Class"), *(say("Recall, study {study}", study=name) for name in "AB"), say("Points")]
    return Table(head, rows)


def _classes(result: StudyResult) -> tuple[ClassRow, ...]:
    return max(result.evaluations, key=lambda e: e.accuracy.value).classes


def _recall(row: ClassRow) -> Cell:
    share = words.percent(row.most_read_as_share, 1)
    wrong = say("as {c}, {share}", c=row.most_read_as, share=share) if row.most_read_as else ""
    return Cell(words.percent(row.recall, 1), note=wrong)


def texts(a: StudyResult, b: StudyResult) -> Table:
    """Each text as either study's networks read its prepared images, by themselves and as one kind."""
    read = [{(x.text, x.model): x for x in result.texts if x.method == "prepared"} for result in (a, b)]
    rows = []
    for text, model in _in_order(read):
        cells = [Cell(words.quoted(text), kind="text"), Cell(words.title(model), kind="text")]
        for side in read:
            x = side.get((text, model))
            note = say("as {kind}: {text}", kind=words.kind(x.kind), text=x.one_kind) if x and x.kind else ""
            cells.append(
                Cell(
                    x.read if x else NONE,
                    note=note,
                    kind="text mono" if x and x.read == text else "text mono wrong" if x else "text",
                )
            )
        rows.append(cells)
    return Table([say("Text"), say("Network"), *_studies()], rows)


def text_rates(a: StudyResult, b: StudyResult) -> Table:
    found = [{(x.text, x.model): x for x in result.text_rates if x.method == "prepared"} for result in (a, b)]
    rows = []
    for text, model in _in_order(found):
        name = say(words.TEXTS[text]) if text in words.TEXTS else words.quoted(text)
        sides = [side.get((text, model)) for side in found]
        rows.append([Cell(name, kind="text"), Cell(words.title(model), kind="text"),
                     *(_rate(x.one_kind if x else None) for x in sides)])  # fmt: skip
    return Table([say("Text"), say("Network"), *_studies()], rows)


def _in_order(sides: list[dict[tuple[str, str], Any]]) -> list[tuple[str, str]]:
    """(text, network) of either study: the texts as they come, the networks of each below each other."""
    both = dict.fromkeys(key for side in sides for key in side)
    texts = list(dict.fromkeys(text for text, _ in both))
    return sorted(both, key=lambda key: (texts.index(key[0]), key[1]))
