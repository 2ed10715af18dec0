"""What a difference between two networks is worth."""

import numpy as np
import pytest

from charrec.evaluation.paired import Answers, figure, mcnemar

pytestmark = pytest.mark.filterwarnings("error")


def answers(before: np.ndarray, after: np.ndarray, units: np.ndarray) -> Answers:
    """Of class 1 are those that a network gets right; it reads the others as 0."""
    return Answers(np.ones(len(before), int), before.astype(int), after.astype(int), units)


def drawn(seed: int, groups: int = 30, most: int = 40) -> Answers:
    """Groups of different sizes and gains; on average the challenger gains 5 of 100."""
    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(groups), rng.integers(5, most, groups))
    before = rng.random(len(units)) < rng.uniform(0.6, 0.9, groups)[units]
    after = np.where(before, rng.random(len(units)) < 0.97, rng.random(len(units)) < 0.25)
    return answers(before, after, units)


def test_the_rates_and_their_difference_are_the_plain_ones() -> None:
    found = figure("accuracy", answers(np.array([1, 1, 0, 0]), np.array([1, 1, 1, 0]), np.arange(4)), 0)
    assert (found.champion, found.challenger, found.difference, found.n, found.groups) == (0.5, 0.75, 0.25, 4, 4)


@pytest.mark.parametrize("units", ["groups", "images"])
def test_the_interval_is_that_of_drawing_whole_groups_one_by_one(units: str) -> None:
    given = drawn(3)
    if units == "images":
        given = Answers(given.labels, given.champion, given.challenger, np.arange(len(given.labels)))
    gain = (given.challenger == given.labels).astype(int) - (given.champion == given.labels)
    members = [np.flatnonzero(given.units == unit) for unit in np.unique(given.units)]
    rng = np.random.default_rng(1)
    slow = []
    for _ in range(2000):
        picks = np.concatenate([members[unit] for unit in rng.integers(0, len(members), len(members))])
        slow.append(gain[picks].mean())
    found = figure("accuracy", given, 0)
    width = found.high - found.low
    tail = {"groups": 0.0188, "images": 0.025}[units]  # of 30 units: Phi(-sqrt(30 / 29) * 2.0452)
    assert [found.low, found.high] == pytest.approx(np.quantile(slow, [tail, 1 - tail]).tolist(), abs=0.06 * width)


def test_the_same_seed_finds_the_same_and_another_hardly_another() -> None:
    first, again, other = (figure("accuracy", drawn(3), seed) for seed in (0, 0, 1))
    assert first == again != other
    assert first.low == pytest.approx(other.low, abs=0.05 * (first.high - first.low))


def test_two_networks_that_answer_alike_differ_by_nothing() -> None:
    given = drawn(3)
    found = figure("accuracy", Answers(given.labels, given.champion, given.champion, given.units), 0)
    assert (found.difference, found.low, found.high, found.mcnemar_p) == (0, 0, 0, 1)


def test_a_gain_in_one_font_alone_shows_nothing_whatever_mcnemar_says() -> None:
    before = np.zeros(1000, bool)
    after = np.arange(1000) < 60
    found = figure("accuracy", answers(before, after, np.arange(1000) // 100), 0)
    assert found.difference == pytest.approx(0.06)
    assert found.low == 0
    assert found.mcnemar_p < 1e-15


@pytest.mark.parametrize(("groups", "least"), [(5, 0.88), (8, 0.91), (40, 0.93)])
def test_an_interval_holds_the_true_difference_about_as_often_as_it_says(groups: int, least: float) -> None:
    """A true gain of 0.02, 0.05 apart from font to font; plain percentiles of 5 groups hold it in 80 of 100."""
    rng = np.random.default_rng(5)
    held, runs, images = 0, 300, 62
    for run in range(runs):
        units = np.repeat(np.arange(groups), images)
        gain = rng.normal(0.02, 0.05, groups)[units]
        coin = rng.random(len(units))
        before, after = coin < 0.8, coin < 0.8 + gain
        found = figure("accuracy", answers(before, after, units), run)
        held += found.low <= 0.02 <= found.high
    assert least <= held / runs <= 0.98


# lost, won: by hand, 2 * sum(C(n, k), k <= fewer) / 2 ** n
EXACT = [
    (0, 0, 1.0),
    (3, 3, 1.0),
    (0, 1, 1.0),
    (0, 6, 2 / 64),
    (1, 5, 2 * 7 / 64),
    (5, 1, 2 * 7 / 64),
    (2, 8, 112 / 1024),
]


@pytest.mark.parametrize(("lost", "won", "p"), EXACT)
def test_mcnemar_s_p_is_exact(lost: int, won: int, p: float) -> None:
    assert mcnemar(lost, won) == pytest.approx(p)


def test_mcnemar_s_p_of_thousands_is_near_the_normal_one() -> None:
    assert mcnemar(2900, 3100) == pytest.approx(0.0102, abs=0.0003)  # z = 199 / sqrt(6000)
    assert mcnemar(0, 6000) == 0
