"""What Hyperband will run, known before it begins: brackets, rungs, trials, epochs; and whether it has."""

from charrec.study import Frozen, Search
from charrec.sweep.document import Document


class Rung(Frozen):
    bracket: int
    rung: int
    trials: int
    first: int  # epochs before
    epochs: int  # in all after


def schedule(search: Search) -> tuple[Rung, ...]:
    """The rungs in the order of their brackets. 30 trials and 120 epochs for the deck's 10 epochs and factor 3."""
    from charrec.sweep.oracle import DurableHyperband

    oracle = DurableHyperband(search, 0)
    return tuple(
        Rung(
            bracket=bracket,
            rung=rung,
            trials=oracle._get_size(bracket, rung),
            first=oracle._get_epochs(bracket, rung - 1) if rung else 0,
            epochs=oracle._get_epochs(bracket, rung),
        )
        for bracket in reversed(range(oracle._get_num_brackets()))
        for rung in range(oracle._get_num_rounds(bracket))
    )


def exhausted(search: Search, seed: int, document: Document) -> bool:
    """Whether a worker that asks now would be told that nothing is left."""
    from charrec.sweep.oracle import DurableHyperband

    if document.leases or document.waiting:
        return False
    oracle = DurableHyperband(search, seed)
    oracle.load(document)
    status: str = oracle.populate_space("next")["status"]  # not `take`: Keras Tuner keeps for ever what gave out trials
    return status == "STOPPED"
