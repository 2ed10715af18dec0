"""The figures, each drawn for a theme; matplotlib's objects only, so nothing global is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from charrec import alphabet, reference
from charrec.report import typefaces, words
from charrec.report.theme import Theme
from charrec.results import Evaluation, SearchResult, StudyResult, TrainingResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 180


def style(theme: Theme) -> dict[str, Any]:
    """What matplotlib is told, for a `rc_context`."""
    typefaces.install()
    muted = {f"{axis}tick.{part}": theme.muted for axis in "xy" for part in ("color", "labelcolor")}
    return muted | {
        "font.family": [typefaces.SANS, "DejaVu Sans"],
        "font.size": 10,
        "figure.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "axes.edgecolor": theme.rule,
        "axes.labelcolor": theme.muted,
        "axes.titlecolor": theme.ink,
        "text.color": theme.ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": theme.rule,
        "grid.linewidth": 0.6,
        "xtick.major.size": 3,
        "ytick.major.size": 0,
        "lines.solid_capstyle": "round",
        "savefig.dpi": DPI,
    }


def blank(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure in inches on an Agg canvas and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def whole_epochs(axes: Axes, last: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    axes.set_xlim(1 - 0.02 * last, last + 0.02 * last)
    axes.set_xlabel("epoch")


def curve(
    theme: Theme, training: TrainingResult, metric: str, limits: tuple[float, float], reference_too: bool
) -> Figure:
    """One network's "accuracy" or "loss" against the epoch, training and validation."""
    figure, axes = blank(4.8, 2.9)
    epochs = [row.epoch for row in training.epochs]
    train = [getattr(row, metric) for row in training.epochs]
    val = [getattr(row, f"val_{metric}") for row in training.epochs]
    axes.set_ylim(*limits)
    whole_epochs(axes, len(epochs))
    if training.overfits_from:
        axes.axvspan(training.overfits_from - 0.5, epochs[-1] + 1, color=theme.tint, lw=0, zorder=0)
    axes.plot(epochs, train, color=theme.muted, lw=1.4, marker="o" if len(epochs) < 4 else "", ms=3)
    axes.plot(epochs, val, color=theme.accent, lw=2, marker="o" if len(epochs) < 4 else "", ms=3)
    best = training.best_epoch if metric == "accuracy" else epochs[int(np.argmin(val))]
    axes.plot(best, val[best - 1], "o", ms=7, color=theme.accent, mec=theme.paper, mew=1.5, zorder=5)
    if reference_too and (theirs := reference.MODELS.get(training.model)):
        _reference_mark(theme, axes, getattr(theirs, f"val_{metric}_epoch"), getattr(theirs, f"val_{metric}"))
    _end_labels(theme, axes, epochs[-1], train[-1], val[-1], limits)
    if metric == "accuracy":
        axes.yaxis.set_major_formatter(lambda y, _: f"{100 * y:.0f} %")
    return figure


def _reference_mark(theme: Theme, axes: Axes, epoch: int | None, value: float) -> None:
    if epoch is not None and epoch <= axes.get_xlim()[1]:
        axes.plot(epoch, value, "D", ms=6, mfc=theme.paper, mec=theme.reference, mew=1.6, zorder=4)


def _end_labels(
    theme: Theme, axes: Axes, last: int, train: float, val: float, limits: tuple[float, float]
) -> None:
    """The lines' names at their right ends, pushed apart where they would touch."""
    height, gap = limits[1] - limits[0], 0.085
    low, high = sorted((train, val))
    push = max(0.0, gap * height - (high - low)) / 2
    for value, name, colour in ((train, "training", theme.muted), (val, "validation", theme.accent)):
        up = value == high if train != val else name == "training"
        y = value + push if up else value - push
        axes.annotate(
            name, (1.02, y), xycoords=("axes fraction", "data"), color=colour, va="center", fontsize=10
        )


def curve_limits(result: StudyResult, metric: str) -> tuple[float, float]:
    """The same for every network, so that the curves can be compared; a first epoch may run out of it."""
    rows = [row for t in result.trainings for row in t.epochs]
    values = [v for row in rows for v in (getattr(row, metric), getattr(row, f"val_{metric}"))]
    if metric == "loss":
        return 0.0, 1.05 * max(values)
    return min(values) - 0.01, min(1.0, max(values) + 0.01)


def models(theme: Theme, result: StudyResult, reference_too: bool) -> Figure:
    """Validation accuracy of every network with its 95 % interval, the reference beside it."""
    figure, axes = blank(7.2, 0.5 * len(result.evaluations) + 1.1)
    for y, evaluation in enumerate(result.evaluations):
        rate, theirs = evaluation.accuracy, reference.MODELS.get(evaluation.model)
        axes.plot([rate.low, rate.high], [y, y], color=theme.accent, lw=5, alpha=0.35)
        axes.plot(rate.value, y, "o", color=theme.accent, ms=8)
        if theirs and reference_too:
            axes.plot(theirs.val_accuracy, y, "D", ms=7, mfc=theme.paper, mec=theme.reference, mew=1.6)
        text = words.rate(rate)
        axes.annotate(text, (1.02, y), xycoords=("axes fraction", "data"), va="center")
    axes.set_yticks(range(len(result.evaluations)), [words.title(e.model) for e in result.evaluations])
    axes.tick_params(axis="y", labelcolor=theme.ink, labelsize=11)
    axes.set_ylim(len(result.evaluations) - 0.5, -0.5)
    axes.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.3g} %")
    axes.set_xlabel("validation accuracy, 95 % interval" + ("; diamond: the reference" if reference_too else ""))
    axes.margins(x=0.08)
    return figure


