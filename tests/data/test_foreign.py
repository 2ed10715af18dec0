"""Prepared foreign images look like the training images, whatever their polarity, size and margins."""

import numpy as np
import pytest
from PIL import Image

from charrec.alphabet import INDEX
from charrec.data.foreign import METHODS, ink_is_dark, pick_text, prepare, reference
from charrec.data.sources import fonts
from charrec.data.sources.handwriting import read_sklearn_digits
from charrec.errors import InputError


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """(100, 8, 8), white on black."""
    return read_sklearn_digits().images[:100]


@pytest.fixture(scope="module")
def letters() -> np.ndarray:
    """(130, 32, 32), white on black, thin to very heavy, 1 px from the frame."""
    return fonts.render_letters(per_class=5, seed=0).images


def drawn(rows: str) -> np.ndarray:
    """(1, h, w): # is black, 4x4 px per character."""
    cells = np.array([[255 * (cell != "#") for cell in row] for row in rows.split()], np.uint8)
    return cells.repeat(4, 0).repeat(4, 1)[None]


FILLING = {
    "M": "#.....# ##...## ###.### #.###.# #..#..# #.....# #.....#",
    "heavy M": "##.....## ###...### ####.#### ######### ##.###.## ##.###.## ##..#..## ##..#..## ##..#..##",
    "L": "##..... ##..... ##..... ##..... ##..... ####### #######",
    "heavy L": "###.... ###.... ###.... ###.... ####### ####### #######",
    "T": "####### ####### ..###.. ..###.. ..###.. ..###.. ..###..",
    "O": ".#####. ####### ##...## ##...## ##...## ####### .#####.",
    "X": "##...## ##...## .##.##. ..###.. .##.##. ##...## ##...##",
    "thin l": "...#... ...#... ...#... ...#... ...#... ...#... ...#...",
}


@pytest.mark.parametrize("name", FILLING)
def test_polarity_of_a_glyph_that_fills_the_frame(name):
    black_on_white = drawn(FILLING[name])
    assert ink_is_dark(black_on_white).tolist() == [True]
    assert ink_is_dark(255 - black_on_white).tolist() == [False]


def test_polarity_of_real_glyphs(digits, letters):
    for white_on_black in (digits, letters):
        assert not ink_is_dark(white_on_black).any()
        assert ink_is_dark(255 - white_on_black).all()


@pytest.mark.parametrize("size", [128, 64])
def test_an_image_and_its_inverse_are_prepared_alike(digits, letters, size):
    for images in (digits, letters):
        assert np.array_equal(prepare(images, size), prepare(255 - images, size))


@pytest.mark.parametrize(("size", "side"), [(128, 97), (64, 48.5)])
def test_a_prepared_glyph_is_black_on_white_centred_and_of_training_size(letters, size, side):
    prepared = prepare(letters, size)
    assert prepared.shape == (len(letters), size, size) and prepared.dtype == np.uint8
    assert (prepared[:, 0] == 255).all() and (prepared.min((1, 2)) < 30).all()
    ink = prepared < 128
    for across in (ink.any(1), ink.any(2)):
        assert np.abs(across.argmax(1) - across[:, ::-1].argmax(1)).max() <= 2
    sides = np.maximum(ink.any(1).sum(1), ink.any(2).sum(1))
    assert np.abs(sides - side).max() <= 1.5


def test_the_position_in_the_frame_and_faint_noise_do_not_matter():
    glyph = drawn(FILLING["heavy M"])[0]
    page = np.full((2, 90, 90), 255, np.uint8)
    page[0, 5:41, 9:45] = glyph
    page[1, 40:76, 50:86] = glyph
    first, second = prepare(page).astype(int)
    assert np.abs(first - second).max() <= 1
    page[1, :4] = 245  # a faint streak along the page's edge
    assert np.abs(prepare(page)[1].astype(int) - first).max() <= 16  # of 255


def test_faint_ink_is_stretched_to_full_contrast():
    strong = drawn(FILLING["X"])
    faint = (100 + strong.astype(int) * 60 // 255).astype(np.uint8)  # 100 on 160
    assert np.array_equal(prepare(faint), prepare(strong))


def test_preparation_hardly_changes_training_images():
    glyphs = fonts.render_glyphs(families=1).images[::8]
    assert np.abs(prepare(glyphs).astype(int) - glyphs).mean() < 5  # of 255: the outline, half a pixel off


def test_the_reference_method_inverts_and_resizes_by_nearest_neighbour(digits):
    enlarged = reference(digits, 16)
    assert np.array_equal(enlarged, (255 - digits).repeat(2, 1).repeat(2, 2))
    assert np.array_equal(reference(digits)[0], np.asarray(Image.fromarray(255 - digits[0]).resize((128, 128), 0)))
    assert {"prepared": prepare, "reference": reference} == METHODS


@pytest.mark.parametrize("grey", [0, 120, 255])
def test_a_blank_image_is_refused_by_index(letters, grey):
    images = letters[:5].copy()
    images[3] = grey
    images[3, 4, 4] ^= 8  # speck
    with pytest.raises(InputError, match=r"image 3 is blank \(1 of 5 are\)"):
        prepare(images)


@pytest.mark.parametrize("images", [np.zeros((3, 28, 28, 1), np.uint8), np.zeros((3, 28, 28), np.float32)])
def test_colour_and_float_images_are_refused(images):
    with pytest.raises(InputError, match="expected uint8"):
        prepare(images)


def test_a_text_is_picked_by_class_and_by_seed():
    labels = np.array([INDEX[c] for c in "APR" * 50])
    picks = pick_text("APPAR", labels, seed=7)
    assert labels[picks].tolist() == [INDEX[c] for c in "APPAR"]
    assert picks == pick_text("APPAR", labels, seed=7) != pick_text("APPAR", labels, seed=8)
    assert picks[:2] == pick_text("AP", labels, seed=7)  # each draw depends on its own position only


@pytest.mark.parametrize("character", ["B", "é"])
def test_a_character_without_an_image_is_refused(character):
    with pytest.raises(InputError, match=f"the data have no image of '{character}'"):
        pick_text(f"A{character}", np.array([INDEX["A"]]), seed=0)
