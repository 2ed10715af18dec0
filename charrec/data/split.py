"""Which images train and which validate."""

import numpy as np
import pandas as pd

from charrec.errors import InputError


def split(columns: pd.DataFrame, kind: str, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the training and of the validation images, disjoint, together all; InputError if one is empty."""
    if kind == "random":
        halves = random_split(len(columns), fraction, seed)
    else:
        halves = font_split(columns["group"].to_numpy(), fraction, seed)
    if not all(map(len, halves)):
        raise InputError(
            f"{len(columns)} images of {columns['group'].nunique()} font groups split into {len(halves[0])} for"
            f" training and {len(halves[1])} for validation",
            "some of each",
            "Take more fonts, or split at random.",
        )
    return halves


def random_split(n: int, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The deck's: what `keras.utils.image_dataset_from_directory(validation_split, seed)` chooses.

    It shuffles the sorted file names with numpy's legacy generator and validates on the last part.
    """
    order = np.arange(n)
    np.random.RandomState(seed).shuffle(order)
    validation = int(fraction * n)
    return order[: n - validation], order[n - validation :]


def font_split(groups: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The honest one: whole font groups validate, so no image of a class lies on both sides.

    Groups are taken in random order as long as they fit into `fraction` of the images.
    """
    room = fraction * len(groups)
    chosen = []
    sizes = np.bincount(groups)
    for group in np.random.default_rng(seed).permutation(np.flatnonzero(sizes)):
        if sizes[group] <= room:
            chosen.append(group)
            room -= sizes[group]
    validates = np.isin(groups, chosen)
    return np.flatnonzero(~validates), np.flatnonzero(validates)
