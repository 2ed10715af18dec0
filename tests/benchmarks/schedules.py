"""Schedules of a search, played on known learning curves: which point gets how many epochs, and what is best when.

An epoch takes one unit of time, whichever the point; a point that goes on takes only its further epochs.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Literal, NamedTuple, Protocol

import numpy as np

from charrec.study import Search
from charrec.sweep.oracle import Assignment
from charrec.sweep.scheduling import Rule, Seen
from charrec.tuning.space import propose
from tests.benchmarks.space import POINTS
from tests.sweep.driving import oracle_of


class Job(NamedTuple):
    """Train a point until it has so many epochs in all."""

    point: int
    epochs: int


class Schedule(Protocol):
    """Whichever worker is free asks for a job, and tells how it ended."""

    def ask(self) -> Job | Literal["WAIT", "STOP"]: ...

    def tell(self, job: Job, score: float) -> None: ...


class Ended(NamedTuple):
    """A job that ended, and the best point until then: by score, then more epochs, then the earlier one."""

    time: float
    spent: int  # epochs, of all workers
    job: Job
    score: float
    best: int


def play(schedule: Schedule, curves: np.ndarray, workers: int = 1) -> list[Ended]:
    """(points, epochs) accuracies -> every job in the order of its end. A job scores the best of its epochs so far."""
    scores = np.maximum.accumulate(curves, axis=1)
    done: dict[int, int] = {}  # point -> epochs, in the order of their beginning
    running: list[tuple[int, int, Job]] = []  # end, number, job
    ended: list[Ended] = []
    now = spent = begun = 0
    best = (-1.0, 0, 0, 0)
    while True:
        while len(running) < workers and isinstance(job := schedule.ask(), Job):
            first = done.setdefault(job.point, 0)
            heappush(running, (now + job.epochs - first, begun, job))
            begun += 1
        if not running:
            return ended
        now = running[0][0]
        while running and running[0][0] == now:
            job = heappop(running)[2]
            spent += job.epochs - done[job.point]
            done[job.point] = job.epochs
            score = float(scores[job.point, job.epochs - 1])
            schedule.tell(job, score)
            best = max(best, (score, job.epochs, -list(done).index(job.point), job.point))
            ended.append(Ended(now, spent, job, score, best[-1]))


class Hyperband:
    """The deck's: the real oracle, as the workers of a study drive it."""

    def __init__(self, search: Search, seed: int) -> None:
        self.oracle, self.given = oracle_of(search, seed), dict[Job, Assignment]()
        self.numbers = {network: number for number, network in enumerate(POINTS)}

    def ask(self) -> Job | Literal["WAIT", "STOP"]:
        given = self.oracle.take(f"worker-{self.oracle.token}")
        if not isinstance(given, Assignment):
            return "WAIT" if given == "IDLE" else "STOP"
        job = Job(self.numbers[propose(given.values)], given.epochs)
        self.given[job] = given
        return job

    def tell(self, job: Job, score: float) -> None:
        self.oracle.complete(self.given.pop(job), score, 0.0)


@dataclass
class Ruled:
    """A schedule of charrec.sweep that goes by its trials alone; new points come in this order."""

    rule: Rule
    order: Iterator[int]
    trials: list[Seen] = field(default_factory=list)
    ended: int = 0

    def ask(self) -> Job | Literal["WAIT", "STOP"]:
        start = self.rule.next(self.trials)
        if start is None:
            return "WAIT" if self.ended < len(self.trials) else "STOP"
        point = next(self.order) if start.parent is None else self.trials[int(start.parent)].configuration
        self.trials.append(Seen(str(len(self.trials)), point, 0, start.rung, start.parent, None, math.inf))
        return Job(point, start.epochs)

    def tell(self, job: Job, score: float) -> None:
        """A point runs once at a time: its latest trial has ended."""
        latest = max(number for number, trial in enumerate(self.trials) if trial.configuration == job.point)
        self.trials[latest] = self.trials[latest]._replace(ended=self.ended, cost=-score)
        self.ended += 1
