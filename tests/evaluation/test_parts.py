"""Slices of the validation images, and whether a network is right as often as it says."""

import numpy as np
import pytest

from charrec.evaluation.prediction import softmax
from charrec.evaluation.reliability import reliability
from charrec.evaluation.slices import slices
from charrec.evaluation.temperature import temperature


def predictions(sharpness: float, n: int = 3000, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of a network that is honest at sharpness 1, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, 62))
    honest = softmax(logits).astype(np.float64)
    labels = (honest.cumsum(axis=1) > rng.random((n, 1)) * honest.sum(axis=1, keepdims=True)).argmax(axis=1)
    return softmax(logits * sharpness), labels


GROUPS = np.arange(3000) % 30


def test_a_network_that_is_too_sure_needs_a_temperature_above_one() -> None:
    probabilities, labels = predictions(2.0)
    found = reliability("model_1", probabilities, labels, GROUPS, 0)
    assert found.temperature == pytest.approx(2.0, rel=0.05)
    assert found.tempered_error < 0.04 < found.error


def test_an_honest_network_is_left_as_it_is() -> None:
    probabilities, labels = predictions(1.0)
    found = reliability("model_1", probabilities, labels, GROUPS, 0)
    assert found.temperature == pytest.approx(1.0, rel=0.05)
    assert abs(found.tempered_error - found.error) < 0.01


def test_the_bins_have_every_image_and_the_error_is_their_gap() -> None:
    probabilities, labels = predictions(2.0)
    found = reliability("model_1", probabilities, labels, GROUPS, 0)
    for bins, error in ((found.bins, found.error), (found.tempered, found.tempered_error)):
        assert sum(one.n for one in bins) == len(labels)
        assert all(one.low <= one.confidence <= one.high for one in bins)
        assert error == pytest.approx(sum(one.n * abs(one.confidence - one.accuracy) for one in bins) / len(labels))


def test_no_image_is_judged_under_a_temperature_that_it_chose() -> None:
    """Of two groups, one honest and one too sure, each gets the other's temperature."""
    honest, right = predictions(1.0)
    sure, others = predictions(2.0, seed=2)
    probabilities, labels = np.concatenate([honest, sure]), np.concatenate([right, others])
    groups = np.repeat([4, 9], 3000)
    swapped = reliability("model_1", probabilities, labels, groups, 0)
    assert swapped.tempered_error > swapped.error > 0.02


def test_one_group_is_halved_by_its_images() -> None:
    probabilities, labels = predictions(2.0)
    found = reliability("model_1", probabilities, labels, np.zeros(3000, int), 0)
    assert found.tempered_error < 0.04 < found.error


def test_the_temperature_stays_within_bounds_where_everything_is_right() -> None:
    probabilities = np.full((20, 62), 0.1 / 61, np.float32)
    probabilities[:, 3] = 0.9
    assert 0.1 <= temperature(probabilities, np.full(20, 3)) < 0.5


def test_slices_are_by_kind_of_character_and_font_weight_and_slant() -> None:
    labels = np.array([0, 0, 10, 10, 36, 36, 36, 36])
    read = np.array([0, 0, 10, 36, 36, 36, 10, 1])
    styles = np.array(["regular", "bold", "italic (synthetic)", "bold-italic"] * 2)
    kinds = np.array(["serif", "", "serif", "display", "", "", "display", ""])
    found = {(one.by, one.name): one for one in slices("model_1", read, labels, np.arange(8), styles, kinds, 0)}
    shares = {key: (one.accuracy.value, one.folded_accuracy.value, one.accuracy.n) for key, one in found.items()}
    assert shares == {
        ("character", "digits"): (1.0, 1.0, 2),
        ("character", "capitals"): (0.5, 1.0, 2),
        ("character", "small letters"): (0.5, 0.75, 4),
        ("font kind", "display"): (0.0, 1.0, 2),
        ("font kind", "serif"): (1.0, 1.0, 2),
        ("weight", "regular"): (0.75, 1.0, 4),
        ("weight", "bold"): (0.5, 0.75, 4),
        ("slant", "upright"): (1.0, 1.0, 4),
        ("slant", "italic"): (0.25, 0.75, 4),
    }
    low, high = ([getattr(one.accuracy, end) for one in found.values()] for end in ("low", "high"))
    assert (np.array(low) < np.array(high)).all() and min(low) >= 0 and max(high) <= 1


@pytest.mark.parametrize("style", ["", "regular"])
def test_a_source_of_one_style_has_no_slices_by_style(style: str) -> None:
    labels = np.array([0, 10, 36])
    found = slices("model_1", labels, labels, np.arange(3), np.array([style] * 3), np.array([""] * 3), 0)
    assert {one.by for one in found} == {"character"}
