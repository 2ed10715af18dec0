"""Ink shows in whatever a picture is saved as: against a plain grey picture of the same disc."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from charrec.errors import InputError
from charrec.serving.picture import open_picture

Y, X = np.indices((60, 80))
DISC = np.hypot(Y - 28, X - 35) < 17  # True: ink
CLOSE = 0.05  # of all pixels may fall on the other side of the middle


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def two(ink: Any, paper: Any, dtype: Any = np.uint8) -> np.ndarray:
    """The disc in one value or colour on another."""
    mask = DISC[..., None] if np.ndim(ink) else DISC
    chosen: np.ndarray = np.where(mask, np.array(ink, dtype), np.array(paper, dtype))
    return chosen


def clear(colour: tuple[int, ...], alpha: int = 255, mode: str = "RGBA", **options: Any) -> bytes:
    """The disc in a colour on nothing."""
    return saved(Image.fromarray(two((*colour, alpha), (0, 0, 0, 0))).convert(mode), **options)


def card(ink: int, paper: int) -> bytes:
    """An opaque picture with a margin of nothing around it."""
    whole = np.zeros((80, 100, 4), np.uint8)
    whole[10:70, 10:90] = np.dstack([two((ink,) * 3, (paper,) * 3), np.full(DISC.shape, 255, np.uint8)])
    return saved(Image.fromarray(whole))


def gradient() -> bytes:
    """Ink from black to white on nothing."""
    tones = np.repeat(np.linspace(0, 255, 80).astype(np.uint8)[None], 60, axis=0)
    return saved(Image.merge("LA", (Image.fromarray(tones), Image.fromarray(two(255, 0)))))


def palette() -> bytes:
    """White ink; the palette's first entry is transparent white."""
    image = Image.fromarray(two(1, 0)).convert("P")
    image.putpalette([255, 255, 255] * 2)
    return saved(image, transparency=0)


def one_hot_pixel() -> bytes:
    values = two(3000, 800, np.uint16)
    return saved(
        Image.fromarray(
            np.pad(values, 40, mode="edge") + (np.arange(140 * 160).reshape(140, 160) == 99) * np.uint16(60000)
        )
    )


RED, GREEN = (220, 60, 60), (0, 184, 0)  # of one luminance


WAYS: dict[str, Callable[[], bytes]] = {
    "black on white": lambda: saved(Image.fromarray(two(0, 255))),
    "white on black": lambda: saved(Image.fromarray(two(255, 0))),
    "1 bit": lambda: saved(Image.fromarray(two(0, 255)).convert("1")),
    "black on nothing": lambda: clear((0, 0, 0)),
    "white on nothing": lambda: clear((255, 255, 255)),
    "grey on nothing": lambda: clear((128, 128, 128)),
    "faint white on nothing": lambda: clear((255, 255, 255), 90),
    "white on nothing, LA": lambda: clear((255, 255, 255), mode="LA"),
    "white on nothing, WebP": lambda: clear((255, 255, 255), kind="WEBP", lossless=True),
    "white on nothing, palette": palette,
    "black to white on nothing": gradient,
    "a card, black on white": lambda: card(0, 255),
    "a card, white on black": lambda: card(255, 0),
    "all of it half transparent": lambda: saved(Image.fromarray(two((0, 0, 0, 128), (255, 255, 255, 128)))),
    "16 bits": lambda: saved(Image.fromarray(two(0, 65535, np.uint16))),
    "12 of 16 bits": lambda: saved(Image.fromarray(two(300, 3900, np.uint16))),
    "12 of 16 bits, white on black": lambda: saved(Image.fromarray(two(3900, 300, np.uint16))),
    "8 of 16 bits": lambda: saved(Image.fromarray(two(0, 255, np.uint16)), "TIFF"),
    "12 of 16 bits and a hot pixel": one_hot_pixel,
    "32 bits": lambda: saved(Image.fromarray(two(5, 90000, np.int32)), "TIFF"),
    "floats to 1": lambda: saved(Image.fromarray(two(0.1, 0.9, np.float32)), "TIFF"),
    "floats below 0": lambda: saved(Image.fromarray(two(-1, 1, np.float32)), "TIFF"),
    "CMYK": lambda: saved(Image.fromarray(two((0, 0, 0), (255, 255, 255))).convert("CMYK"), "TIFF"),
    "red on green of one luminance": lambda: saved(Image.fromarray(two(RED, GREEN))),
    "green on red, JPEG": lambda: saved(Image.fromarray(two(GREEN, RED)), "JPEG", quality=90),
    "red on green, CMYK": lambda: saved(Image.fromarray(two(RED, GREEN)).convert("CMYK"), "TIFF"),
    "red on green, palette": lambda: saved(Image.fromarray(two(RED, GREEN)).quantize(4)),
    "blue on black": lambda: saved(Image.fromarray(two((0, 0, 255), (0, 0, 0)))),
    "yellow on white": lambda: saved(Image.fromarray(two((255, 255, 0), (255, 255, 255)))),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_ink_shows(way: str) -> None:
    grey = open_picture("it", WAYS[way]())
    ink = np.zeros(grey.shape, bool)
    top, left = (np.array(grey.shape) - DISC.shape) // 2
    ink[top : top + 60, left : left + 80] = DISC
    low, high = np.sort([np.median(grey[ink]), np.median(grey[~ink])])
    assert high - low >= 16
    differs = np.mean((grey > (low + high) / 2) != ink)
    assert min(differs, 1 - differs) <= CLOSE


def test_the_two_colours_have_one_luminance() -> None:
    """So the tests above would see nothing if they were seen in grey."""
    assert np.ptp(np.asarray(Image.fromarray(two(RED, GREEN)).convert("L")).astype(int)) <= 2


def test_it_is_turned_by_its_orientation() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned = Image.fromarray(two(0, 255)).transpose(Image.Transpose.ROTATE_90)
    grey = open_picture("it", saved(turned, "JPEG", exif=exif, quality=95))
    assert grey.shape == DISC.shape
    assert np.mean((grey < 128) != DISC) <= CLOSE


def test_black_on_white_is_left_as_it_is() -> None:
    grey = np.asarray(Image.fromarray(two(30, 240)))
    assert (open_picture("it", saved(Image.fromarray(grey))) == grey).all()
    assert (open_picture("it", saved(Image.fromarray(grey).convert("RGB"))) == grey).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_no_brightness_are_refused(value: float) -> None:
    values = two(0, 1, np.float32)
    values[0, 0] = value
    with pytest.raises(InputError, match=r"a.tif is no image that can be read \(some of its pixels are"):
        open_picture("a.tif", saved(Image.fromarray(values), "TIFF"))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "I;16", "I", "F", "P", "1", "CMYK"])
def test_a_picture_of_one_tone_stays_one(mode: str) -> None:
    grey = open_picture("it", saved(Image.new(mode, (9, 9)), "TIFF"))
    assert np.ptp(grey) == 0
