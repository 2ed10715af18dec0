"""A search without training and without a store: a formula answers what a worker would."""

from collections.abc import Callable

from charrec.study import FULL, Search
from charrec.sweep.brackets import hyperband
from charrec.sweep.document import Document, parsed
from charrec.sweep.oracle import Assignment, Oracle
from charrec.sweep.scheduling import Schedule
from charrec.tuning.space import OBJECTIVE, propose, space_of

DECK = FULL.search  # 30 trials of 22 configurations, 120 epochs
DECKS_SPACE = space_of(DECK)
SMALL = Search(max_epochs=2, factor=2)  # 5 trials of 4 configurations: 2 of one epoch, one of them promoted; 2 of two
# What Hyperband makes of the deck's numbers: (bracket, rung) -> trials, from which epoch to which
SCHEDULE = {
    (2, 0): (12, 0, 2),
    (2, 1): (4, 2, 4),
    (2, 2): (2, 4, 10),
    (1, 0): (6, 0, 4),
    (1, 1): (2, 4, 10),
    (0, 0): (4, 0, 10),
}


def oracle_of(search: Search | Schedule, seed: int) -> Oracle:
    """Of a search for network 4."""
    schedule = hyperband(search) if isinstance(search, Search) else search
    return Oracle(schedule, seed, DECKS_SPACE, OBJECTIVE)


Between = Callable[[Oracle], Oracle]


def points(given: Assignment) -> float:
    """A score: of a network and its epochs, no two equal."""
    net = propose(given.values)
    sums = net.filters_hp_1 + 3 * net.filters_hp_2 + 7 * net.filters_hp_3 + net.units / 7 - 31 * net.dropout
    return round(0.5 + sums / 4000 + given.epochs / 100, 6)


def taken(oracle: Oracle, worker: str = "worker") -> Assignment:
    """The trial that this worker gets; there must be one."""
    given = oracle.take(worker)
    assert isinstance(given, Assignment), given
    return given


def fail_for_good(oracle: Oracle, given: Assignment, message: str = "the loss is not a number") -> None:
    """Let the trial fail on its worker and on another, which is enough."""
    assert oracle.fail(given, message)
    again = taken(oracle, "witness")
    assert again.trial == given.trial
    assert oracle.fail(again, message)


def alone(
    oracle: Oracle,
    scored: Callable[[Assignment], float] = points,
    between: Between = lambda same: same,
) -> list[Assignment]:
    """One worker takes every trial that there is; `between` stands for what may happen around each."""
    trials = []
    while isinstance(given := oracle.take("worker"), Assignment):
        oracle = between(oracle)
        assert oracle.complete(given, scored(given), 1.0)
        oracle = between(oracle)
        trials.append(given)
    assert given == "STOPPED"
    return trials


def searched(search: Search = DECK, seed: int = FULL.seed) -> Document:
    """A search from its beginning to its end."""
    oracle = oracle_of(search, seed)
    alone(oracle)
    return oracle.dump()


def reborn(oracle: Oracle, search: Search | Schedule = DECK, seed: int = 99) -> Oracle:
    """Another process, which knows the stored document alone; and the seed, where points are not drawn from a state."""
    other = oracle_of(search, seed)
    other.load(parsed(oracle.dump().model_dump_json().encode(), "the store", DECKS_SPACE))
    return other


def in_rungs(document: Document) -> dict[tuple[int, int], list[int]]:
    """(bracket, rung) -> the configurations there, in the order of their trials."""
    found: dict[tuple[int, int], list[int]] = {}
    for record in document.trials.values():
        place = int(record.values["tuner/bracket"]), int(record.values["tuner/round"])
        found.setdefault(place, []).append(record.configuration)
    return found
