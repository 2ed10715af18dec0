"""What a search's workers did in sum: at work, idle, lost."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from charrec.results import Stretch, StudyResult


@dataclass(frozen=True)
class Shift:
    """One worker, from its first trial to the end of its last; before and after, nothing is known of it."""

    worker: str
    number: int  # in the order of their first trials, from 1
    begin: float
    end: float
    trials: int  # that it completed
    epochs: int  # that it finished, as far as is known
    seconds: float  # with a trial
    lost: bool

    @property
    def idle(self) -> float:
        """Seconds between two trials."""
        return max(self.end - self.begin - self.seconds, 0.0)


@dataclass(frozen=True)
class Fleet:
    """All workers; seconds are sums over them."""

    shifts: tuple[Shift, ...]
    stretches: int  # of work at a trial
    lost: int  # of these, that ended with their worker
    lost_seconds: float  # of work since their last finished epochs, which was done again
    waited_seconds: float  # from their last signs of life until other workers took their trials up
    again: dict[tuple[str, float], float]  # a lost stretch's trial and begin -> when it was taken up again

    @property
    def seconds(self) -> float:
        return sum(shift.seconds for shift in self.shifts)

    @property
    def idle_share(self) -> float:
        """Of the time between the workers' first and last trials."""
        idle = sum(shift.idle for shift in self.shifts)
        return idle / (idle + self.seconds) if idle else 0.0

    def number(self, worker: str) -> int:
        return next(shift.number for shift in self.shifts if shift.worker == worker)


def fleet(result: StudyResult) -> Fleet:
    """Of a result with a timeline."""
    stretches = result.timeline.stretches if result.timeline else ()
    workers = dict.fromkeys(one.worker for one in stretches)
    own = {worker: [one for one in stretches if one.worker == worker] for worker in workers}
    seconds = {c.configuration: [row.seconds for row in c.epochs] for c in result.search_curves}
    trials = {one.trial: [t for t in stretches if t.trial == one.trial] for one in stretches}
    again = {(a.trial, a.begin): b.begin for of in trials.values() for a, b in pairwise(of) if a.how == "lost"}
    lost = [one for one in stretches if one.how == "lost"]
    return Fleet(
        shifts=tuple(_shift(worker, number, own[worker]) for number, worker in enumerate(workers, 1)),
        stretches=len(stretches),
        lost=len(lost),
        lost_seconds=sum(_in_vain(one, seconds.get(one.configuration, [])) for one in lost),
        waited_seconds=sum(again.get((one.trial, one.begin), one.end or 0.0) - (one.end or 0.0) for one in lost),
        again=again,
    )


def _shift(worker: str, number: int, own: list[Stretch]) -> Shift:
    ends = [one.begin if one.end is None else one.end for one in own]
    return Shift(
        worker=worker,
        number=number,
        begin=own[0].begin,
        end=max(ends),
        trials=sum(one.how == "completed" for one in own),
        epochs=sum(one.epochs or 0 for one in own),
        seconds=sum(end - one.begin for one, end in zip(own, ends, strict=True)),
        lost=own[-1].how == "lost",
    )


def _in_vain(one: Stretch, curve: list[float]) -> float:
    """Seconds of a lost stretch that belong to no finished epoch.

    An older result does not say: then what is left of it beside `curve`, the seconds of its configuration's epochs.
    """
    if one.lost is not None:
        return one.lost
    kept = sum(curve[one.after - one.epochs : one.after]) if one.after is not None and one.epochs is not None else 0.0
    return max((one.begin if one.end is None else one.end) - one.begin - kept, 0.0)
