"""What Hyperband will run, known before it begins: brackets, rungs, trials, epochs."""

from math import ceil, log

from charrec.study import Frozen, Search


class Rung(Frozen):
    bracket: int
    rung: int
    trials: int
    first: int  # epochs before
    epochs: int  # in all after


def schedule(search: Search) -> tuple[Rung, ...]:
    """The rungs in the order of their brackets. 30 trials and 120 epochs for the deck's 10 epochs and factor 3.

    Keras Tuner's arithmetic (HyperbandOracle), to which the tests hold it, without the seconds of importing it.
    """
    brackets, epochs = 0, float(search.max_epochs)
    while epochs >= 1:  # of the least a trial may have
        brackets, epochs = brackets + 1, epochs / search.factor
    return tuple(_rung(search, bracket, rung) for bracket in reversed(range(brackets)) for rung in range(bracket + 1))


def _rung(search: Search, bracket: int, rung: int) -> Rung:
    last = ceil(1 + log(search.max_epochs, search.factor)) / (bracket + 1)  # trials of a bracket's last rung
    after = [ceil(search.max_epochs / search.factor**left) for left in range(bracket, -1, -1)]
    return Rung(
        bracket=bracket,
        rung=rung,
        trials=ceil(last * search.factor ** (bracket - rung)),
        first=after[rung - 1] if rung else 0,
        epochs=after[rung],
    )
