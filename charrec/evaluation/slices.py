"""A network's accuracy on parts of the validation images: by character, by kind of font, by weight, by slant."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from charrec.alphabet import FOLDED
from charrec.evaluation.kinds import OF
from charrec.evaluation.scores import clustered
from charrec.results import Slice

By = Literal["character", "font kind", "weight", "slant"]


def slices(
    model: str, read: np.ndarray, labels: np.ndarray, groups: np.ndarray, styles: np.ndarray, kinds: np.ndarray,
    seed: int,
) -> tuple[Slice, ...]:  # fmt: skip
    """From (n,) classes read, labels, groups of fonts, names of styles, "bold-italic" for one, and kinds of fonts.

    A kind is "" where nobody says. A part that has no images, or all of them, is left out.
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
        for by, name, part in _parts(labels, styles, kinds)
        if part.any() and not part.all()
    )


def _parts(labels: np.ndarray, styles: np.ndarray, kinds: np.ndarray) -> Iterator[tuple[By, str, np.ndarray]]:
    for name, classes in OF.items():
        yield "character", name, np.isin(labels, classes)
    for kind in sorted(set(kinds.tolist()) - {""}):
        yield "font kind", kind, kinds == kind
    bold = np.char.find(styles.astype(str), "bold") >= 0
    slanted = np.char.find(styles.astype(str), "italic") >= 0
    yield "weight", "regular", ~bold
    yield "weight", "bold", bold
    yield "slant", "upright", ~slanted
    yield "slant", "italic", slanted
