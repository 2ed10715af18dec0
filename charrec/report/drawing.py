"""Every figure of a report as PNG, by name. They are for slides and papers; the page draws its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from charrec import alphabet
from charrec.report import canvas, curves, figures, pixels, sentences
from charrec.report.theme import LIGHT
from charrec.results import StudyResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from charrec.report import Pictures


def draw(result: StudyResult, pictures: Pictures) -> dict[str, bytes]:
    from matplotlib import rc_context

    with rc_context(canvas.style(LIGHT)):
        return {name: pixels.figure_png(figure) for name, figure in chain(charts(result), sheets(pictures))}


def charts(result: StudyResult) -> Iterator[tuple[str, Figure]]:
    comparable = sentences.on_chars74k(result)
    for metric in ("accuracy", "loss"):
        limits = curves.curve_limits(result, metric)
        for training in result.trainings:
            yield f"curve-{training.model}-{metric}", curves.curve(training, metric, limits, comparable)
    yield "models", figures.models(result, comparable)
    if result.search.trials:
        yield "search", figures.search(result.search)
    yield "confusion", figures.confusion(sentences.best(result))


def sheets(pictures: Pictures) -> Iterator[tuple[str, Figure]]:
    """The glyphs as contact sheets, for the files; the page embeds the glyphs one by one."""
    yield "samples", figures.sheet(pictures.samples, list(alphabet.CLASSES), 13)
    rows, columns = pictures.augmented.shape[:2]
    flat = pictures.augmented.reshape(rows * columns, *pictures.augmented.shape[2:])
    captions = ["image" if k % columns == 0 else "" for k in range(len(flat))]
    if len(flat):
        yield "augmented", figures.sheet(flat, captions, columns)
    if len(pictures.mistakes):
        yield "mistakes", figures.sheet(pictures.mistakes, _broken(pictures.mistake_captions), 6)
    for (text, method), images in pictures.texts.items():
        yield f"text-{text}-{method}", figures.sheet(np.asarray(images), list(text), len(text))


def _broken(captions: list[str]) -> list[str]:
    """Captions with the reading on one line and its probability on the next."""
    return [caption.replace(", ", "\n", 1) for caption in captions]
