"""What a glyph looks like slanted, and what reading it so means."""

import numpy as np
import pytest

from charrec.data.images import FRAME, GLYPH
from charrec.evaluation.shears import AT_ONCE, SHEARS, slanted
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

SIZE = 64
TALL = SIZE * GLYPH / FRAME  # px, the larger side of a glyph


def bar() -> np.ndarray:
    """(1, 64, 64): upright, as tall as a glyph is, 8 px wide."""
    image = np.full((1, SIZE, SIZE), 255, np.uint8)
    margin = round((SIZE - TALL) / 2)
    image[0, margin : SIZE - margin, 28:36] = 0
    return image


def middle(row: np.ndarray) -> float:
    ink = 255 - row.astype(float)
    return float((ink * (np.arange(len(row)) + 0.5)).sum() / ink.sum())


@pytest.mark.parametrize("shear", SHEARS)
def test_an_upright_bar_leans_by_the_shear_and_stays_centred_and_as_tall(shear: float) -> None:
    (image,) = slanted(bar())[shear]
    upper, lower = 16, 48
    lean = (middle(image[lower]) - middle(image[upper])) / (lower - upper)
    assert lean == pytest.approx(shear, abs=0.01)
    inked = np.flatnonzero((image < 128).any(axis=1))
    assert len(inked) == pytest.approx(TALL, abs=1)
    assert middle(image.min(axis=0)) == pytest.approx(SIZE / 2, abs=0.5)


def test_an_image_is_slanted_the_same_whatever_is_beside_it() -> None:
    ways = slanted(np.concatenate([bar()] * (AT_ONCE + 1)))
    assert (ways[0.0] == bar()).all()
    for shear, images in ways.items():
        assert (images == slanted(bar())[shear]).all()
