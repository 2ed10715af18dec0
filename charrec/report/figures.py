"""All figures except the training curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from charrec import alphabet, reference
from charrec.report import typefaces, words
from charrec.report.canvas import blank
from charrec.report.theme import LIGHT
from charrec.results import Evaluation, SearchResult, StudyResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def models(result: StudyResult, reference_too: bool) -> Figure:
    """Every network's validation accuracy with its 95 % interval, next to the reference."""
    figure, axes = blank(7.2, 0.5 * len(result.evaluations) + 1.1)
    for y, evaluation in enumerate(result.evaluations):
        rate, theirs = evaluation.accuracy, reference.MODELS.get(evaluation.model)
        axes.plot([rate.low, rate.high], [y, y], color=LIGHT.accent, lw=5, alpha=0.35)
        axes.plot(rate.value, y, "o", color=LIGHT.accent, ms=7)
        if theirs and reference_too:
            axes.plot(theirs.val_accuracy, y, "D", ms=7, mfc="none", mec=LIGHT.reference, mew=1.6)
        text = words.rate(rate)
        axes.annotate(text, (1.02, y), xycoords=("axes fraction", "data"), va="center")
    axes.set_yticks(range(len(result.evaluations)), [words.title(e.model) for e in result.evaluations])
    axes.tick_params(axis="y", labelcolor=LIGHT.ink, labelsize=11)
    axes.set_ylim(len(result.evaluations) - 0.5, -0.5)
    axes.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.4g} %")
    axes.set_xlabel("validation accuracy, 95 % interval" + ("; diamond: the reference" if reference_too else ""))
    axes.margins(x=0.08)
    return figure


def search(result: SearchResult) -> Figure:
    """Every configuration's accuracy by epochs trained, coloured by bracket."""
    figure, axes = blank(10.4, 4.2)
    done = [(t, t.val_accuracy) for t in result.trials if t.val_accuracy is not None]
    brackets = sorted({t.bracket for t, _ in done})
    colours = {b: LIGHT.brackets[k % len(LIGHT.brackets)] for k, b in enumerate(brackets)}
    for configuration in sorted({t.configuration for t, _ in done}):
        own = sorted((t.epochs, value, t.bracket) for t, value in done if t.configuration == configuration)
        epochs, values = [e for e, _, _ in own], [v for _, v, _ in own]
        colour = colours[own[0][2]]
        axes.plot(epochs, values, "-o", color=colour, lw=1.2, ms=5, alpha=0.75, mec=LIGHT.paper, mew=0.6)
    for bracket, colour in colours.items():
        axes.plot([], [], "-o", color=colour, ms=5, label=f"bracket {bracket}")
    chosen = next(((t.epochs, value) for t, value in done if t.network == result.chosen), None)
    if chosen:
        axes.plot(*chosen, "o", ms=13, mfc="none", mec=LIGHT.ink, mew=1.4, label="chosen")
    axes.set_xticks(sorted({t.epochs for t, _ in done}))
    axes.set_xlabel("epochs trained")
    axes.yaxis.set_major_formatter(lambda y, _: f"{100 * y:.4g} %")
    if done:
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), labelcolor=LIGHT.ink)
        _at_least_two_points(axes)
    return figure


def _at_least_two_points(axes: Axes) -> None:
    """At least 2 % on the y axis, so that small differences look small."""
    axes.margins(x=0.06, y=0.08)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, (low + high) / 2 - 0.01), max(high, (low + high) / 2 + 0.01))


def confusion(evaluation: Evaluation) -> Figure:
    """62 x 62 counts; errors on a logarithmic colour scale, correct answers in grey."""
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    figure, axes = blank(10.6, 10.4)
    table = np.array(evaluation.confusion, float)
    errors = np.where(np.eye(len(table), dtype=bool) | (table == 0), np.nan, table)
    most = max(2.0, float(np.nanmax(errors, initial=0)))
    heat = LinearSegmentedColormap.from_list("heat", LIGHT.heat)
    right = np.where(np.eye(len(table), dtype=bool), 1.0, np.nan)
    axes.imshow(right, cmap=LinearSegmentedColormap.from_list("g", [LIGHT.rule] * 2), interpolation="nearest")
    shown = axes.imshow(errors, cmap=heat, norm=LogNorm(1, most), interpolation="nearest")
    bar = figure.colorbar(shown, ax=axes, location="bottom", shrink=0.4, aspect=36, pad=0.015)
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if t <= most]
    bar.set_ticks(ticks, labels=[str(t) for t in ticks], minor=False)
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)
    bar.set_label("images misread")
    _character_axes(axes)
    return figure


def _character_axes(axes: Axes) -> None:
    """Class labels on all four sides; lines separate digits, capitals and small letters."""
    every, labels = range(len(alphabet.CLASSES)), list(alphabet.CLASSES)
    axes.set_xticks(every, labels)
    axes.set_yticks(every, labels)
    axes.tick_params(
        top=True,
        labeltop=True,
        right=True,
        labelright=True,
        length=0,
        pad=3,
        labelsize=8,
        labelcolor=LIGHT.ink,
    )
    for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
        label.set_fontfamily(typefaces.MONO)
    for text in [t for tick in [*axes.xaxis.get_major_ticks(), *axes.yaxis.get_major_ticks()] for t in [tick.label2]]:
        text.set_fontfamily(typefaces.MONO)
    axes.grid(False)
    for edge in (9.5, 35.5):
        axes.axhline(edge, color=LIGHT.muted, lw=0.7)
        axes.axvline(edge, color=LIGHT.muted, lw=0.7)
    for spine in axes.spines.values():
        spine.set(visible=True, color=LIGHT.muted, linewidth=0.7)
    axes.set_xlabel("read as", fontsize=11)
    axes.set_ylabel("truth", fontsize=11)


def sheet(images: np.ndarray, captions: list[str], columns: int) -> Figure:
    """Glyphs in a grid, each with a caption below."""
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
