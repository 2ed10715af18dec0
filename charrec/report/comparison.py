"""The page that compares two studies, as one self-contained file."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from charrec.evaluation.paired import Figure
from charrec.report import theme, typefaces, words
from charrec.report.cells import Cell, Mark, Scale, Table
from charrec.report.compared import ROLES, Compared, Row, best_of
from charrec.report.sets import digest_of
from charrec.report.settings import settings
from charrec.report.templates import template
from charrec.report.words import NBSP, NONE
from charrec.results import ClassRow, Rate, StudyResult, TrainingResult

CHANGED = 12  # classes shown whose recall differs most
MEASURES = {
    "accuracy": "Validation characters",
    "folded": "The same, with the two cases of a letter as one",
    "letters": "New letters, prepared, among 62 classes",
    "digits": "New digits, prepared, among 62 classes",
}
COUNTS = {
    "images": "Images", "fonts": "Fonts", "groups": "Font groups", "distinct": "Distinct pictures",
    "training": "Images to train on", "validation": "Images to validate on", "letters": "New letters",
    "digits": "New digits",
}  # fmt: skip


def render(compared: Compared) -> str:
    """The complete page."""
    a, b = compared.a.result, compared.b.result
    package = files("charrec.report")
    return template("comparison.html.j2").render(
        css=package.joinpath("report.css").read_text() + package.joinpath("comparison.css").read_text(),
        faces=typefaces.css(),
        themes={t.name: t for t in theme.THEMES},
        sides={"A": compared.a, "B": compared.b},
        headline=headline(compared),
        lead=lead(compared),
        missing=compared.missing,
        **_dots(compared),
        measures={MEASURES[name]: rates(getattr(compared, name)) for name in MEASURES},
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
        return f"Study A reads {words.percent(a.accuracy.value)}, study B {words.percent(b.accuracy.value)}"
    if compared.best.low <= 0 <= compared.best.high:
        return "Neither study reads surely more than the other"
    better = "B" if compared.best.low > 0 else "A"
    return f"Study {better} reads {words.points(abs(compared.best.difference)).lstrip('+')} more"


def lead(compared: Compared) -> str:
    a, b = (best_of(side.result) for side in (compared.a, compared.b))
    if not (found := compared.best):
        return (
            f"The best network of study A is {words.name(a)}, that of study B {words.name(b)}. Their images differ,"
            f" so the rates stand side by side, each with its own interval, and a difference may be the images’."
        )
    return (
        f"Of {words.count(found.n)} validation images that both studies tested on, {words.name(a)} of study A reads"
        f" {words.percent(found.champion)} and {words.name(b)} of study B {words.percent(found.challenger)}:"
        f" {difference(found)}. {judgement(found)}"
    )


def difference(found: Figure) -> str:
    return f"{words.points(found.difference)} ({span(found)})"


def span(found: Figure) -> str:
    """The 95 % interval of a difference, in points."""
    low, high = (words.points(end).removesuffix(f"{NBSP}points") for end in (found.low, found.high))
    return f"{low} to {high}"


def judgement(found: Figure) -> str:
    drawn = f"The 95{NBSP}% interval comes from drawing {words.many(found.groups, 'group')} of images anew"
    if found.low <= 0 <= found.high:
        return f"{drawn}; it contains 0, so this may be chance."
    return f"{drawn}; it does not contain 0."


def _dots(compared: Compared) -> dict[str, Any]:
    """The first screen: validation accuracy of either study's networks on one scale."""
    rated = [rate for row in compared.accuracy for rate in (row.a, row.b) if rate]
    scale = Scale.around([end for rate in rated for end in (rate.low, rate.high)])
    tracks = {row.model: [*_marks(scale, row.a, "ring"), *_marks(scale, row.b, "dot")] for row in compared.accuracy}
    return {"scale": scale, "tracks": tracks, "rows": compared.accuracy, "difference": difference}


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
            alone = "each for itself" if found.groups == found.n else words.many(found.groups, "group")
            counts = f"{words.many(found.n, 'image')}, {alone}"
            sure = found.low > 0 or found.high < 0
            told = Cell(words.points(found.difference), note=f"({span(found)})", kind="num sure" if sure else "num")
            shown.append(
                [*cells, told, Cell("surely" if sure else "may be chance", kind="text"), Cell(counts, kind="num small")]
            )
        else:
            shown.append([*cells, Cell(NONE), Cell("not paired", kind="text"), Cell(NONE)])
    return Table(["", "Study A", "Study B", "B less A\nsame images", "Better or worse", "Paired on"], shown)


def _rate(value: Rate | None) -> Cell:
    return Cell(NONE) if value is None else Cell(words.percent(value.value), note=f"({words.interval(value)})")


def _unequal(name: str, one: object, other: object, kind: str = "text") -> list[Cell] | None:
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
        set_name = "Glyphs" if role == "glyphs" else words.SETS[role]
        for label in ("source", "version", "licence"):
            one, other = (getattr(result.data, f"{prefix}{label}") for result in (a, b))
            rows.append(_unequal(f"{set_name}: {label}", one, other))
        one, other = (digest_of(role, result)[:16] for result in (a, b))
        rows.append(_unequal(f"{set_name}: SHA-256", one, other, "text mono"))
    for name, label in COUNTS.items():
        one, other = (words.count(getattr(x.data, name)) for x in (a, b))
        rows.append(_unequal(label, one, other, "num"))
    return _table([row for row in rows if row])


