"""A network's accuracy on parts of the validation images: by character, by weight, by slant."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from charrec.alphabet import FOLDED
from charrec.evaluation.kinds import OF
from charrec.evaluation.scores import clustered
from charrec.results import Slice

By = Literal["character", "weight", "slant"]


def slices(
    model: str, read: np.ndarray, labels: np.ndarray, groups: np.ndarray, styles: np.ndarray, seed: int
) -> tuple[Slice, ...]:
    """From (n,) classes read, labels, groups of fonts and names of styles, "bold-italic" for one.

    A part that has no images, or all of them, is left out.
    """
    folded = np.array(FOLDED)
    return tuple(
        Slice(
            model=model,
            by=by,
            name=name,
            accuracy=clustered((read == labels)[part], groups[part], seed),
            folded_accuracy=clustered((folded[read] == folded[labels])[part], groups[part], seed),
        )
        for by, name, part in _parts(labels, styles)
        if part.any() and not part.all()
    )


def _parts(labels: np.ndarray, styles: np.ndarray) -> Iterator[tuple[By, str, np.ndarray]]:
    for kind, classes in OF.items():
        yield "character", kind, np.isin(labels, classes)
    bold = np.char.find(styles.astype(str), "bold") >= 0
    slanted = np.char.find(styles.astype(str), "italic") >= 0
    yield "weight", "regular", ~bold
    yield "weight", "bold", bold
    yield "slant", "upright", ~slanted
    yield "slant", "italic", slanted
