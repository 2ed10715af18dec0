"""Fonts that look written by hand, kept out of training: a stand-in for handwriting that nobody has looked at.

Print has straight edges and hands have not. The measure of a font is the longest straight run along a horizontal edge
of E, F, H, L, T and Z, in widths of the glyph, in the font's regular style; the median of the six. Slanted print has
such edges too. `python -m tests.benchmarks.handwritten` compares it with Google's categories of the embedded fonts:
it calls all 8 of handwriting handwritten, 2 of 11 for display, and none of 45 others. Of Chars74K's 254 fonts it calls
34 handwritten; about 25 of them look so to a person, the others are ornate.
"""

from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from charrec.alphabet import INDEX
from charrec.data.arrays import Glyphs
from charrec.data.images import FRAME, GLYPH
from charrec.data.split import font_split
from charrec.errors import InputError

LETTERS = "EFHLTZ"
STRAIGHT = 0.5  # Chars74K's fonts lie below 0.46 or above 0.50, nearly all of these above 0.54


class Apart(Glyphs):
    """The set, split: these font groups validate, beside the usual share of the others."""

    apart: tuple[int, ...]

    @property
    def module(self) -> str:
        return __name__

    def halves(self, columns: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        groups = columns["group"].to_numpy()
        written = np.isin(groups, self.apart)
        others = np.flatnonzero(~written)
        training, validation = font_split(groups[others], self.validation_fraction, self.seed)
        return others[training], np.sort(np.concatenate([others[validation], np.flatnonzero(written)]))


def straightness(images: np.ndarray) -> np.ndarray:
    """(n, size, size) uint8, black on white -> (n,): the longest straight horizontal edge, in widths of the glyph."""
    ink = images < 128
    edge = ink[:, :-1] != ink[:, 1:]
    run = longest = np.zeros(edge.shape[:2], int)
    for column in np.moveaxis(edge, 2, 0):
        run = (run + 1) * column
        longest = np.maximum(longest, run)
    share: np.ndarray = longest.max(axis=1) / np.maximum(ink.any(axis=1).sum(axis=1), 1)
    return share


def handwritten(packed: Path) -> tuple[int, ...]:
    """The font groups of a packed set that look written by hand. Raises InputError where there is none."""
    wanted = [("label", "in", [INDEX[letter] for letter in LETTERS]), ("style", "==", "regular")]
    table = pq.read_table(packed, columns=["image", "font", "group"], filters=wanted)
    pixels = np.frombuffer(b"".join(table["image"].to_pylist()), np.uint8).reshape(-1, FRAME, FRAME)
    rows = table.select(["font", "group"]).to_pandas().assign(straight=straightness(pixels))
    fonts = rows.groupby("font").agg(straight=("straight", "median"), group=("group", "first"))
    groups = fonts.groupby("group")["straight"].median()
    found = tuple(int(group) for group in groups.index[groups < STRAIGHT])
    if not found:
        raise InputError("no font looks handwritten", "at least one", "Use more fonts.")
    return found


def main() -> None:
    """How many of the embedded fonts of each category look handwritten."""
    from charrec.data.sources.fonts import draw, family_faces, kind, training_families

    found: dict[str, list[float]] = {}
    for family in training_families():
        glyphs = draw(family_faces(family)[0], LETTERS, FRAME, GLYPH)
        found.setdefault(kind(family), []).append(median(straightness(255 - glyphs).tolist()))
    for category, measures in sorted(found.items()):
        print(f"{category}: {sum(one < STRAIGHT for one in measures)} of {len(measures)}")


if __name__ == "__main__":
    main()