def code(a: StudyResult, b: StudyResult) -> Table:
    """Commit, machine and versions, as far as they differ."""
    rows = [_unequal("Commit", a.code or "not from a repository", b.code or "not from a repository", "text mono")]
    if a.code == b.code and a.code.endswith("+"):
        rows.append(
            [
                Cell("Commit", kind="text"),
                *[Cell(a.code, note="with changes that are not recorded", kind="text mono")] * 2,
            ]
        )
    for label, name in (("Processor", "cpu"), ("Cores", "cores"), ("System", "system")):
        rows.append(_unequal(label, getattr(a.machine, name), getattr(b.machine, name)))
    rows.append(_unequal("GPUs", *(words.listing(list(x.machine.gpus)) or "none" for x in (a, b))))
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
                    Cell(about, kind="text small"),
                ]
            )
    return Table(["Setting", "Study A", "Study B", ""], rows)


def _table(rows: list[list[Cell]]) -> Table:
    return Table(["", "Study A", "Study B"], rows)


def training(a: StudyResult, b: StudyResult) -> Table:
    """What each network's training came to; where both studies agree, once."""
    trained = [{t.model: t for t in result.trainings} for result in (a, b)]
    measures: dict[str, Callable[[TrainingResult], str]] = {
        "Parameters": lambda t: words.count(t.parameters),
        "Best epoch": lambda t: f"{t.best_epoch} of {len(t.epochs)}",
        "Lowest validation loss": lambda t: words.loss(min(e.val_loss for e in t.epochs)),
        "Overfits from": lambda t: f"epoch {t.overfits_from}" if t.overfits_from else "never",
        "Precision": lambda t: t.precision,
        "Time": lambda t: words.duration(sum(e.seconds for e in t.epochs)),
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
        _unequal("Trials", len(a.search.trials), len(b.search.trials), "num"),
        _unequal("Epochs in all", a.search.epochs, b.search.epochs, "num"),
        _unequal("Time", words.duration(a.search.seconds), words.duration(b.search.seconds), "num"),
    ]
    best = [max((t.val_accuracy for t in x.search.trials if t.val_accuracy is not None), default=None) for x in (a, b)]
    rows.append(_unequal("Best accuracy of a trial", words.percent(best[0]), words.percent(best[1]), "num"))
    for name in dict.fromkeys([*a.search.chosen, *b.search.chosen]):
        one, other = (words.number(x.search.chosen[name]) if name in x.search.chosen else NONE for x in (a, b))
        rows.append(_unequal(f"Chosen: {name}", one, other, "num"))
    return _table([row for row in rows if row])


def classes(a: StudyResult, b: StudyResult) -> Table:
    """The classes whose recall by the best network of either study differs most."""
    first, second = ({row.character: row for row in _classes(result)} for result in (a, b))
    both = [(c, first[c], second[c]) for c in first if c in second]
    both.sort(key=lambda row: (-abs(row[2].recall - row[1].recall), row[0]))
    rows = []
    for c, one, other in both[:CHANGED]:
        gap = other.recall - one.recall
        rows.append([
            Cell(c, kind="ch", title=words.character(c)), _recall(one), _recall(other),
            Cell(words.points(gap).removesuffix(f"{NBSP}points"), kind="num"),
        ])  # fmt: skip
    return Table(["Class", "Recall, study A", "Recall, study B", "Points"], rows)


def _classes(result: StudyResult) -> tuple[ClassRow, ...]:
    return max(result.evaluations, key=lambda e: e.accuracy.value).classes


def _recall(row: ClassRow) -> Cell:
    wrong = f"{row.most_read_as} {words.percent(row.most_read_as_share, 1)}" if row.most_read_as else ""
    return Cell(words.percent(row.recall, 1), note=wrong and f"as {wrong}")


def texts(a: StudyResult, b: StudyResult) -> Table:
    """Each text as either study's networks read its prepared images, by themselves and as one kind."""
    read = [{(x.text, x.model): x for x in result.texts if x.method == "prepared"} for result in (a, b)]
    rows = []
    for text, model in _in_order(read):
        cells = [Cell(f"\u201c{text}\u201d", kind="text"), Cell(words.title(model), kind="text")]
        for side in read:
            x = side.get((text, model))
            note = f"as {x.kind}: {x.one_kind}" if x and x.kind else ""
            cells.append(
                Cell(
                    x.read if x else NONE,
                    note=note,
                    kind="text mono" if x and x.read == text else "text mono wrong" if x else "text",
                )
            )
        rows.append(cells)
    return Table(["Text", "Network", "Study A", "Study B"], rows)


def text_rates(a: StudyResult, b: StudyResult) -> Table:
    found = [{(x.text, x.model): x for x in result.text_rates if x.method == "prepared"} for result in (a, b)]
    rows = []
    for text, model in _in_order(found):
        name = words.TEXTS.get(text, f"\u201c{text}\u201d")
        sides = [side.get((text, model)) for side in found]
        rows.append([Cell(name, kind="text"), Cell(words.title(model), kind="text"),
                     *(_rate(x.one_kind if x else None) for x in sides)])  # fmt: skip
    return Table(["Text", "Network", "Study A", "Study B"], rows)


def _in_order(sides: list[dict[tuple[str, str], Any]]) -> list[tuple[str, str]]:
    """(text, network) of either study: the texts as they come, the networks of each below each other."""
    both = dict.fromkeys(key for side in sides for key in side)
    texts = list(dict.fromkeys(text for text, _ in both))
    return sorted(both, key=lambda key: (texts.index(key[0]), key[1]))
