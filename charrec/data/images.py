"""Labelled images in memory, the output of every source."""

from dataclasses import dataclass

import numpy as np

FRAME = 128  # px, Chars74K's images
GLYPH = 97  # px, the larger side of a glyph in them: median, 95-99 for 90 %


@dataclass(frozen=True)
class LabelledImages:
    """n grey images of one size, in the source's order.

    The sequences run parallel: element i is the label, font, style or name of image i. `version` and `licence` are
    quoted from the source ("" if it states none).
    """

    images: np.ndarray  # (n, height, width) uint8
    labels: np.ndarray  # (n,) int64, index in alphabet.CLASSES
    fonts: list[str]
    styles: list[str]
    names: list[str]  # unique
    source: str
    version: str
    licence: str

    def __len__(self) -> int:
        return len(self.names)
