"""The training curves as the page draws them: accuracy and loss by epoch, words and numbers in the page's language."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from charrec import reference
from charrec.report import words
from charrec.report.curves import curve_limits
from charrec.report.language import say

if TYPE_CHECKING:
    from charrec.results import StudyResult, TrainingResult

LEFT, RIGHT, TOP, BOTTOM = 50, 318, 26, 212  # of a panel; beyond its right end stand the lines' names
APART = 15.0  # between the two names
LOWEST = BOTTOM - 4  # of a name, above the epochs' numbers
METRICS = ("accuracy", "loss")
ROUND = (1, 2, 5)  # times a power of ten: the distance of two ticks
NEAR = 1e-6  # of a step: 1.0 is five steps of 0.2, which floating-point division makes less of
FEW = 4  # epochs, which a line alone would not show
WIDTH = 104  # of the longest label of a best epoch, so that it lies in one place in both languages
ABOVE, BELOW = -10, 19  # from the dot to its label's baseline
ANCHORS = {"middle": 0.5, "start": 0.0, "end": 1.0}  # what of a label is left of its x
PARTS = 24  # of an epoch's line


@dataclass(frozen=True)
class Label:
    x: float
    y: float
    anchor: str
    text: str


@dataclass(frozen=True)
class History:
    """One network's panel of one metric."""

    title: str
    about: str  # the drawing in words
    training: str  # points of a polyline
    validation: str
    dots: list[tuple[float, float, str]]  # of few epochs: x, y and the line's name
    band: float | None  # x where overfitting starts
    overfits: Label
    best: tuple[float, float]
    best_label: Label
    reference: tuple[float, float, str] | None  # x, y and what it is
    names: list[tuple[float, str, str]]  # y, the line and its name in the page's language
    ticks: list[tuple[float, str]]
    epochs: list[tuple[float, str]]


def histories(result: StudyResult, reference_too: bool) -> dict[str, list[History]]:
    """Of each network both panels; their scales are the same for all networks."""
    limits = {metric: curve_limits(result, metric) for metric in METRICS} if result.trainings else {}
    return {
        one.model: [_history(one, metric, limits[metric], reference_too) for metric in METRICS]
        for one in result.trainings
    }


