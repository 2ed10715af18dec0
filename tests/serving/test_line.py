"""A line of text falls into its characters, each of them alone, or is refused in words."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from charrec.data.foreign import prepare
from charrec.data.sources.fonts import family_faces
from charrec.errors import InputError
from charrec.serving.line import LONGEST, split
from tests.benchmarks.lines import JOINED, WAYS, outcomes, plain_families, written
from tests.thorough import some

SIZE = 32
POPPINS = family_faces("poppins")[0]
ITALIC = family_faces("eb-garamond")[2]


def seen(picture: np.ndarray) -> np.ndarray:
    """As the network sees it."""
    prepared: np.ndarray = prepare(picture[None], SIZE)[0].astype(int)
    return prepared


def differences(text: str, parts: list[np.ndarray], face=POPPINS) -> list[float]:
    """Mean grey levels between each part and the same character written alone."""
    assert len(parts) == len(text)
    return [float(np.abs(seen(part) - seen(written(one, face))).mean()) for one, part in zip(text, parts, strict=True)]


@pytest.mark.parametrize("family", some(plain_families(), 6))
def test_a_well_spaced_line_has_as_many_parts_as_characters(family: str) -> None:
    assert outcomes("well spaced, 60 px an em", [family]) == ["right"] * 4


TIGHT = ("spaced by 0.04 em", "as the font spaces", "closer by 0.08 em", "without a margin")
SPOILT = [way for way in WAYS if way not in TIGHT]


@pytest.mark.parametrize("way", SPOILT)
def test_a_line_is_split_however_it_was_spoilt(way: str) -> None:
    assert outcomes(way, ["poppins"]) == ["right"] * 4


@pytest.mark.parametrize("text", ["2023", "APR", "jij", "Hamburgefonstiv", "I1l", "0O8B", "x"])
@pytest.mark.parametrize("light", [False, True], ids=["dark ink", "light ink"])
def test_each_part_is_its_character_and_nothing_of_its_neighbours(text: str, light: bool) -> None:
    line = written(text, POPPINS, spacing=0)
    assert max(differences(text, split("it", 255 - line if light else line))) < 3


def test_slanted_neighbours_may_share_columns() -> None:
    text = "fjfhiTdj"
    line = written(text, ITALIC, size=120, spacing=0.06)
    dark = (line < 128).any(axis=0)
    assert np.count_nonzero(np.diff(dark.astype(int)) == 1) < len(text)  # columns alone do not tell
    assert max(differences(text, split("it", line), ITALIC)) < 6


def boxed(line: np.ndarray) -> Image.Image:
    """With 30 px of paper more around it."""
    return Image.fromarray(np.pad(line, 30, constant_values=255))


def framed(line: np.ndarray) -> np.ndarray:
    image = boxed(line)
    ImageDraw.Draw(image).rectangle((10, 10, image.width - 11, image.height - 11), outline=0, width=4)
    return np.asarray(image)


def edged(line: np.ndarray) -> np.ndarray:
    """A frame at the very edge of the picture."""
    return np.pad(line, 6)


def underlined(line: np.ndarray) -> np.ndarray:
    image = boxed(line)
    ImageDraw.Draw(image).line((20, image.height - 40, image.width - 20, image.height - 38), fill=0, width=3)
    return np.asarray(image)


def on_a_card(line: np.ndarray) -> np.ndarray:
    """White on black, on a white page."""
    return np.pad(255 - line, 60, constant_values=255)


def on_a_page(line: np.ndarray) -> np.ndarray:
    """Small, on a large page."""
    page = np.full((1600, 1200), 240, np.uint8)
    height, width = line.shape
    page[1000 : 1000 + height, 100 : 100 + width] = np.minimum(line, 240)
    return page


@pytest.mark.parametrize("around", [framed, edged, underlined, on_a_card, on_a_page])
def test_what_lies_around_a_line_is_dropped(around: Callable[[np.ndarray], np.ndarray]) -> None:
    text = "Sixty2"
    assert max(differences(text, split("it", around(written(text, POPPINS))))) < 6


def two_lines() -> np.ndarray:
    lines = [written(text, POPPINS) for text in ("Sixty2", "Texts")]
    return np.vstack([np.pad(line, ((0, 0), (0, 400 - line.shape[1])), constant_values=255) for line in lines])


def joined() -> np.ndarray:
    """Three characters that a stroke connects, then two."""
    line = written("ABCDE", POPPINS).copy()
    line[40:44, 30:150] = 0
    return line


REFUSED: dict[str, tuple[Callable[[], np.ndarray], str]] = {
    "paper": (lambda: np.full((40, 200), 250, np.uint8), r"it is blank; expected at least 16 grey levels"),
    "one level of noise": (
        lambda: np.random.default_rng(0).integers(200, 203, (40, 200)).astype(np.uint8), r"it is blank; expected"
    ),
    "characters that touch": (
        joined,
        r"characters of it touch: part 1 of 3 is \d\.\d times as wide as high; expected paper between a character and "
        r"the next\. Write them apart, or cut them out",
    ),
    "joined script": (lambda: written("minimum", family_faces("pacifico")[0], spacing=0), r"characters of it touch:"),
    "too low": (lambda: written("APR", POPPINS, 24)[:7], r"it has \d+ x 7 px; expected a line at least 8 px high"),
    "several lines": (two_lines, r"it has several lines, or is very noisy; expected one line of characters\. Cut out"),
    "a full stop": (lambda: written("AB.C", POPPINS), r"lower than a character behind its first 2, as a full stop"),
    "a hyphen": (lambda: written("10-12", POPPINS), r"lower than a character behind its first 2, as a full stop or"),
    "too long": (
        lambda: written("l" * (LONGEST + 1), POPPINS, 24), rf"it has more than {LONGEST} characters, or is very noisy"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_split_is_refused_in_words(what: str) -> None:
    picture, said = REFUSED[what]
    with pytest.raises(InputError) as refusal:
        split("it", picture())
    assert re.search(said, str(refusal.value))


def test_a_stencil_falls_into_its_strokes_and_script_stays_joined() -> None:
    """What docs/reading.md says that it cannot do."""
    assert len(split("it", written("B", family_faces("black-ops-one")[0]))) == 2
    assert "wrong" in outcomes("as the font spaces", list(JOINED))


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (3, 40), (12, 12), (60, 200), (500, 400)])
@pytest.mark.parametrize("kind", ["noise", "stripes", "halves", "blots"])
def test_whatever_a_picture_shows_it_is_split_or_refused(shape: tuple[int, int], kind: str) -> None:
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 256, shape, np.uint8)
    pictures = {
        "noise": noise,
        "stripes": np.broadcast_to(np.where(np.arange(shape[1]) % 7 < 3, 0, 255), shape).astype(np.uint8),
        "halves": np.where(np.arange(shape[0])[:, None] < shape[0] // 2, 20, 240) + np.zeros(shape, np.uint8),
        "blots": np.where(noise > 250, 0, 255),
    }
    found = parts_or_words(pictures[kind].astype(np.uint8))
    if isinstance(found, str):
        assert re.match("it (has|is) |characters of it touch", found)
    else:
        assert 1 <= len(found) <= LONGEST and all(np.ptp(part) for part in found)


def parts_or_words(picture: np.ndarray) -> list[np.ndarray] | str:
    try:
        return split("it", picture)
    except InputError as error:
        return str(error)
