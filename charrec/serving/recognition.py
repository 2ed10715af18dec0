"""Image files -> the characters that a trained network takes them for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from charrec.alphabet import CLASSES
from charrec.data.foreign import prepare
from charrec.errors import InputError
from charrec.evaluation.prediction import predict
from charrec.serving.calibration import REFUSED, calibration_of
from charrec.serving.candidate import Trained, weights_of
from charrec.serving.extraction import extract
from charrec.serving.picture import open_picture
from charrec.storage import Store
from charrec.study import Frozen


class Guess(Frozen):
    character: str
    probability: float


class Recognition(Frozen):
    """What one image is taken for, the likeliest first."""

    name: str
    top: tuple[Guess, ...]
    likeness: float | None = None  # the share of validation images that are no more like the others; none: unknown
    stranger: bool = False  # so unlike them that it is none of the 62


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
    calibration = calibration_of(store, trained)
    likeness = calibration.likeness(found).tolist() if calibration else [None] * len(found)
    shares = calibration.probabilities(found) if calibration else found
    likeliest = np.argsort(-shares, axis=1, kind="stable")[:, :top]
    return [
        Recognition(
            name=name,
            top=tuple(Guess(character=CLASSES[place], probability=float(row[place])) for place in places),
            likeness=like,
            stranger=like is not None and like < REFUSED,
        )
        for name, row, places, like in zip(names, shares, likeliest, likeness, strict=True)
    ]


def glyph(name: str, image: Path | bytes, size: int) -> np.ndarray:
    """(size, size) uint8, black on white: the image's character alone, prepared as the study prepares foreign ones.

    Raises InputError that names what is no image, is too large or is blank.
    """
    alone = extract(open_picture(name, image))
    try:
        prepared: np.ndarray = prepare(alone[None], size)[0]
    except InputError as error:
        raise InputError(f"{name} is blank", error.expected, error.remedy) from None
    return prepared
