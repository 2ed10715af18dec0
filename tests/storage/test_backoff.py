"""Waits double, are drawn at random, and end; no test here waits."""

import random

import pytest

from charrec.storage.backoff import retried, waits


class Clock:
    """Time passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 1000.0, []  # type: tuple[float, list[float]]

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


def longest(_low: float, high: float) -> float:
    return high


def test_the_bound_doubles_up_to_the_longest() -> None:
    assert list(waits(1, 10, tries=7, draw=longest)) == [1, 2, 4, 8, 10, 10]


def test_one_try_waits_for_nothing() -> None:
    assert list(waits(1, 10, tries=1)) == []
    assert list(waits(1, 10, total=0)) == []


def test_waits_are_drawn_between_nothing_and_the_bound(seed: int) -> None:
    drawn = list(waits(1, 8, tries=2000, draw=random.Random(seed).uniform))[3:]
    assert all(0 <= wait <= 8 for wait in drawn)
    assert 3 < sum(drawn) / len(drawn) < 5
    assert min(drawn) < 1 < 7 < max(drawn)


def test_waits_end_once_the_total_has_passed() -> None:
    clock = Clock()
    for wait in waits(1, 8, total=20, clock=clock, draw=longest):
        clock.sleep(wait)
    assert clock.slept == [1, 2, 4, 8, 8]  # after 15 s of 20 there is one more


def test_the_first_success_counts() -> None:
    clock, answers = Clock(), iter([KeyError("a"), KeyError("b"), 7, 8])

    def call() -> int:
        answer = next(answers)
        if isinstance(answer, KeyError):
            raise answer
        return answer

    pauses = waits(1, 8, tries=9, clock=clock, draw=longest)
    assert retried(call, lambda error: isinstance(error, KeyError), pauses, clock.sleep) == 7
    assert clock.slept == [1, 2]


@pytest.mark.parametrize(("worth", "calls"), [(True, 4), (False, 1)])
def test_the_last_failure_is_raised_and_what_is_not_worth_it_at_once(worth: bool, calls: int) -> None:
    failures = [KeyError(number) for number in range(9)]
    left = iter(failures)

    def call() -> int:
        raise next(left)

    with pytest.raises(KeyError) as failure:
        retried(call, lambda _error: worth, waits(1, 8, tries=4, draw=longest), Clock().sleep)
    assert failure.value is failures[calls - 1]
