"""Calibrated probabilities, and images that are unlike all validation images, on probabilities whose truth is known."""

import numpy as np
import pytest

from charrec.alphabet import CLASSES
from charrec.evaluation.prediction import softmax
from charrec.evaluation.scores import calibration_error
from charrec.serving.calibration import REFUSED, Calibration, calibration_of, fitted
from charrec.serving.candidate import Trained
from charrec.storage import open_store
from tests.toy import RECIPE

SHARPNESS = 2.0  # the network's logits are so many times what they should be


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 62) probabilities of an overconfident network, and labels that its true ones are right about."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(0, 1, (n, 62))
    honest[np.arange(n), rng.integers(0, 62, n)] += rng.uniform(3, 9, n)
    shares = softmax(honest).astype(np.float64)
    labels = np.array([rng.choice(62, p=row / row.sum()) for row in shares])
    return softmax(SHARPNESS * honest), labels


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return fitted(*drawn(6200, 1))


def test_the_temperature_is_the_one_by_which_the_network_is_too_sure(calibration: Calibration) -> None:
    assert calibration.temperature == pytest.approx(SHARPNESS, rel=0.05)


def test_calibrated_probabilities_are_honest_and_keep_their_order(calibration: Calibration) -> None:
    found, labels = drawn(6200, 2)
    shares = calibration.probabilities(found)
    right = found.argmax(axis=1) == labels
    assert (shares.argmax(axis=1) == found.argmax(axis=1)).all()
    assert shares.sum(axis=1) == pytest.approx(1)
    assert calibration_error(shares.max(axis=1), right) < 0.02 < calibration_error(found.max(axis=1), right)


def test_of_images_like_the_validation_images_the_stated_share_is_refused(calibration: Calibration) -> None:
    likeness = calibration.likeness(drawn(6200, 3)[0])
    assert np.mean(likeness < REFUSED) == pytest.approx(REFUSED, abs=0.015)
    assert likeness.min() > 0 and likeness.max() <= 1


def test_what_resembles_several_classes_is_a_stranger(calibration: Calibration) -> None:
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 1, (500, 62))
    for row in logits:
        row[rng.choice(62, 8, replace=False)] += 6
    assert np.mean(calibration.likeness(softmax(SHARPNESS * logits)) < REFUSED) > 0.9


def test_certainty_is_no_error(calibration: Calibration) -> None:
    sure = np.eye(62, dtype=np.float32)
    assert np.isfinite(calibration.likeness(sure)).all()
    assert calibration.probabilities(sure).argmax(axis=1).tolist() == list(range(len(CLASSES)))


def test_a_class_without_validation_images_is_no_error() -> None:
    found, labels = drawn(1240, 5)
    some = labels < 40
    assert fitted(found[some], labels[some]).centres.shape == (40, 62)


def test_a_network_whose_predictions_are_unknown_or_gone_is_not_calibrated(
    tmp_path, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(str(tmp_path))
    network = Trained(recipe=RECIPE, training="t", weights_sha256="0" * 64)
    assert calibration_of(store, network) is None
    assert not caplog.records
    assert calibration_of(store, network.model_copy(update={"predictions": "predictions/model_2-0"})) is None
    assert "predictions/model_2-0 is not whole" in caplog.text
