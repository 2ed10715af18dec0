"""Training curves: accuracy and loss by epoch, one panel per network and metric."""

from __future__ import annotations

from math import inf
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from charrec import reference
from charrec.report import words
from charrec.report.canvas import blank
from charrec.report.theme import LIGHT
from charrec.results import StudyResult, TrainingResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOUD = 3.0  # times the largest loss of the later epochs: what a first epoch may take of the panel
BROKEN = 10.0  # times the largest of the lines' medians: a later epoch above it does not count either
ROOM_BELOW = 0.16  # of a panel's height, which a dot's label takes


def whole_epochs(axes: Axes, last: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.set_xlim(1 - 0.02 * last, last + 0.02 * last)
    axes.set_xlabel("epoch")


def curve(training: TrainingResult, metric: str, limits: tuple[float, float], reference_too: bool) -> Figure:
    """One network's "accuracy" or "loss" by epoch, training and validation."""
    figure, axes = blank(4.8, 2.9)
    epochs = [row.epoch for row in training.epochs]
    train = [getattr(row, metric) for row in training.epochs]
    val = [getattr(row, f"val_{metric}") for row in training.epochs]
    axes.set_ylim(*limits)
    whole_epochs(axes, len(epochs))
    if training.overfits_from:
        _overfit_band(axes, training.overfits_from, len(epochs), "top" if metric == "loss" else "bottom")
    axes.plot(epochs, train, color=LIGHT.muted, lw=1.4, marker="o" if len(epochs) < 4 else "", ms=3)
    axes.plot(epochs, val, color=LIGHT.accent, lw=2, marker="o" if len(epochs) < 4 else "", ms=3)
    best = training.best_epoch if metric == "accuracy" else epochs[int(np.argmin(val))]
    axes.plot(best, val[best - 1], "o", ms=7, color=LIGHT.accent, mec=LIGHT.paper, mew=1.5, zorder=5)
    value = words.percent(val[best - 1], 1) if metric == "accuracy" else f"{val[best - 1]:.3f}"
    _best_label(axes, best, val[best - 1], train[best - 1], f"{value}, epoch {best}")
    axes.set_title(metric, loc="left", fontsize=10, color=LIGHT.muted)
    if reference_too and (theirs := reference.MODELS.get(training.model)):
        _reference_mark(axes, getattr(theirs, f"val_{metric}_epoch"), getattr(theirs, f"val_{metric}"))
    _end_labels(axes, epochs[-1], train[-1], val[-1], limits)
    if metric == "accuracy":
        axes.yaxis.set_major_formatter(lambda y, _: f"{100 * y:.0f} %")
    return figure


def _overfit_band(axes: Axes, start: int, last: int, edge: str) -> None:
    """A tinted band behind the overfitting epochs, labelled at the panel's empty edge."""
    axes.axvspan(start - 0.5, last + 1, color=LIGHT.tint, lw=0, zorder=0)
    inside = start - 0.5 < 0.55 * last
    axes.annotate(
        f"overfits from epoch {start}",
        (start - 0.5, 0.95 if edge == "top" else 0.05),
        xycoords=("data", "axes fraction"),
        xytext=(7 if inside else -7, 0),
        textcoords="offset points",
        ha="left" if inside else "right",
        va=edge,
        fontsize=9,
        color=LIGHT.accent,
    )


def label_above(limits: tuple[float, float], value: float, other: float) -> bool:
    """Whether a label of the best epoch's dot stands above it: on the side that the other line is not on.

    Below, it would lie on the axis where the dot is near it; then it stands above both lines.
    """
    bottom, top = limits
    return value >= other or (value - bottom) / (top - bottom) < ROOM_BELOW


def _best_label(axes: Axes, epoch: int, value: float, other: float, text: str) -> None:
    """A label above or below the best epoch's dot, with a paper-coloured halo."""
    from matplotlib.patheffects import withStroke

    first, last = axes.get_xlim()
    position = (epoch - first) / (last - first)
    above = label_above(axes.get_ylim(), value, other)
    axes.annotate(
        text,
        (epoch, max(value, other) if above else value),
        xytext=(0, 11 if above else -11),
        textcoords="offset points",
        ha="left" if position < 0.2 else "right" if position > 0.8 else "center",
        va="bottom" if above else "top",
        fontsize=9,
        color=LIGHT.accent,
        path_effects=[withStroke(linewidth=3, foreground=LIGHT.paper)],
        zorder=6,
    )


def _reference_mark(axes: Axes, epoch: int | None, value: float) -> None:
    if epoch is not None and epoch <= axes.get_xlim()[1]:
        axes.plot(epoch, value, "D", ms=6.5, mfc="none", mec=LIGHT.reference, mew=1.6, zorder=7)


def _end_labels(axes: Axes, last: int, train: float, val: float, limits: tuple[float, float]) -> None:
    """The lines' names at their right ends, pushed apart if they would overlap."""
    height, gap = limits[1] - limits[0], 0.085
    low, high = sorted((train, val))
    push = max(0.0, gap * height - (high - low)) / 2
    for value, name, colour in ((train, "training", LIGHT.muted), (val, "validation", LIGHT.accent)):
        up = value == high if train != val else name == "training"
        y = value + push if up else value - push
        axes.annotate(name, (1.02, y), xycoords=("axes fraction", "data"), color=colour, va="center", fontsize=10)


def curve_limits(result: StudyResult, metric: str) -> tuple[float, float]:
    """Shared by all networks, so that their curves are comparable; single losses may exceed them by far."""
    lines = [
        [getattr(row, name) for row in training.epochs]
        for training in result.trainings
        for name in (metric, f"val_{metric}")
    ]
    values = [value for line in lines for value in line]
    if metric == "loss":
        usual = max(map(median, lines))
        later = [value for line in lines for value in line[1:] if value <= BROKEN * usual]
        return 0.0, 1.05 * (min(max(values), LOUD * max(later, default=0.0) or inf) or 1.0)
    return max(min(values) - 0.01, 0.0), min(1.0, max(values) + 0.01)


def exceeded(result: StudyResult) -> bool:
    """Whether a loss is beyond the panels' scale."""
    top = curve_limits(result, "loss")[1] if result.trainings else 0.0
    return any(max(row.loss, row.val_loss) > top for training in result.trainings for row in training.epochs)
