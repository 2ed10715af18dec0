"""Hyperband's schedule, known in advance: brackets, rungs, trials, epochs."""

from collections.abc import Iterable
from math import ceil, log
from typing import Protocol

from charrec.study import Frozen


class Hyperband(Protocol):
    """The two numbers that decide a schedule."""

    @property
    def max_epochs(self) -> int: ...

    @property
    def factor(self) -> int: ...


class Rung(Frozen):
    bracket: int
    rung: int
    trials: int
    first: int  # epochs before
    epochs: int  # in total after


def schedule(search: Hyperband) -> tuple[Rung, ...]:
    """The rungs, bracket by bracket: 30 trials and 120 epochs for the deck's 10 epochs and factor 3.

    Repeats the arithmetic of Keras Tuner's HyperbandOracle, which takes seconds to import; a test compares the two.
    """
    brackets, epochs = 0, float(search.max_epochs)
    while epochs >= 1:  # the minimum for a trial
        brackets, epochs = brackets + 1, epochs / search.factor
    return tuple(_rung(search, bracket, rung) for bracket in reversed(range(brackets)) for rung in range(bracket + 1))


def configurations(rungs: Iterable[Rung]) -> int:
    """How many points of its space a search tries."""
    return sum(rung.trials for rung in rungs if rung.rung == 0)


def _rung(search: Hyperband, bracket: int, rung: int) -> Rung:
    last = ceil(1 + log(search.max_epochs, search.factor)) / (bracket + 1)  # trials of a bracket's last rung
    after = [ceil(search.max_epochs / search.factor**left) for left in range(bracket, -1, -1)]
    return Rung(
        bracket=bracket,
        rung=rung,
        trials=ceil(last * search.factor ** (bracket - rung)),
        first=after[rung - 1] if rung else 0,
        epochs=after[rung],
    )
