"""The confusion matrix as the page draws it: four views of the same counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from charrec import alphabet
from charrec.report.look_alikes import folded, order

if TYPE_CHECKING:
    from charrec.results import Evaluation

CELL = 11  # of the drawing's units
EDGE = 22  # for the labels
TINTS = 5  # of errors, from few to many
SHADES = (3, 10, 30, 100)  # counts at which the next tint begins


@dataclass(frozen=True)
class Square:
    x: int
    y: int
    truth: str
    read: str
    count: int
    tint: int


@dataclass(frozen=True)
class View:
    """`name` is "62 alphabet", "62 alike", "36 alphabet" or "36 alike"."""

    name: str
    side: int  # of the whole drawing
    labels: list[tuple[int, str, int]]  # place along an edge, character, images of it that were misread
    lines: list[int]  # between digits, capitals and small letters
    squares: list[Square]  # errors alone
    errors: int


def views(evaluation: Evaluation) -> list[View]:
    """The first one is drawn where no script runs."""
    counts = np.array(evaluation.confusion, int)
    every, folding = np.arange(len(alphabet.CLASSES)), np.array(alphabet.FOLDED)
    found = []
    for into in (every, folding):
        kept, table = np.unique(into), folded(counts, into)
        plain = list(range(len(kept)))
        for name, places in (("alphabet", plain), ("alike", order(table))):
            lines = [edge for edge in (10, 36) if edge < len(kept)] if name == "alphabet" else []
            found.append(_view(f"{len(kept)} {name}", table, [int(kept[i]) for i in places], places, lines))
    return found


def _view(name: str, table: np.ndarray, classes: list[int], places: list[int], lines: list[int]) -> View:
    shown = table[np.ix_(places, places)]
    wrong = shown.sum(axis=1) - np.diag(shown)
    squares = [
        Square(
            x=EDGE + CELL * int(j),
            y=EDGE + CELL * int(i),
            truth=alphabet.CLASSES[classes[i]],
            read=alphabet.CLASSES[classes[j]],
            count=int(shown[i, j]),
            tint=int(np.searchsorted(SHADES, shown[i, j], side="right")),
        )
        for i, j in np.argwhere(shown)
        if i != j
    ]
    labels = [(EDGE + CELL * k, alphabet.CLASSES[c], int(wrong[k])) for k, c in enumerate(classes)]
    side = 2 * EDGE + CELL * len(classes)
    return View(name, side, labels, [EDGE + CELL * edge for edge in lines], squares, int(wrong.sum()))
