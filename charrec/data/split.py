"""The split into training and validation images."""

import numpy as np
import pandas as pd

from charrec.errors import InputError


def split(columns: pd.DataFrame, kind: str, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the training and the validation images, disjoint and complete; InputError if either is empty."""
    if kind == "random":
        halves = random_split(len(columns), fraction, seed)
    else:
        halves = font_split(columns["group"].to_numpy(), fraction, seed)
    if not all(map(len, halves)):
        raise InputError(
            f"{len(columns)} images of {columns['group'].nunique()} font groups split into {len(halves[0])} for"
            f" training and {len(halves[1])} for validation",
            "at least one image in each part",
            "Use more fonts, another --validation-fraction, or --split random.",
        )
    return halves


def random_split(n: int, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The deck's split, identical to that of `keras.utils.image_dataset_from_directory(validation_split, seed)`.

    Keras shuffles the sorted file names with numpy's legacy generator and validating on the last part.
    """
    order = np.arange(n)
    np.random.RandomState(seed).shuffle(order)
    validation = int(fraction * n)
    return order[: n - validation], order[n - validation :]


def font_split(groups: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The leak-free split: it moves whole font groups, so no picture of a class is in both parts.

    Takes groups for validation in random order, skipping those that would exceed `fraction` of the images.
    """
    room = fraction * len(groups)
    chosen = []
    sizes = np.bincount(groups)
    for group in np.random.default_rng(seed).permutation(np.flatnonzero(sizes)):
        if sizes[group] <= room:
            chosen.append(group)
            room -= sizes[group]
    validating = np.isin(groups, chosen)
    return np.flatnonzero(~validating), np.flatnonzero(validating)
