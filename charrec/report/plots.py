"""The search's two drawings that answer to a pointer: parallel coordinates of its trials, and its learning curves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from charrec.report import tables, words
from charrec.report.language import say

if TYPE_CHECKING:
    from charrec.results import StudyResult, TrialRow

WIDTH, HEIGHT = 1040, 400
LEFT, RIGHT, TOP, BOTTOM = 56, 76, 52, 34
LABEL = 13.0  # height of a label
APART = 16.0  # between the first and the last line that pass one point
STEPS = (50, 60, 70, 75, 80, 84, 86, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 99.5)  # percent that may be a tick


@dataclass(frozen=True)
class Axis:
    name: str
    title: str
    x: float
    ticks: list[tuple[float, str]]  # y, label

    @property
    def every(self) -> int:
        """The n-th labels that are shown, so that they do not lie on one another; the others are there for a script."""
        heights = [y for y, _ in self.ticks]
        return math.ceil(LABEL * (len(heights) - 1) / (max(heights) - min(heights))) if len(heights) > 1 else 1


@dataclass(frozen=True)
class Line:
    trial: str
    configuration: int
    quarter: int  # 1: of the best quarter of accuracies, ... 4
    path: str
    heights: list[float]  # y on every axis
    label: str
    chosen: bool


@dataclass(frozen=True)
class End:
    """The end of a trial on its configuration's curve."""

    x: float
    y: float
    promoted: bool
    title: str


@dataclass(frozen=True)
class Curve:
    configuration: int
    place: int  # of its bracket, which decides colour and dashes
    points: str
    ends: list[End]
    chosen: bool
    label: str


