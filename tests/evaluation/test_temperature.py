"""Temperatures on probabilities whose truth is known."""

import numpy as np
import pytest

from charrec.evaluation.kinds import logarithms
from charrec.evaluation.scores import calibration_error, evaluate
from charrec.evaluation.temperature import FEWEST, crossed, temperature, tempered


def said(n: int, sharpness: np.ndarray | float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 62) probabilities whose logits are so many times the honest ones', and labels drawn by the honest ones."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (n, 62))
    logits[np.arange(n), rng.integers(0, 62, n)] += rng.uniform(2, 8, n)
    honest = tempered(logits, 1).astype(np.float64)
    labels = (honest.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return tempered(logits * np.reshape(sharpness, (-1, 1)), 1), labels


@pytest.mark.parametrize("sharpness", [0.5, 1, 3])
def test_the_temperature_is_how_much_too_sure_it_is(sharpness: float) -> None:
    assert temperature(*said(6000, sharpness, 1)) == pytest.approx(sharpness, rel=0.05)


def test_each_half_of_the_fonts_is_tempered_as_the_other_half_needs() -> None:
    """Of two groups, one is thrice as sure as the other: told by the other's temperature, both become dishonest."""
    groups = np.repeat([4, 9], 3000)
    found, labels = said(6000, np.where(groups == 4, 3.0, 1.0), 2)
    honest = crossed(found, labels, groups, seed=1)
    for group, others in ((4, 9), (9, 4)):
        own, other = groups == group, groups == others
        expected = tempered(logarithms(found[own]), temperature(found[other], labels[other]))
        np.testing.assert_array_equal(honest[own], expected)


def test_an_evaluation_has_the_error_before_and_after_and_the_temperature() -> None:
    groups = np.arange(6000) % 20
    found, labels = said(6000, 2, 3)
    row = evaluate("model_5", found, labels, groups, np.zeros(6000, bool), seed=1)
    assert row.temperature == temperature(found, labels)
    assert row.calibration_error == calibration_error(found.max(axis=1), found.argmax(axis=1) == labels)
    assert row.calibrated_error is not None and row.calibrated_error < 0.02 < row.calibration_error


@pytest.mark.parametrize(("n", "groups"), [(FEWEST - 1, 2), (FEWEST, 1)])
def test_few_images_or_a_single_font_say_nothing_of_it(n: int, groups: int) -> None:
    found, labels = said(n, 2, 4)
    row = evaluate("model_5", found, labels, np.arange(n) % groups, np.zeros(n, bool), seed=1)
    assert (row.temperature, row.calibrated_error) == (None, None)
