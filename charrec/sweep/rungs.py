"""A search rung by rung, for its status and its report, and the number of runnable trials."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

from charrec.study import Frozen
from charrec.sweep.objective import Objective
from charrec.sweep.row import TrialRow
from charrec.sweep.schedule import Hyperband, schedule


class RungRow(Frozen):
    """The trials of one rung, counted by state; the remainder of `trials` has not started."""

    bracket: int
    rung: int
    first: int  # epochs before
    epochs: int  # in total after
    trials: int
    running: int
    waiting: int  # started, for a worker to resume
    completed: int
    failed: int
    lost: int  # given up, since their workers were lost
    best: float | None  # score
    seconds: float  # of training, over ended trials

    @property
    def ended(self) -> int:
        return self.completed + self.failed + self.lost

    @property
    def begun(self) -> int:
        return self.running + self.waiting + self.ended


def by_rung(search: Hyperband, trials: Collection[TrialRow], objective: Objective) -> Iterator[RungRow]:
    """Every rung of the schedule, started or not."""
    for rung in schedule(search):
        here = [row for row in trials if (row.bracket, row.rung) == (rung.bracket, rung.rung)]
        states = [row.state for row in here]
        scores = [row.score for row in here if row.score is not None]
        yield RungRow(
            bracket=rung.bracket,
            rung=rung.rung,
            first=rung.first,
            epochs=rung.epochs,
            trials=rung.trials,
            running=states.count("RUNNING"),
            waiting=states.count("INVALID"),  # Keras Tuner's state for "to be retried"
            completed=states.count("COMPLETED"),
            failed=states.count("FAILED"),
            lost=states.count("LOST"),
            best=objective.best(scores) if scores else None,
            seconds=sum(row.seconds for row in here),
        )


def runnable(rungs: Sequence[RungRow]) -> int:
    """The number of trials that workers could run now; 0 means that the search is finished.

    Follows HyperbandOracle: a new configuration may start at any time, and one is promoted as soon as more trials of
    its rung have ended than the rung will discard.
    """
    held = sum(row.running + row.waiting for row in rungs)
    new = sum(row.trials - row.begun for row in rungs if row.rung == 0)
    promoted = sum(
        max(0, below.ended - row.begun - (below.trials - row.trials)) for below, row in pairwise(rungs) if row.rung
    )
    return held + new + promoted
