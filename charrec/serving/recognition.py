"""Image files -> the characters that a trained network takes them for."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from charrec.alphabet import CLASSES
from charrec.data.foreign import prepare
from charrec.errors import InputError
from charrec.evaluation.prediction import predict
from charrec.evaluation.shears import slanted
from charrec.serving.calibration import REFUSED, calibration_of
from charrec.serving.candidate import Trained, weights_of
from charrec.serving.extraction import extract
from charrec.serving.picture import open_picture
from charrec.storage import Store
from charrec.study import Frozen

PLAIN = str(0.0)  # of the shears


class Guess(Frozen):
    character: str
    probability: float


class Recognition(Frozen):
    """What one image is taken for, the likeliest first."""

    name: str
    top: tuple[Guess, ...]
    likeness: float | None = None  # the share of validation images that are no more like the others; none: unknown
    stranger: bool = False  # so unlike them that it is none of the 62


def read_images(
    images: Sequence[Path | bytes], trained: Trained, store: Store, top: int = 3, shears: bool = False
) -> list[Recognition]:
    """Each image, a file or its content, shows one character of either polarity, anywhere in its frame.

    With `shears` the network reads each slanted too, and says the mean. Raises InputError that names the first image
    that is none, is too large or is blank.
    """
    names = [str(image) if isinstance(image, Path) else f"image {place}" for place, image in enumerate(images, 1)]
    size = trained.recipe.image_size
    glyphs = [glyph(name, image, size) for name, image in zip(names, images, strict=True)]
    return recognise(names, glyphs, trained, store, top, shears)


def recognise(
    names: Sequence[str],
    glyphs: Sequence[np.ndarray],
    trained: Trained,
    store: Store,
    top: int = 3,
    shears: bool = False,
) -> list[Recognition]:
    """What the network takes each `glyph` for."""
    return recognitions(names, read(glyphs, trained, store, shears), top)


class Read(NamedTuple):
    """What the network says of n glyphs."""

    shares: np.ndarray  # (n, 62) probabilities, calibrated where that is known
    likeness: list[float | None]
    temperature: float = 1.0  # at which the shares are


def read(glyphs: Sequence[np.ndarray], trained: Trained, store: Store, shears: bool = False) -> Read:
    """All in one pass, since the network takes a second to build. How like they are is told of them as they are."""
    weights = weights_of(store, trained)
    if not glyphs:
        return Read(np.empty((0, len(CLASSES)), np.float32), [])
    images = np.stack(glyphs)
    ways = {str(shear): each for shear, each in slanted(images).items()} if shears else {PLAIN: images}
    said = predict(trained.recipe, weights, ways, store)
    if calibration := calibration_of(store, trained):
        shares = np.mean([calibration.probabilities(each) for each in said.values()], axis=0)
        return Read(shares, calibration.likeness(said[PLAIN]).tolist(), calibration.temperature)
    return Read(np.mean(list(said.values()), axis=0), [None] * len(images))


def recognitions(names: Sequence[str], said: Read, top: int = 3) -> list[Recognition]:
    """The likeliest classes of each glyph."""
    likeliest = np.argsort(-said.shares, axis=1, kind="stable")[:, :top]
    return [
        Recognition(
            name=name,
            top=tuple(Guess(character=CLASSES[place], probability=float(row[place])) for place in places),
            likeness=like,
            stranger=like is not None and like < REFUSED,
        )
        for name, row, places, like in zip(names, said.shares, likeliest, said.likeness, strict=True)
    ]


def glyph(name: str, image: Path | bytes, size: int) -> np.ndarray:
    """(size, size) uint8, black on white: the image's character alone, prepared as the study prepares foreign ones.

    Raises InputError that names what is no image, is too large or is blank.
    """
    return prepared(name, extract(open_picture(name, image)), size)


def prepared(name: str, alone: np.ndarray, size: int) -> np.ndarray:
    """(h, w) uint8 with a character alone -> (size, size). Raises InputError that names what is blank."""
    try:
        found: np.ndarray = prepare(alone[None], size)[0]
    except InputError as error:
        raise InputError(f"{name} is blank", error.expected, error.remedy) from None
    return found
