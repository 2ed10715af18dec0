"""Every figure of a report as PNG, by name; names of dark ones end in "-dark"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from charrec import alphabet
from charrec.report import canvas, curves, figures, pixels, sentences
from charrec.report.theme import LIGHT, THEMES, Theme
from charrec.results import StudyResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from charrec.report import Pictures


def draw(result: StudyResult, pictures: Pictures) -> dict[str, bytes]:
    from matplotlib import rc_context

    drawn = {}
    for theme in THEMES:
        with rc_context(canvas.style(theme)):
            for name, make in charts(result):
                drawn[name if theme is LIGHT else f"{name}-{theme.name}"] = pixels.figure_png(make(theme))
    with rc_context(canvas.style(LIGHT)):
        drawn |= {name: pixels.figure_png(figure) for name, figure in sheets(pictures)}
    return drawn


def charts(result: StudyResult) -> Iterator[tuple[str, Callable[[Theme], Figure]]]:
    comparable = sentences.on_chars74k(result)
    for metric in ("accuracy", "loss"):
        limits = curves.curve_limits(result, metric)
        for training in result.trainings:
            yield (
                f"curve-{training.model}-{metric}",
                lambda theme, t=training, m=metric, y=limits: curves.curve(theme, t, m, y, comparable),  # type: ignore[misc]
            )
    yield "models", lambda theme: figures.models(theme, result, comparable)
    if result.search.trials:
        yield "search", lambda theme: figures.search(theme, result.search)
    yield "confusion", lambda theme: figures.confusion(theme, sentences.best(result))


def sheets(pictures: Pictures) -> Iterator[tuple[str, Figure]]:
    """The glyphs as contact sheets, for the files; the page embeds the glyphs one by one."""
    yield "samples", figures.sheet(LIGHT, pictures.samples, list(alphabet.CLASSES), 13)
    rows, columns = pictures.augmented.shape[:2]
    flat = pictures.augmented.reshape(rows * columns, *pictures.augmented.shape[2:])
    captions = ["image" if k % columns == 0 else "" for k in range(len(flat))]
    if len(flat):
        yield "augmented", figures.sheet(LIGHT, flat, captions, columns)
    if len(pictures.mistakes):
        yield "mistakes", figures.sheet(LIGHT, pictures.mistakes, _broken(pictures.mistake_captions), 6)
    for (text, method), images in pictures.texts.items():
        yield f"text-{text}-{method}", figures.sheet(LIGHT, np.asarray(images), list(text), len(text))


def _broken(captions: list[str]) -> list[str]:
    """Captions with the reading on one line and its probability on the next."""
    return [caption.replace(", ", "\n", 1) for caption in captions]