@dataclass(frozen=True)
class _Panel:
    """Epochs 1 to `last` and a range of values -> the drawing's units."""

    last: int
    low: float
    high: float

    def x(self, epoch: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * (epoch - 0.8) / (self.last - 0.6), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(BOTTOM - (BOTTOM - TOP) * min(max(share, 0.0), 1.0), 1)

    def points(self, values: list[float]) -> str:
        return " ".join(f"{self.x(epoch):g},{self.y(value):g}" for epoch, value in enumerate(values, 1))


def _history(training: TrainingResult, metric: str, limits: tuple[float, float], reference_too: bool) -> History:
    epochs = training.epochs
    train, val = ([getattr(row, f"{part}{metric}") for row in epochs] for part in ("", "val_"))
    panel = _Panel(len(epochs), *limits)
    best = training.best_epoch if metric == "accuracy" else 1 + val.index(min(val))
    lines = {"training": train, "validation": val}
    best_label = _best_label(panel, metric, best, lines)
    return History(
        title=say("accuracy") if metric == "accuracy" else say("loss"),
        about=_about(training, metric, best, val[best - 1]),
        training=panel.points(train),
        validation=panel.points(val),
        dots=[
            (panel.x(epoch), panel.y(value), name)
            for name, values in lines.items()
            for epoch, value in enumerate(values, 1)
            if len(epochs) < FEW
        ],
        band=panel.x(training.overfits_from - 0.5) if training.overfits_from else None,
        overfits=_overfits(panel, metric, training.overfits_from, lines, best_label),
        best=(panel.x(best), panel.y(val[best - 1])),
        best_label=best_label,
        reference=_reference(panel, training.model, metric) if reference_too else None,
        names=_names(panel, train[-1], val[-1]),
        ticks=_ticks(panel, metric),
        epochs=[(panel.x(epoch), str(epoch)) for epoch in _shown(len(epochs))],
    )


def _overfits(panel: _Panel, metric: str, start: int | None, lines: dict[str, list[float]], best: Label) -> Label:
    """At the panel's right end, at the edge that the best epoch's label leaves, or that fewer points are behind."""
    text = say("overfits from epoch\u00a0{n}", n=start)
    edges = [Label(RIGHT - 4, y, "end", text) for y in (TOP + 8, BOTTOM - 6)]
    free = [one for one in edges if abs(one.y - best.y) >= APART] or edges
    return _emptiest(free if metric == "loss" else free[::-1], panel, lines)


def _about(training: TrainingResult, metric: str, best: int, value: float) -> str:
    """For who does not see it."""
    values = {"model": words.title(training.model), "value": _shown_value(metric, value)}
    values |= {"n": str(best), "all": str(len(training.epochs))}
    text = (
        say(
            "{model}: training and validation accuracy by epoch; best validation {value} after epoch {n} of {all}",
            **values,
        )
        if metric == "accuracy"
        else say(
            "{model}: training and validation loss by epoch; lowest validation {value} after epoch {n} of {all}",
            **values,
        )
    )
    overfits = training.overfits_from
    return text + (say("; it overfits from epoch\u00a0{n}", n=overfits) if overfits else "")


def _shown_value(metric: str, value: float) -> str:
    return words.percent(value, 1) if metric == "accuracy" else words.decimal(value, 3)


def _best_label(panel: _Panel, metric: str, epoch: int, lines: dict[str, list[float]]) -> Label:
    """Above or below the best epoch's dot, or both lines, where the fewest points of the lines are behind it."""
    value, other = (lines[name][epoch - 1] for name in ("validation", "training"))
    x, y, both = panel.x(epoch), panel.y(value), sorted((panel.y(value), panel.y(other)))
    text = say("{value}, epoch\u00a0{n}", value=_shown_value(metric, value), n=epoch)
    sides = [y + ABOVE, y + BELOW] if metric == "accuracy" else [y + BELOW, y + ABOVE]  # first where its line is not
    sides += [both[0] + ABOVE, both[1] + BELOW]
    places = [Label(x, round(side, 1), anchor, text) for side in sides for anchor in ANCHORS]
    return _emptiest([one for one in places if _fits(one)], panel, lines)


def _emptiest(places: list[Label], panel: _Panel, lines: dict[str, list[float]]) -> Label:
    """Where the fewest points of the lines are behind a label; of equal places the first."""
    points = [point for values in lines.values() for point in _points(panel, values)]
    return min(places, key=lambda one: sum(_covers(one, *point) for point in points))


def _points(panel: _Panel, values: list[float]) -> Iterator[tuple[float, float]]:
    """Along a line, so close that none passes a label unseen."""
    for epoch, (a, b) in enumerate(pairwise(values), 1):
        for part in range(PARTS):
            share = part / PARTS
            yield panel.x(epoch + share), panel.y(a + share * (b - a))
    yield panel.x(len(values)), panel.y(values[-1])


def covered(label: Label) -> tuple[float, float, float, float]:
    """What a label takes at most, that of the best epoch or of overfitting: left, top, right, bottom."""
    left = label.x - WIDTH * ANCHORS[label.anchor]
    return left, label.y - 11, left + WIDTH, label.y + 3


def _fits(label: Label) -> bool:
    left, top, right, bottom = covered(label)
    return left >= LEFT - 8 and right <= RIGHT + 2 and top >= TOP - 14 and bottom <= BOTTOM


def _covers(label: Label, x: float, y: float) -> bool:
    left, top, right, bottom = covered(label)
    return left <= x <= right and top <= y <= bottom


def _reference(panel: _Panel, model: str, metric: str) -> tuple[float, float, str] | None:
    theirs = reference.MODELS.get(model)
    epoch = getattr(theirs, f"val_{metric}_epoch") if theirs else None
    if epoch is None or epoch > panel.last:
        return None
    value = getattr(theirs, f"val_{metric}")
    shown = words.percent(value) if metric == "accuracy" else words.loss(value)
    return panel.x(epoch), panel.y(value), say("reference: {share}", share=shown)


def _names(panel: _Panel, train: float, val: float) -> list[tuple[float, str, str]]:
    """At the lines' right ends, pushed apart where they would lie on one another."""
    ends = {"training": panel.y(train), "validation": panel.y(val)}
    push = max(0.0, APART - abs(ends["training"] - ends["validation"])) / 2
    first, second = sorted(ends, key=lambda name: ends[name])
    placed = {first: ends[first] - push, second: ends[second] + push}
    up = max(0.0, placed[second] - LOWEST)
    said = {"training": say("training"), "validation": say("validation")}
    return [(round(placed[name] - up, 1), name, said[name]) for name in ends]


def _ticks(panel: _Panel, metric: str) -> list[tuple[float, str]]:
    """Labels of round values, five or so."""
    steps = (digit * 10.0**power for power in range(-2, 300) for digit in ROUND)
    step = next((one for one in steps if (panel.high - panel.low) / one <= 6), 1.0)  # a loss may not be a number
    first, last = math.ceil(panel.low / step - NEAR), math.floor(panel.high / step + NEAR)
    values = [round(k * step, 6) for k in range(first, last + 1)]
    if metric == "loss":
        return [(panel.y(value), words.level(value)) for value in values]
    return [(panel.y(value), words.percent(value, 0)) for value in values]


def _shown(last: int) -> list[int]:
    """Epochs that have a label: the first, and multiples of a round step."""
    step = next(one for one in (1, 2, 5, 10, 20, 50, 100, 200, 500, last) if last / one <= 8)
    return sorted({1, *range(step, last + 1, step)})
