"""Image files -> the characters that a trained network takes them for."""

import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from charrec.alphabet import CLASSES
from charrec.data.foreign import prepare
from charrec.errors import InputError
from charrec.evaluation.prediction import predict
from charrec.serving.candidate import Trained, weights_of
from charrec.storage import Store
from charrec.study import Frozen

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # what Pillow decodes itself: an EPS would run Ghostscript
SIDE = 4096  # px; an image of 4096 x 4096 takes 0.7 s and 0.3 GiB
EXPECTED = f"one character in a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} of at most {SIDE} px a side"
# What Pillow raises for bytes that are no whole image; TypeError: a TIFF's damaged tags.
DAMAGE = (OSError, ValueError, SyntaxError, TypeError, Image.DecompressionBombError, Image.DecompressionBombWarning)


class Guess(Frozen):
    character: str
    probability: float


class Recognition(Frozen):
    """What one image is taken for, the likeliest first."""

    name: str
    top: tuple[Guess, ...]


def read_images(images: Sequence[Path | bytes], trained: Trained, store: Store, top: int = 3) -> list[Recognition]:
    """Each image, a file or its content, shows one character of either polarity, anywhere in its frame.

    Raises InputError that names the first image that is none, is too large or is blank.
    """
    names = [str(image) if isinstance(image, Path) else f"image {place}" for place, image in enumerate(images, 1)]
    size = trained.recipe.image_size
    glyphs = [glyph(name, image, size) for name, image in zip(names, images, strict=True)]
    return recognise(names, glyphs, trained, store, top)


def recognise(
    names: Sequence[str], glyphs: Sequence[np.ndarray], trained: Trained, store: Store, top: int = 3
) -> list[Recognition]:
    """What the network takes each `glyph` for; all in one pass, since the network takes a second to build."""
    weights = weights_of(store, trained)
    if not glyphs:
        return []
    found = predict(trained.recipe, weights, {"images": np.stack(glyphs)}, store)["images"]
    likeliest = np.argsort(-found, axis=1, kind="stable")[:, :top]
    return [
        Recognition(
            name=name, top=tuple(Guess(character=CLASSES[place], probability=float(row[place])) for place in places)
        )
        for name, row, places in zip(names, found, likeliest, strict=True)
    ]


def glyph(name: str, image: Path | bytes, size: int) -> np.ndarray:
    """(size, size) uint8, black on white: the image prepared as the study prepares foreign ones.

    Raises InputError that names what is no image, is too large or is blank.
    """
    grey = _grey(name, image)
    try:
        prepared: np.ndarray = prepare(grey[None], size)[0]
    except InputError as error:
        raise InputError(f"{name} is blank", error.expected, error.remedy) from None
    return prepared


def _grey(name: str, source: Path | bytes) -> np.ndarray:
    """(h, w) uint8 of an image as a viewer shows it: turned by its EXIF orientation, on white where transparent."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as a camera's odd EXIF
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as image:
                if max(image.size) <= SIDE:  # known from the header, before anything is decoded
                    return _as_grey(ImageOps.exif_transpose(image))
                found = f"{name} has {image.width} x {image.height} px"
    except DAMAGE as error:
        found = f"{name} is no image that can be read ({_without(name, error)})"
    raise InputError(found, EXPECTED, "Cut the character out, or save it in another format.")


def _as_grey(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I;16"):  # `convert` would cut it off at 255
        return (np.asarray(image) >> 8).astype(np.uint8)
    if image.mode in ("I", "F"):
        raise ValueError(f"mode {image.mode} has no white")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return np.asarray(image.convert("L"))


def _without(name: str, error: Exception) -> str:
    """The error in words, without the name that the message begins with."""
    if isinstance(error, UnidentifiedImageError):
        return "of none of these formats"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__ if name in str(error) else str(error)
