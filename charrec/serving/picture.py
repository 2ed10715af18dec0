"""An image file -> a grey picture in which the ink shows, whatever its format, depth, transparency and colours."""

import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from charrec.data.sources.undecodable import UNDECODABLE
from charrec.errors import InputError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # what Pillow decodes itself: an EPS would run Ghostscript
SIDE = 4096  # px; an image of 4096 x 4096 takes 0.7 s and 80 MiB if it is grey, up to 590 MiB if it is not
EXPECTED = f"one character in a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} of at most {SIDE} px a side"
DAMAGE = (*UNDECODABLE, Image.DecompressionBombWarning)

DEEP = ("I", "F")  # and I;16 in its byte orders: more than 8 bits a pixel, with no fixed white
HOT = 10_000  # of so many pixels one may be a sensor's defect, and does not count as the brightest
THUMBNAIL = 128  # px; enough to see which colours there are
COLOURFUL = 2.0  # the luminance is left where colours differ this many times as much
TONES = 48  # levels between two tones of an opaque picture; less is one ink, unevenly printed
CARD = 0.9  # of the outline of an opaque picture is of one tone, its ground
FILLED = 0.5  # no character covers more of the frame's edge
ACHROMATIC = 3**0.5  # black and white are so many times as far apart in RGB as in grey


def open_picture(name: str, source: Path | bytes) -> np.ndarray:
    """(h, w) uint8 of an image as a viewer shows it, turned by its EXIF orientation, with its ink visible.

    Raises InputError that names what is no image, or is too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as a camera's odd EXIF
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as image:
                if max(image.size) <= SIDE:  # known from the header, before anything is decoded
                    return grey_of(ImageOps.exif_transpose(image))
                found = f"{name} has {image.width} x {image.height} px"
    except DAMAGE as error:
        found = f"{name} is no image that can be read ({_without(name, error)})"
    raise InputError(found, EXPECTED, "Cut the character out, or save it in another format.")


def grey_of(image: Image.Image) -> np.ndarray:
    """(h, w) uint8; raises ValueError for numbers that are no brightness."""
    if image.mode in DEEP or image.mode.startswith("I;16"):
        return _of_deep(np.asarray(image))
    if image.has_transparency_data:
        return _of_transparent(np.asarray(image.convert("RGBA")))
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    return _of_colours(np.asarray(image.convert("RGB")))


def _of_deep(values: np.ndarray) -> np.ndarray:
    """Scaled by what is used: of 16 bits a camera may fill 12, and floats run to 1, to 255 or to anything."""
    if not np.isfinite(values).all():
        raise ValueError("some of its pixels are infinite or not a number")
    values = values.astype(np.float64)
    last = max(0, values.size - 1 - values.size // HOT)
    black, white = min(0.0, float(values.min())), float(np.partition(values, last, axis=None)[last])
    if white <= black:
        return np.zeros(values.shape, np.uint8)
    scaled: np.ndarray = np.rint(255 * np.clip((values - black) / (white - black), 0, 1)).astype(np.uint8)
    return scaled


def _of_transparent(pixels: np.ndarray) -> np.ndarray:
    """(h, w, 4): the ink is what is opaque, unless that is a card with two tones of its own."""
    alpha, colours = pixels[..., 3], pixels[..., :3]
    if int(alpha.max()) - int(alpha.min()) < TONES:
        return _of_colours(colours)
    opaque = alpha >= 128
    grey = _of_colours(np.where(opaque[..., None], colours, _mean(colours[opaque])))
    if (ground := _ground(grey, opaque)) is None:
        return 255 - alpha
    share = alpha / 255
    composed: np.ndarray = np.rint(share * grey + (1 - share) * ground).astype(np.uint8)
    return composed


def _ground(grey: np.ndarray, opaque: np.ndarray) -> float | None:
    """The tone of a card's ground, which nearly all of its outline has; None: what is opaque is the ink itself."""
    inside = grey[opaque].astype(np.float64)
    if not inside.size or inside.max() - inside.min() < TONES:
        return None
    padded = np.pad(opaque, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    outline = grey[opaque & ~inner]
    frame = np.concatenate([opaque[0], opaque[-1], opaque[:, 0], opaque[:, -1]])
    if frame.mean() > FILLED:
        return float(np.median(outline))
    middle, low, high = two_tones(inside)
    light = float((outline > middle).mean())
    if high - low < TONES or 1 - CARD < light < CARD:
        return None
    return high if light >= CARD else low


def _of_colours(colours: np.ndarray) -> np.ndarray:
    """(h, w, 3): the luminance, or where that hides the ink, the axis along which colours differ most."""
    image = Image.fromarray(colours)
    luminance: np.ndarray = np.asarray(image.convert("L"))
    if (np.ptp(colours.reshape(-1, 3).astype(np.int16), axis=1) < TONES // 3).all():  # grey
        return luminance
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    sample = np.asarray(image).reshape(-1, 3).astype(np.float64)
    _, axes = np.linalg.eigh(np.cov(sample.T) if len(sample) > 1 else np.zeros((3, 3)))
    axis = axes[:, -1] * (1 if axes[:, -1].sum() >= 0 else -1)
    _, dark, light = two_tones(np.asarray(image.convert("L"), np.float64).ravel())
    _, low, high = two_tones(sample @ axis)
    if high - low < COLOURFUL * ACHROMATIC * (light - dark):
        return luminance
    along = colours.astype(np.float32) @ axis.astype(np.float32)
    scaled: np.ndarray = np.rint((along - along.min()) / ACHROMATIC).astype(np.uint8)
    return scaled


def two_tones(values: np.ndarray) -> tuple[float, float, float]:
    """(n,) -> the threshold between two tones, and the mean of each (Otsu 1979)."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return low, low, low
    counts, edges = np.histogram(values, 256, (low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(counts)[:-1], counts.sum()
    mass = np.cumsum(counts * centres)
    above = total - below
    first, second = mass[:-1] / np.maximum(below, 1), (mass[-1] - mass[:-1]) / np.maximum(above, 1)
    between = below * above * (second - first) ** 2
    best = np.flatnonzero(between == between.max())
    place = best[len(best) // 2]  # clean images leave a gap between the tones: its middle
    return float(edges[place + 1]), float(first[place]), float(second[place])


def _mean(colours: np.ndarray) -> np.ndarray:
    """(n, 3) -> (3,) uint8."""
    mean: np.ndarray = colours.mean(axis=0).astype(np.uint8) if len(colours) else np.zeros(3, np.uint8)
    return mean


def _without(name: str, error: Exception) -> str:
    """The error in words, without the name that the message begins with."""
    if isinstance(error, UnidentifiedImageError):
        return "of none of these formats"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__ if name in str(error) else str(error)
