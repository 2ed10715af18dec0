"""A character is found whatever lies around it, and left alone where nothing does."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from charrec.alphabet import CLASSES
from charrec.data.foreign import prepare
from charrec.data.sources.fonts import HELD_OUT, draw, family_faces, training_families
from charrec.serving.extraction import extract
from tests.benchmarks.reading import GLYPH, SIDE, WAYS, characters
from tests.thorough import some

SIZE = 32
# Mean grey levels of 255 by which a prepared picture may differ from the clean one's; another letter differs by 50.
NEAR = {"noisy": 12, "lit from one side": 10, "framed": 8, "with specks": 8, "photographed": 30}


def differences(way: str, family: str) -> np.ndarray:
    """(62,) mean difference between each character and its clean picture, both as the network sees them."""
    rng = np.random.default_rng(3)
    found = []
    for _, ink in characters([family_faces(family)[0]], rng):
        clean = prepare(WAYS["clean"](ink, rng)[None], SIZE)[0].astype(int)
        seen = prepare(extract(WAYS[way](ink, rng))[None], SIZE)[0]
        found.append(np.abs(seen - clean).mean())
    return np.array(found)


@pytest.mark.parametrize("way", NEAR)
def test_a_spoilt_picture_is_seen_like_a_clean_one(way: str) -> None:
    differs = differences(way, "poppins")
    wrong = [CLASSES[place] for place in np.flatnonzero(differs > NEAR[way])]
    assert len(wrong) <= 3, wrong


@pytest.mark.parametrize("family", some([*training_families()[::25], HELD_OUT[1]], 2))
def test_a_clean_character_is_left_as_it_is(family: str) -> None:
    """With a margin and without, in both polarities."""
    for face in family_faces(family)[:2]:
        for frame, side in ((SIDE, GLYPH), (64, 62)):
            for place, ink in enumerate(draw(face, CLASSES, frame, side)):
                picture = ink if place % 2 else 255 - ink
                assert extract(picture) is picture, (face, CLASSES[place], frame)


def test_a_character_smaller_than_a_stroke_of_others_is_left_to_the_network() -> None:
    tiny = np.eye(9, dtype=np.uint8) * 255
    assert extract(tiny) is tiny


@pytest.mark.parametrize("size", [1, 2, 31, 32, 33, 1000])
@pytest.mark.parametrize("tone", [0, 128, 255])
def test_a_blank_picture_stays_blank(size: int, tone: int) -> None:
    assert np.ptp(extract(np.full((size, size), tone, np.uint8))) == 0


@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (2, 40)])
def test_a_picture_of_a_pixel_or_two_in_height_is_no_error(shape: tuple[int, int]) -> None:
    assert np.ptp(extract(np.random.default_rng(0).integers(0, 256, shape, np.uint8)))


def test_a_small_character_on_a_large_page_is_found() -> None:
    page = np.full((1600, 1200), 240, np.uint8)
    glyph = draw(family_faces("poppins")[0], "k", 60, 50)[0]
    page[1000:1060, 300:360] -= (glyph * 0.8).astype(np.uint8)
    page[100:104, 900:904] = 20  # a speck
    seen, clean = (prepare(picture[None], SIZE)[0].astype(int) for picture in (extract(page), 255 - glyph))
    assert np.abs(seen - clean).mean() < 8


def on_page(character: str = "k") -> np.ndarray:
    """Black on white, its larger side 90 of 200 px."""
    return 255 - draw(family_faces("poppins")[0], character, 200, 90)[0]


def as_seen(picture: np.ndarray) -> np.ndarray:
    seen: np.ndarray = prepare(extract(picture)[None], SIZE)[0].astype(int)
    return seen


def circled() -> np.ndarray:
    image = Image.fromarray(on_page())
    ImageDraw.Draw(image).ellipse((20, 20, 180, 180), outline=0, width=5)
    return np.asarray(image)


def on_a_card() -> np.ndarray:
    """White on a black card, on a white page."""
    page = np.full((300, 260), 255, np.uint8)
    page[60:220, 30:190] = 255 - on_page()[20:180, 20:180]
    return page


def with_a_neighbour() -> np.ndarray:
    """A part of another letter at the edge."""
    page = on_page()
    page[62:138, :14] = 0
    return page


def with_a_ruled_line() -> np.ndarray:
    page = on_page()
    page[190:194] = 40
    return page


@pytest.mark.parametrize("around", [circled, on_a_card, with_a_neighbour, with_a_ruled_line])
def test_what_lies_around_a_character_is_dropped(around: Callable[[], np.ndarray]) -> None:
    assert np.abs(as_seen(around()) - as_seen(on_page())).mean() < 8


@pytest.mark.parametrize("family", ["ibm-plex-mono", "jetbrains-mono", "source-code-pro"])
def test_a_zero_is_no_frame_around_its_dot(family: str) -> None:
    zero = 255 - draw(family_faces(family)[0], "0", 200, 90)[0]
    spoilt = zero.copy()
    spoilt[5:9, 5:9] = 0  # a speck, so it is not left as it is
    assert np.abs(as_seen(spoilt) - as_seen(zero)).mean() < 8
