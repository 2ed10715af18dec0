"""How sure a network may be: what its log probabilities are divided by so that its confidence is its accuracy.

One number for a network (Guo et al., On calibration of modern neural networks, ICML 2017), fitted on its validation
images: with `--split font` on fonts that no training saw. No class changes its rank.
"""

import numpy as np

from charrec.evaluation.kinds import FLOOR, logarithms

FEWEST = 248  # validation images, four of each class: fewer say little of their spread
COLDEST, HOTTEST = 0.1, 10.0


def temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Of (n, 62) probabilities and (n,) labels: the one of the least cross-entropy."""
    from scipy.optimize import minimize_scalar

    found, rows = logarithms(probabilities), np.arange(len(labels))

    def loss(logarithm: float) -> float:
        true = tempered(found, float(np.exp(logarithm)))[rows, labels]
        return -float(np.log(np.maximum(true, FLOOR)).mean())

    best = minimize_scalar(loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded")
    return float(np.exp(best.x))


def tempered(found: np.ndarray, degrees: float) -> np.ndarray:
    """(n, 62) logarithms -> (n, 62) float32 probabilities at this temperature."""
    from scipy import special  # 0.2 s, which only a reading needs

    shares: np.ndarray = special.softmax(found / degrees, axis=1).astype(np.float32)
    return shares


def crossed(probabilities: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """(n, 62) probabilities at a temperature that was fitted on other fonts: on the other half of the font groups."""
    drawn = np.random.default_rng(seed).permutation(np.unique(groups))
    first = np.isin(groups, drawn[::2])
    honest = np.empty_like(probabilities)
    for half in (first, ~first):
        honest[half] = tempered(logarithms(probabilities[half]), temperature(probabilities[~half], labels[~half]))
    return honest
