"""A search rung by rung, for its status and its report."""

from collections.abc import Collection, Iterable, Iterator

from charrec.study import Frozen
from charrec.sweep.objective import Objective
from charrec.sweep.row import TrialRow
from charrec.sweep.schedule import Rung


class RungRow(Frozen):
    """The trials of one rung, counted by state; the remainder of `trials` has not started."""

    bracket: int
    rung: int
    first: int  # epochs before, in each execution
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


def by_rung(rungs: Iterable[Rung], trials: Collection[TrialRow], objective: Objective) -> Iterator[RungRow]:
    """Every rung of a schedule, started or not."""
    for rung in rungs:
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
