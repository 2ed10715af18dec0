"""The search's workers drawn by time: a row a worker, a bar for each stretch of work at a trial."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from charrec.report import words
from charrec.report.language import later, say
from charrec.report.shifts import Fleet, Shift, fleet

if TYPE_CHECKING:
    from charrec.results import Stretch, StudyResult

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 1040, 40, 24, 14, 30
TALL, LOW, ALL = 24.0, 9.0, 560.0  # a row at most, at least, and all of them together where that goes
ROWS = 64  # of workers; more take turns in a row
LEAST = 1.5  # a bar's width; a trial that was taken up and given back at once is seen too
BREAK, LONG = 26.0, 0.08  # the width of a time without any worker, where it is more than this share of the others
APART = 84.0  # between the labels of two times
ASIDE = 24.0  # a label's middle from where the scale is cut, so that no label lies under the cut
STEPS = tuple(unit * n for unit, ns in (
    (1, (1, 2, 5, 10, 15, 30)), (60, (1, 2, 5, 10, 15, 30)), (3600, (1, 2, 3, 6, 12)), (86_400, (1, 2, 5, 10, 20, 50)),
) for n in ns)  # seconds  # fmt: skip
KINDS = {
    "promoted": later("promoted"),
    "last": later("completed, and the last of its configuration"),
    "failed": later("failed"),
    "released": later("given back"),
    "lost": later("lost"),
    "running": later("not ended yet"),
}
HOW = {
    "completed": later("completed"),
    "promoted": later("completed, and promoted"),
    "failed": later("failed"),
    "given back": later("given back for another worker"),
    "lost": later("its worker was lost"),
    "running": later("not ended yet"),
}


@dataclass(frozen=True)
class Bar:
    trial: str
    configuration: int
    place: int  # of its bracket, which decides the colour
    kind: str  # of KINDS
    x: float
    y: float
    width: float
    height: float
    waits: float | None  # where the next worker takes a lost trial up, on the same scale
    title: str


@dataclass(frozen=True)
class Drawing:
    height: float
    row: float  # of each row, with its gap
    labels: list[tuple[float, str]]  # y, number of the worker
    bars: list[Bar]
    ticks: list[tuple[float, str]]  # x, time since the beginning
    breaks: list[tuple[float, str]]  # x, how long nobody worked
    brackets: list[int]  # by place
    kinds: list[tuple[str, str]]  # that occur, and what the key says of them
    label: str
    fleet: Fleet


@dataclass(frozen=True)
class Scale:
    """Seconds -> x. Times in which nobody had a trial, as between two runs of a study, are cut short."""

    parts: tuple[tuple[float, float], ...]  # begin, end: somebody had a trial

    @classmethod
    def of(cls, stretches: tuple[Stretch, ...]) -> Scale:
        ends = sorted((one.begin, one.begin if one.end is None else one.end) for one in stretches)
        parts = [ends[0]]
        work = sum(end - begin for begin, end in ends)
        for begin, end in ends[1:]:
            if begin - parts[-1][1] > max(LONG * work, 1.0):
                parts.append((begin, end))
            else:
                parts[-1] = parts[-1][0], max(parts[-1][1], end)
        return cls(tuple(parts))

    @property
    def unit(self) -> float:
        """The width of a second."""
        seconds = sum(end - begin for begin, end in self.parts)
        return (WIDTH - LEFT - RIGHT - BREAK * (len(self.parts) - 1)) / max(seconds, 1.0)

    def x(self, seconds: float) -> float:
        left = float(LEFT)
        for begin, end in self.parts:
            if seconds <= end:
                return round(left + max(seconds - begin, 0) * self.unit, 1)
            left += (end - begin) * self.unit + BREAK
        return round(left - BREAK, 1)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        step = next((one for one in STEPS if one * self.unit >= APART), STEPS[-1])
        found: list[tuple[float, str]] = []
        for begin, end in self.parts:
            left = self.x(begin) + (ASIDE if begin != self.parts[0][0] else 0)
            right = self.x(end) - (ASIDE if end != self.parts[-1][1] else 0)
            for k in range(int(-(-begin // step)), int(end // step) + 1):
                x = self.x(k * step)
                if left <= x <= right and (not found or x - found[-1][0] >= APART):
                    found.append((x, words.duration(k * step) if k else "0"))
        return found

    @property
    def breaks(self) -> list[tuple[float, str]]:
        pairs = zip(self.parts, self.parts[1:], strict=False)
        return [(self.x(end) + BREAK / 2, words.duration(begin - end)) for (_, end), (begin, _) in pairs]


def drawing(result: StudyResult) -> Drawing | None:
    """None where no times were kept."""
    if result.timeline is None:
        return None
    stretches, crew = result.timeline.stretches, fleet(result)
    scale, rows = Scale.of(stretches), _rows(crew.shifts)
    number = 1 + max(rows.values())
    row = max(LOW, min(TALL, ALL / number))
    bars = list(_bars(stretches, crew, scale, rows, row))
    first = {rows[shift.worker]: str(shift.number) for shift in reversed(crew.shifts)}
    every = 1 if row >= 12 else 4
    return Drawing(
        height=round(TOP + row * number + BOTTOM, 1),
        row=row,
        labels=[(round(TOP + row * (place + 0.5), 1), first[place]) for place in range(0, number, every)],
        bars=bars,
        ticks=scale.ticks,
        breaks=scale.breaks,
        brackets=_brackets(stretches),
        kinds=[(kind, say(KINDS[kind])) for kind in KINDS if any(bar.kind == kind for bar in bars)],
        label=_label(crew),
        fleet=crew,
    )


def _brackets(stretches: tuple[Stretch, ...]) -> list[int]:
    return sorted({one.bracket for one in stretches}, reverse=True)


def _bars(stretches: tuple[Stretch, ...], crew: Fleet, scale: Scale, rows: dict[str, int], row: float) -> Iterator[Bar]:
    brackets, deepest = _brackets(stretches), max(1, *(one.rung for one in stretches))
    last: dict[int, int] = {}  # configuration -> the highest rung that it came to
    for one in stretches:
        last[one.configuration] = max(one.rung, last.get(one.configuration, 0))
    for one in stretches:
        left, right = scale.x(one.begin), scale.x(one.begin if one.end is None else one.end)
        height = round((row - 3) * (0.45 + 0.55 * one.rung / deepest), 1)
        again = crew.again.get((one.trial, one.begin))
        promoted = one.how == "completed" and one.rung < last[one.configuration]
        yield Bar(
            trial=one.trial,
            configuration=one.configuration,
            place=brackets.index(one.bracket),
            kind="promoted" if promoted else {"completed": "last", "given back": "released"}.get(one.how, one.how),
            x=left,
            y=round(TOP + row * (rows[one.worker] + 1) - 1.5 - height, 1),
            width=max(round(right - left, 1), LEAST),
            height=height,
            waits=None if again is None else scale.x(again),
            title=_title(one, crew, promoted, again),
        )


def _rows(shifts: tuple[Shift, ...]) -> dict[str, int]:
    """Worker -> row. A worker has one of its own, as long as there are few; then it follows one that has left."""
    if len(shifts) <= ROWS:
        return {shift.worker: place for place, shift in enumerate(shifts)}
    ends: list[float] = []
    rows = {}
    for shift in shifts:
        place = next((place for place, end in enumerate(ends) if end <= shift.begin), len(ends))
        ends[place : place + 1] = [shift.end]
        rows[shift.worker] = place
    return rows


def _title(one: Stretch, crew: Fleet, promoted: bool, again: float | None) -> str:
    lasted = say("it is not known when") if one.end is None else words.duration(one.end - one.begin)
    text = say(
        "worker {number} ({name}), trial {trial}, configuration {configuration}, bracket {bracket}, rung {rung}: {how};"
        " from {begin}, {lasted}",
        number=crew.number(one.worker),
        name=one.worker,
        trial=one.trial,
        configuration=one.configuration,
        bracket=one.bracket,
        rung=one.rung,
        how=say(HOW["promoted" if promoted else one.how]),
        begin=words.duration(one.begin),
        lasted=lasted,
    )
    if one.epochs is not None:
        text += f", {words.many(one.epochs, 'epoch')}"
    if again is not None and one.end is not None:
        waited = words.duration(again - one.end)
        text += say("; taken up again {waited} after its last sign of life", waited=waited)
    return text


def _label(crew: Fleet) -> str:
    return say(
        "Timeline of {workers}, with {bars}, one for each time that a worker had a trial: {idle} idle, {lost} lost,"
        " {work} of work lost. The table below has each worker.",
        workers=words.many(len(crew.shifts), "worker"),
        bars=words.many(crew.stretches, "bar"),
        idle=words.percent(crew.idle_share, 0),
        lost=crew.lost,
        work=words.duration(crew.lost_seconds),
    )
