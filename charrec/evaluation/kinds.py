"""Texts read as one kind: all digits, all capitals or all small letters.

A single glyph does not tell 0 from O, 1 from l, or the case of a c; the glyphs beside it do.
"""

from string import ascii_lowercase

import numpy as np

from charrec.alphabet import CAPITALS, DIGITS, INDEX
from charrec.results import Kind
from charrec.study import Kinds

SMALL = tuple(INDEX[c] for c in ascii_lowercase)
OF: dict[Kind, tuple[int, ...]] = {"digits": DIGITS, "capitals": CAPITALS, "small letters": SMALL}
FLOOR = 1e-38  # the smallest float32 with all its digits


def logarithms(probabilities: np.ndarray) -> np.ndarray:
    """float64, finite."""
    found: np.ndarray = np.log(np.maximum(probabilities, FLOOR).astype(np.float64))
    return found


def settled(kinds: Kinds, own: float | None) -> Kinds:
    """At the network's own temperature, where neither another is given nor its own is unknown."""
    return kinds if kinds.temperature else kinds.model_copy(update={"temperature": own})


def shares(probabilities: np.ndarray, kinds: Kinds) -> np.ndarray:
    """(n, length, 62) of n texts -> (n, 3): how likely each text is of each kind, in the order of OF.

    Within a kind every class is as likely as another, so a letter starts at 1/26 and a digit at 1/10: a network's
    probabilities, which start at 1/62 each, are divided by the size of the kind. `kinds` has the prior of each and the
    temperature of the probabilities; none: they are calibrated.
    """
    found = logarithms(probabilities) / (kinds.temperature or 1.0)
    whole = np.logaddexp.reduce(found, axis=2)
    told = [
        (np.logaddexp.reduce(found[:, :, classes], axis=2) - whole - np.log(len(classes))).sum(axis=1) + np.log(prior)
        for classes, prior in zip(OF.values(), (kinds.digits, kinds.capitals, kinds.small_letters), strict=True)
    ]
    logits = np.stack(told, axis=1)
    likely: np.ndarray = np.exp(logits - np.logaddexp.reduce(logits, axis=1)[:, None])
    return likely


def within(probabilities: np.ndarray, kind: Kind) -> np.ndarray:
    """(..., 62) -> (...): the likeliest class of the kind."""
    classes = np.array(OF[kind])
    read: np.ndarray = classes[probabilities[..., classes].argmax(axis=-1)]
    return read


def as_one_kind(probabilities: np.ndarray, kinds: Kinds) -> tuple[np.ndarray, np.ndarray]:
    """(n, length, 62) of n texts -> (n,) the likeliest kind of each, a place in OF; (n, length) the classes read."""
    chosen = shares(probabilities, kinds).argmax(axis=1)
    read = np.stack([within(probabilities, kind) for kind in OF])
    return chosen, read[chosen, np.arange(len(chosen))]
