"""A search rung by rung: the rows of its status while it runs, and of the report at its end; what could run now."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

from charrec.results import TrialRow
from charrec.study import Frozen, Search
from charrec.sweep.schedule import schedule


class RungRow(Frozen):
    """Trials of one rung, by state; what is not begun is the rest of `trials`."""

    bracket: int
    rung: int
    first: int  # epochs before
    epochs: int  # in all after
    trials: int
    running: int
    waiting: int  # begun, for a worker to go on
    completed: int
    failed: int
    best: float | None  # validation accuracy
    seconds: float  # of training, of the trials that ended

    @property
    def ended(self) -> int:
        return self.completed + self.failed

    @property
    def begun(self) -> int:
        return self.running + self.waiting + self.ended


def by_rung(search: Search, trials: Collection[TrialRow]) -> Iterator[RungRow]:
    """Every rung of the schedule, begun or not."""
    for rung in schedule(search):
        here = [row for row in trials if (row.bracket, row.rung) == (rung.bracket, rung.rung)]
        states = [row.state for row in here]
        yield RungRow(
            bracket=rung.bracket,
            rung=rung.rung,
            first=rung.first,
            epochs=rung.epochs,
            trials=rung.trials,
            running=states.count("RUNNING"),
            waiting=states.count("INVALID"),  # Keras Tuner's word
            completed=states.count("COMPLETED"),
            failed=states.count("FAILED"),
            best=max((row.val_accuracy for row in here if row.val_accuracy is not None), default=None),
            seconds=sum(row.seconds for row in here),
        )


def runnable(rungs: Sequence[RungRow]) -> int:
    """How many workers could have a trial now; 0: the search is finished.

    As HyperbandOracle decides: any configuration may begin, and one is promoted as soon as more trials of its rung have
    ended than will be thrown out.
    """
    held = sum(row.running + row.waiting for row in rungs)
    new = sum(row.trials - row.begun for row in rungs if row.rung == 0)
    promoted = sum(
        max(0, below.ended - row.begun - (below.trials - row.trials)) for below, row in pairwise(rungs) if row.rung
    )
    return held + new + promoted