def search(theme: Theme, found: SearchResult) -> Figure:
    """Every configuration's accuracy by the epochs it was trained, coloured by bracket."""
    figure, axes = blank(8.4, 3.7)
    done = [trial for trial in found.trials if trial.val_accuracy is not None]
    brackets = sorted({trial.bracket for trial in done})
    for configuration in sorted({trial.configuration for trial in done}):
        own = sorted((t for t in done if t.configuration == configuration), key=lambda t: t.epochs)
        colour = theme.brackets[brackets.index(own[0].bracket) % len(theme.brackets)]
        x, y = [t.epochs for t in own], [t.val_accuracy for t in own]
        axes.plot(x, y, "-o", color=colour, lw=1.2, ms=5, alpha=0.75, mec=theme.paper, mew=0.6)
    for k, bracket in enumerate(brackets):
        axes.plot([], [], "-o", color=theme.brackets[k % len(theme.brackets)], ms=5, label=f"bracket {bracket}")
    best = next((trial for trial in done if trial.network == found.chosen), None)
    if best:
        axes.plot(best.epochs, best.val_accuracy, "o", ms=13, mfc="none", mec=theme.ink, mew=1.4, label="chosen")
    axes.set_xticks(sorted({trial.epochs for trial in done}))
    axes.margins(x=0.06, y=0.08)
    axes.set_xlabel("epochs trained")
    axes.yaxis.set_major_formatter(lambda y, _: f"{100 * y:.3g} %")
    if done:
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), labelcolor=theme.ink)
    return figure


def confusion(theme: Theme, evaluation: Evaluation) -> Figure:
    """62 x 62 counts; errors on a logarithmic scale of colour, right answers in grey to keep them apart."""
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    figure, axes = blank(10.6, 10.4)
    table = np.array(evaluation.confusion, float)
    errors = np.where(np.eye(len(table), dtype=bool) | (table == 0), np.nan, table)
    most = max(2.0, float(np.nanmax(errors, initial=0)))
    heat = LinearSegmentedColormap.from_list("heat", theme.heat)
    right = np.where(np.eye(len(table), dtype=bool), 1.0, np.nan)
    axes.imshow(right, cmap=LinearSegmentedColormap.from_list("g", [theme.rule] * 2), interpolation="nearest")
    shown = axes.imshow(errors, cmap=heat, norm=LogNorm(1, most), interpolation="nearest")
    bar = figure.colorbar(shown, ax=axes, location="bottom", shrink=0.4, aspect=36, pad=0.015)
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if t <= most]
    bar.set_ticks(ticks, labels=[str(t) for t in ticks], minor=False)
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.set_label("images read wrongly")
    _character_axes(theme, axes)
    return figure


def _character_axes(theme: Theme, axes: Axes) -> None:
    """The classes on all four sides, rules between digits, capitals and small letters."""
    every, labels = range(len(alphabet.CLASSES)), list(alphabet.CLASSES)
    axes.set_xticks(every, labels)
    axes.set_yticks(every, labels)
    axes.tick_params(
        top=True, labeltop=True, right=True, labelright=True, length=0, pad=3, labelsize=8, labelcolor=theme.ink
    )
    for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
        label.set_fontfamily(typefaces.MONO)
    for text in [t for tick in [*axes.xaxis.get_major_ticks(), *axes.yaxis.get_major_ticks()] for t in [tick.label2]]:
        text.set_fontfamily(typefaces.MONO)
    axes.grid(False)
    for edge in (9.5, 35.5):
        axes.axhline(edge, color=theme.muted, lw=0.7)
        axes.axvline(edge, color=theme.muted, lw=0.7)
    for spine in axes.spines.values():
        spine.set(visible=True, color=theme.muted, linewidth=0.7)
    axes.set_xlabel("read as", fontsize=11)
    axes.set_ylabel("truth", fontsize=11)


def sheet(theme: Theme, images: np.ndarray, captions: list[str], columns: int) -> Figure:
    """Glyphs in a grid with a caption under each."""
    size, rows = images.shape[-1], -(-len(images) // columns)
    gap, line = size // 8, size // 3 if any(captions) else 0
    canvas = np.full((rows * (size + line + gap), columns * (size + gap)), np.nan)
    figure, axes = blank(1.05 * columns, 1.05 * columns * canvas.shape[0] / canvas.shape[1])
    for k, image in enumerate(images):
        y, x = k // columns * (size + line + gap), k % columns * (size + gap)
        canvas[y : y + size, x : x + size] = image
        axes.text(
            x + size / 2,
            y + size + line / 2,
            captions[k],
            ha="center",
            va="center",
            fontsize=8 if max(map(len, captions)) > 3 else 11,
            family=typefaces.MONO,
        )
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
    axes.set_axis_off()
    return figure
