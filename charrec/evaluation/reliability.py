"""Whether a network is right as often as it says, before and after its temperature."""

import numpy as np

from charrec.evaluation.scores import BINS, calibration_error
from charrec.evaluation.temperature import crossed, temperature
from charrec.results import Bin, Reliability


def reliability(
    model: str, probabilities: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int
) -> Reliability:
    """From (n, 62) probabilities of the validation images, their (n,) labels and (n,) groups of fonts.

    No image is judged under a temperature that it helped to choose: each half of the groups gets the other half's,
    or of a single group, each half of its images.
    """
    correct, confidence = probabilities.argmax(axis=1) == labels, probabilities.max(axis=1)
    several = len(np.unique(groups)) > 1
    after = crossed(probabilities, labels, groups if several else np.arange(len(labels)), seed).max(axis=1)
    return Reliability(
        model=model,
        bins=_bins(confidence, correct),
        error=calibration_error(confidence, correct),
        temperature=temperature(probabilities, labels),
        tempered=_bins(after, correct),
        tempered_error=calibration_error(after, correct),
    )


def _bins(confidence: np.ndarray, correct: np.ndarray) -> tuple[Bin, ...]:
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(
            low=k / BINS,
            high=(k + 1) / BINS,
            n=int(inside.sum()),
            confidence=float(confidence[inside].mean()),
            accuracy=float(correct[inside].mean()),
        )
        for k in range(BINS)
        if (inside := place == k).any()
    )
