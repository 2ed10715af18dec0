"""Schedules of a search, played on known learning curves: which point gets how many epochs, and what is best when.

An epoch takes one unit of time, whichever the point; a point that goes on takes only its further epochs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import islice
from typing import Literal, NamedTuple, Protocol

import numpy as np

from charrec.study import Search
from charrec.sweep.oracle import Assignment
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
class Ladder:
    """The first rung takes points in their order, each further one the best of the rung below, once that has ended.

    One rung is random search; `(93, 1), (3, 10)` is "one epoch each, the best three to the end".
    """

    order: Iterable[int]
    rungs: Sequence[tuple[int, int]]  # points, epochs in all
    waiting: list[Job] = field(default_factory=list)
    running: int = 0
    below: list[tuple[float, int]] = field(default_factory=list)  # -score, point
    rung: int = 0

    def ask(self) -> Job | Literal["WAIT", "STOP"]:
        if not self.waiting:
            if self.running:
                return "WAIT"
            if self.rung == len(self.rungs):
                return "STOP"
            points, epochs = self.rungs[self.rung]
            chosen = [point for _, point in sorted(self.below)] if self.rung else self.order
            self.waiting = [Job(point, epochs) for point in islice(chosen, points)]
            self.rung, self.below = self.rung + 1, []
        self.running += 1
        return self.waiting.pop(0)

    def tell(self, job: Job, score: float) -> None:
        self.running -= 1
        self.below.append((-score, job.point))


class Asha:
    """Successive halving without a barrier (Li et al., 2020): promote whenever a rung has a best third, else begin."""

    def __init__(self, order: Iterable[int], rungs: Sequence[int], factor: int, budget: int) -> None:
        self.order, self.rungs, self.factor, self.left = iter(order), rungs, factor, budget
        self.ended: list[dict[int, float]] = [{} for _ in rungs]  # by rung: point -> score
        self.promoted: list[set[int]] = [set() for _ in rungs]

    def ask(self) -> Job | Literal["WAIT", "STOP"]:
        for rung in reversed(range(len(self.rungs) - 1)):
            scores = self.ended[rung]
            best = sorted(scores, key=lambda point: -scores[point])[: len(scores) // self.factor]
            cost = self.rungs[rung + 1] - self.rungs[rung]
            for point in best:
                if point not in self.promoted[rung] and cost <= self.left:
                    self.promoted[rung].add(point)
                    self.left -= cost
                    return Job(point, self.rungs[rung + 1])
        if self.rungs[0] > self.left:
            return "STOP"
        self.left -= self.rungs[0]
        return Job(next(self.order), self.rungs[0])

    def tell(self, job: Job, score: float) -> None:
        self.ended[self.rungs.index(job.epochs)][job.point] = score
