"""Each network beside the one before it, image by image."""

import numpy as np

from charrec.evaluation.gains import gains
from charrec.evaluation.scores import clustered

LABELS = np.arange(1200) % 62
GROUPS = np.arange(1200) // 20  # 60 of 20 images


def reading(wrong: np.ndarray) -> np.ndarray:
    return np.where(wrong, (LABELS + 1) % 62, LABELS)


def test_a_network_is_compared_with_the_one_before_it_on_the_same_images() -> None:
    hard = np.random.default_rng(3).random(1200)
    read = {"model_1": reading(hard < 0.20), "model_3": reading(hard < 0.12), "model_4": reading(hard < 0.12)}
    better, equal = gains(read, LABELS, GROUPS, seed=1)
    assert (better.model, better.before, equal.model, equal.before) == ("model_3", "model_1", "model_4", "model_3")
    lost = int((hard < 0.20).sum() - (hard < 0.12).sum())
    assert np.isclose(better.difference, lost / 1200) and (better.n, better.groups) == (1200, 60)
    assert 0 < better.low < better.difference < better.high
    assert (equal.difference, equal.low, equal.high) == (0, 0, 0)


def test_the_interval_of_the_difference_is_narrower_than_those_of_the_rates() -> None:
    """The images that are hard for one network are hard for the next, which two intervals side by side do not see."""
    hard = np.random.default_rng(4).random(1200)
    read = {"model_1": reading(hard < 0.20), "model_2": reading(hard < 0.18)}
    (one,) = gains(read, LABELS, GROUPS, seed=1)
    alone = [clustered(answers == LABELS, GROUPS, 1) for answers in read.values()]
    assert one.low > 0 and alone[0].high > alone[1].low
    assert one.high - one.low < min(rate.high - rate.low for rate in alone) / 2


def test_a_single_network_has_none_before_it() -> None:
    assert gains({"model_1": LABELS}, LABELS, GROUPS, seed=1) == ()
