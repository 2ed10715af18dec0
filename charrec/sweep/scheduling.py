"""What decides which trial is next: a schedule as a search's description has it, and the same at work."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf
from typing import Any, NamedTuple, Protocol

from charrec.sweep.document import Document, TrialRecord
from charrec.sweep.objective import Objective
from charrec.sweep.schedule import Rung
from charrec.sweep.space import Space, Value

NOTHING: Mapping[int, int] = {}


class Seen(NamedTuple):
    """A trial as a schedule sees it."""

    name: str
    configuration: int
    bracket: int
    rung: int
    parent: str | None  # the trial that it continues
    ended: int | None  # its place in the order of ends; None: it has not ended
    cost: float  # less is better; infinite: it has failed, or not ended


def seen(trials: Mapping[str, TrialRecord], ended: Sequence[str], objective: Objective) -> list[Seen]:
    """The trials in the order of their beginning."""
    places = {name: place for place, name in enumerate(ended)}
    return [
        Seen(
            name=name,
            configuration=record.configuration,
            bracket=record.bracket,
            rung=record.rung,
            parent=record.parent,
            ended=places.get(name),
            cost=inf if record.score is None else objective.cost(record.score),
        )
        for name, record in trials.items()
    ]


class Start(NamedTuple):
    """What is to begin: a new point, or a trial that continues its parent."""

    rung: int
    first: int  # epochs before
    epochs: int  # in total after
    parent: str | None = None


class Proposer(Protocol):
    """A schedule at work."""

    def propose(self, name: str, trials: Mapping[str, TrialRecord], ended: Sequence[str]) -> dict[str, Value] | None:
        """The values of a new trial of this name: of its point, and Keras Tuner's words for its place; None: none now.

        `trials` are those that have begun, in that order; `ended` those of them that have ended, in that order.
        """

    def state(self) -> dict[str, Any]:
        """The fields of a Document that are its own."""

    def restore(self, document: Document) -> None: ...


class Schedule(Protocol):
    """Which point gets how many epochs, and when: the description of a search has it as data."""

    def rungs(self, begun: Mapping[int, int] = NOTHING) -> tuple[Rung, ...]:
        """In the order of their beginning; `begun` are numbers of trials by rung, for rungs of no fixed size."""

    def ready(self, trials: Sequence[Seen]) -> int:
        """The number of trials that could begin now."""

    def proposer(self, seed: int, space: Space, objective: Objective) -> Proposer: ...


class Rule(Protocol):
    """Decides by nothing but the trials so far."""

    def next(self, trials: Sequence[Seen]) -> Start | None:
        """What a worker that is free should begin; None: nothing now."""


def ready_in(rungs: Sequence[Rung], trials: Sequence[Seen]) -> int:
    """The number of trials that could begin now, where each rung has its size.

    As HyperbandOracle has it: a new configuration may begin at any time, and one is promoted as soon as more trials of
    its rung have ended than the rung will discard.
    """
    begun = Counter((trial.bracket, trial.rung) for trial in trials)
    ended = Counter((trial.bracket, trial.rung) for trial in trials if trial.ended is not None)
    new = sum(rung.trials - begun[rung.bracket, 0] for rung in rungs if not rung.rung)
    promoted = sum(
        max(0, ended[rung.bracket, below.rung] - begun[rung.bracket, rung.rung] - (below.trials - rung.trials))
        for below, rung in pairwise(rungs)
        if rung.rung
    )
    return new + promoted
