"""What a network's probabilities are worth, and how unlike its validation images an image is.

Both are fitted on its stored probabilities of the validation images; the temperature is the one of its evaluation. The
distance to the nearest class, by the covariance within classes (Lee et al., A simple unified framework for detecting
out-of-distribution samples, NeurIPS 2018), is taken between log probabilities; half of the images make the classes, and
the distances of the other half say which is far.
"""

import logging
from dataclasses import dataclass

import numpy as np

from charrec.evaluation.kinds import logarithms
from charrec.evaluation.tables import labels_of, read_table
from charrec.evaluation.temperature import FEWEST, temperature, tempered
from charrec.memo.outcome import recall
from charrec.results import PredictionResult
from charrec.serving.candidate import Trained
from charrec.storage import Store

log = logging.getLogger(__name__)

REFUSED = 0.05  # of the validation images are called strangers too; the rates of others are in docs/reading.md
SHRUNK = 0.01  # of the mean variance, added to each: some log probabilities hardly vary


@dataclass(frozen=True)
class Calibration:
    """All of a network that reading needs besides its weights."""

    temperature: float
    whitening: np.ndarray  # (62, 62): distances within classes become plain
    centres: np.ndarray  # (classes, 62), whitened
    distances: np.ndarray  # (n,) of validation images that made neither, ascending

    def probabilities(self, found: np.ndarray) -> np.ndarray:
        """(n, 62) of the network -> (n, 62) calibrated; their order stays."""
        return tempered(logarithms(found), self.temperature)

    def likeness(self, found: np.ndarray) -> np.ndarray:
        """(n, 62) of the network -> (n,): the share of validation images as far from the others."""
        nearest = _distances(logarithms(found), self.whitening, self.centres)
        farther = len(self.distances) - np.searchsorted(self.distances, nearest)
        shares: np.ndarray = (1 + farther) / (1 + len(self.distances))
        return shares


def calibration_of(store: Store, trained: Trained) -> Calibration | None:
    """From the stored predictions; None where they are unknown, gone, too few or all alike. The log tells losses."""
    if not trained.predictions:
        return None
    if (outcome := recall(store, trained.predictions, PredictionResult)) is None:
        log.warning("%s is not whole: no probability is calibrated, no stranger told", trained.predictions)
        return None
    if (table := outcome.value.tables.get("validation")) is None:
        log.warning("%s has no validation images: no probability is calibrated, no stranger told", trained.predictions)
        return None
    head, probabilities = read_table(store.get(table.key), f"{store.url}/{table.key}")
    usable = len(head) >= FEWEST and np.ptp(probabilities, axis=0).any()
    return fitted(probabilities, labels_of(head)) if usable else None


def fitted(probabilities: np.ndarray, labels: np.ndarray) -> Calibration:
    """From (n, 62) probabilities of the validation images and their (n,) labels."""
    found = logarithms(probabilities)
    first, other = found[::2], found[1::2]
    known = np.unique(labels[::2])
    means = np.stack([first[labels[::2] == label].mean(axis=0) for label in known])
    within = first - means[np.searchsorted(known, labels[::2])]
    covariance = within.T @ within / len(within)
    covariance += SHRUNK * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    whitening = np.linalg.cholesky(np.linalg.inv(covariance))
    centres = means @ whitening
    distances = np.sort(_distances(other, whitening, centres))
    return Calibration(temperature(probabilities, labels), whitening, centres, distances)


def _distances(found: np.ndarray, whitening: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(n,) squared distances to the nearest centre."""
    white = found @ whitening
    squares = (white**2).sum(1)[:, None] - 2 * white @ centres.T + (centres**2).sum(1)
    nearest: np.ndarray = squares.min(axis=1)
    return nearest
