"""What every source delivers: images in memory with what is known of each."""

from dataclasses import dataclass

import numpy as np

FRAME = 128  # px, Chars74K's images
GLYPH = 97  # px, the larger side of a glyph in them: median, 95-99 for 90 %


@dataclass(frozen=True)
class LabelledImages:
    """n grey images of one size, in the order in which the source names them.

    The parallel sequences say of image i which character it shows, from which font and style it is
    and what the source calls it. `version` and `licence` are the source's own words ("" if it has none).
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