@dataclass(frozen=True)
class Errors:
    """A scale of accuracies by the logarithm of what is left to 1, so that the best ones do not lie on one another."""

    low: float
    high: float

    @classmethod
    def of(cls, accuracies: list[float]) -> Errors:
        low, high = min(accuracies), max(accuracies)
        if _left(low) == _left(high):  # at the top, as the best of others
            low = max(high - 0.01, 0.0)
        return cls(low, max(high, 0.01))

    def y(self, accuracy: float) -> float:
        share = math.log(_left(self.low) / _left(accuracy)) / math.log(_left(self.low) / _left(self.high))
        return round(HEIGHT - BOTTOM - min(max(share, 0.0), 1.0) * (HEIGHT - TOP - BOTTOM), 1)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Labels of the ends, and of round numbers between them that are 18 units apart."""
        ends = [(self.y(end), words.percent(end, 1)) for end in (self.low, self.high)]
        kept = list(ends)
        for step in STEPS:
            if self.low < step / 100 < self.high:
                y = self.y(step / 100)
                if all(abs(y - other) >= 18 for other, _ in kept):
                    kept.append((y, words.level(step) + words.per_cent()))
        return sorted(kept)


def _left(accuracy: float) -> float:
    """To 1, of which the logarithm is taken."""
    return max(1 - accuracy, 0.0005)


def axes(result: StudyResult) -> list[Axis]:
    """One for each hyperparameter, then the epochs trained, then the accuracy."""
    names = [*(name for name in tables.hyperparameters(result) if name in result.search.space), "epochs"]
    apart = (WIDTH - LEFT - RIGHT) / len(names)
    found = [
        Axis(
            name,
            say("epochs") if name == "epochs" else name,
            round(LEFT + apart * k, 1),
            _levels(_options(result, name)),
        )
        for k, name in enumerate(names)
    ]
    done = [t.val_accuracy for t in result.search.trials if t.val_accuracy is not None]
    ticks = Errors.of(done).ticks if done else []
    return [*found, Axis("accuracy", say("accuracy"), float(WIDTH - RIGHT), ticks)]


def _options(result: StudyResult, name: str) -> list[float]:
    if name == "epochs":
        return sorted({float(t.epochs) for t in result.search.trials})
    return [float(value) for value in result.search.space[name]]


def _levels(options: list[float]) -> list[tuple[float, str]]:
    """From the bottom up, evenly."""
    apart = (HEIGHT - TOP - BOTTOM - APART) / max(len(options) - 1, 1)
    return [(round(HEIGHT - BOTTOM - APART / 2 - apart * k, 1), words.level(value)) for k, value in enumerate(options)]


def lines(result: StudyResult, shown: list[Axis]) -> list[Line]:
    """One for each trial that has an accuracy, the best one last, so that it lies on top."""
    done = [t for t in result.search.trials if t.val_accuracy is not None]
    scale = Errors.of([t.val_accuracy or 0.0 for t in done]) if done else None
    found = []
    for rank, trial in enumerate(done):
        shift = APART * (rank / max(len(done) - 1, 1) - 0.5)
        heights = [round(_level(axis, trial) + shift, 1) for axis in shown[:-1]]
        heights.append(scale.y(trial.val_accuracy or 0.0) if scale else 0.0)
        found.append(
            Line(
                trial=trial.trial,
                configuration=trial.configuration,
                quarter=1 + 4 * rank // len(done),
                path=_smooth([(axis.x, y) for axis, y in zip(shown, heights, strict=True)]),
                heights=heights,
                label=described(trial),
                chosen=rank == 0,
            )
        )
    return found[::-1]


def described(trial: TrialRow) -> str:
    network = ", ".join(f"{name} {words.number(value)}" for name, value in trial.network.items())
    return say(
        "trial {trial}, configuration {configuration}: {network}; {accuracy} after {epochs}",
        trial=trial.trial,
        configuration=trial.configuration,
        network=network,
        accuracy=words.percent(trial.val_accuracy),
        epochs=words.many(trial.epochs, "epoch"),
    )


def _level(axis: Axis, trial: TrialRow) -> float:
    value = trial.epochs if axis.name == "epochs" else trial.network[axis.name]
    return next(y for y, label in axis.ticks if label == words.level(float(value)))


def _smooth(points: list[tuple[float, float]]) -> str:
    parts = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for (x, y), (to, end) in pairwise(points):
        middle = (x + to) / 2
        parts.append(f"C{middle:g} {y:g} {middle:g} {end:g} {to:g} {end:g}")
    return "".join(parts)


@dataclass(frozen=True)
class Learning:
    """The learning curves, drawn."""

    curves: list[Curve]
    ticks: list[tuple[float, str]]  # y, accuracy
    epochs: list[tuple[float, str]]  # x, epoch
    brackets: list[int]  # by place


def learning(result: StudyResult) -> Learning | None:
    """Accuracy by epoch of every configuration; None where no trial has an accuracy.

    Older results do not say what came between the ends of trials: straight lines join these.
    """
    done = [t for t in result.search.trials if t.val_accuracy is not None]
    if not done:
        return None
    epochs = {c.configuration: [row.val_accuracy for row in c.epochs] for c in result.search_curves}
    last = max(t.epochs for t in done)
    scale = Errors.of([t.val_accuracy or 0.0 for t in done] + [v for values in epochs.values() for v in values])

    def x(epoch: float) -> float:
        share = (epoch - 1) / (last - 1) if last > 1 else 0.5
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    brackets = sorted({t.bracket for t in done}, reverse=True)
    curves = []
    for configuration in sorted({t.configuration for t in done}):
        own = sorted((t for t in done if t.configuration == configuration), key=lambda t: t.epochs)
        values = epochs.get(configuration, [])[: own[-1].epochs]
        points = list(enumerate(values, 1)) or [(t.epochs, t.val_accuracy or 0.0) for t in own]
        at = dict(points)
        ends = [
            End(
                x=x(t.epochs),
                y=scale.y(at.get(t.epochs, t.val_accuracy or 0.0)),
                promoted=t is not own[-1],
                title=say("{trial}; promoted", trial=described(t)) if t is not own[-1] else described(t),
            )
            for t in own
        ]
        path = " ".join(f"{x(epoch):g},{scale.y(value):g}" for epoch, value in points)
        chosen = own[-1].network == result.search.chosen
        curves.append(Curve(configuration, brackets.index(own[0].bracket), path, ends, chosen, described(own[-1])))
    rungs = [(x(epoch), str(epoch)) for epoch in sorted({1, *(t.epochs for t in done)})]
    return Learning(curves, scale.ticks, _legible(rungs), brackets)


def _legible(ticks: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Without the label of a tick that is too near the next one."""
    near = [after[0] - here[0] < LABEL for here, after in pairwise(ticks)]
    return [(at, "" if close else label) for (at, label), close in zip(ticks, [*near, False], strict=True)]
