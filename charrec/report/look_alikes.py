"""The order of classes in which those that are confused with one another stand together."""

import numpy as np


def order(confusion: np.ndarray) -> list[int]:
    """(k, k) counts [truth][read] -> the k classes, by clustering the shares of mutual errors (average linkage)."""
    if len(confusion) < 3:
        return list(range(len(confusion)))
    from scipy.cluster.hierarchy import leaves_list, linkage  # 0.2 s, which only a report needs
    from scipy.spatial.distance import squareform

    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    mutual = shares + shares.T
    np.fill_diagonal(mutual, 0)
    if not mutual.any():
        return list(range(len(confusion)))
    distance = 1 - mutual / mutual.max()
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    return [int(leaf) for leaf in leaves_list(tree)]


def folded(confusion: np.ndarray, into: np.ndarray) -> np.ndarray:
    """(k, k) counts with class i counted as class into[i]; of the classes that are left, in their order."""
    kept = np.unique(into)
    place = np.searchsorted(kept, into)
    smaller = np.zeros((len(kept), len(kept)), int)
    np.add.at(smaller, (place[:, None], place[None, :]), confusion)
    return smaller
