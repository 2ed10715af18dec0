"""Twins: identical images of one class."""

import numpy as np
import pandas as pd


def pictures(columns: pd.DataFrame) -> "pd.Series[str]":
    """Equal for images of one class with the same pixels."""
    return columns["label"].astype(str) + " " + columns["sha256"]


def twins(columns: pd.DataFrame, training: np.ndarray, validation: np.ndarray) -> np.ndarray:
    """(m,) bool: validation images with an identical image of their class in training."""
    known = pictures(columns)
    return known.iloc[validation].isin(set(known.iloc[training])).to_numpy()
