"""Errors that no classifier can avoid: one picture under two labels."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np


def unavoidable(labels: np.ndarray, sha256: Sequence[str]) -> np.ndarray:
    """(n,) bool: images whose picture bears another label more often; of equals the first class counts."""
    labels_of: dict[str, Counter[int]] = defaultdict(Counter)
    for label, digest in zip(labels.tolist(), sha256, strict=True):
        labels_of[digest][label] += 1
    best = {digest: min(c, key=lambda label: (-c[label], label)) for digest, c in labels_of.items()}
    return np.array([best[d] != label for label, d in zip(labels.tolist(), sha256, strict=True)], bool)
