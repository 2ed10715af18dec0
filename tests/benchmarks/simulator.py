"""How long a search takes on how many workers: the real oracle, simulated trainings.

A queue of events instead of time, nothing stored and nothing trained: a search of half an hour takes milliseconds.
What a configuration scores and how fast it is depends on the seed and its index alone, as in a real search.
"""

import math
import random
from collections import defaultdict
from collections.abc import Generator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat

from charrec.study import Frozen, Search, Seed
from charrec.sweep.heartbeat import Terms
from charrec.sweep.oracle import Assignment
from charrec.sweep.schedules import Asha, BestOf, Random
from charrec.tuning.ranking import ranking
from tests.sweep.driving import oracle_of

Doing = Literal["startup", "busy", "idle"]
Life = Generator[tuple[Doing, float], None, None]  # what a worker does next, and for how many seconds
Share = Annotated[float, Field(ge=0, lt=1)]


class Fleet(Frozen):
    """What is simulated; the defaults are those of the table in docs/sweep.md."""

    search: Search = Search()
    schedule: Random | BestOf | Asha | None = None  # None: Hyperband
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    epoch: PositiveFloat = 10.0  # seconds, the mean of all configurations
    spread: Share = 0.3  # a configuration's epochs take 1 +- so much of that, each value as likely
    noise: Share = 0.03  # and each epoch 1 +- so much of its configuration's
    startup: NonNegativeFloat = 20.0  # seconds from a worker's start to its first question
    overhead: NonNegativeFloat = 3.0  # seconds of a trial that are no epoch: tracing, loading weights
    preemptions: NonNegativeFloat = 0.0  # per worker and hour; another worker starts up at once
    notice: bool = False  # SIGTERM comes first: the epoch so far is stored and the trial given back
    terms: Terms = Terms()
    seed: Seed = 0


class Ended(Frozen):
    """A trial as every simulation of the same search and seed must find it."""

    configuration: NonNegativeInt
    bracket: NonNegativeInt
    rung: NonNegativeInt
    epochs: NonNegativeInt
    val_accuracy: float | None  # simulated; None: FAILED


class Simulated(Frozen):
    """What a search took. Times in seconds; `startup`, `busy` and `idle` are sums over all workers."""

    makespan: float  # to the end of the last trial
    startup: float
    busy: float  # with a trial: what would be held if nobody ever waited
    idle: float  # between two trials, for others to end; until the worker learns that there is no more
    epochs: float  # trained, the lost ones too
    lost: float  # epochs of those that were trained in vain
    preemptions: NonNegativeInt
    trials: tuple[Ended, ...]  # best first

    @property
    def held(self) -> float:
        return self.startup + self.busy + self.idle

    @property
    def idle_share(self) -> float:
        return self.idle / self.held

    @property
    def startup_share(self) -> float:
        return self.startup / self.held


def simulate(fleet: Fleet) -> Simulated:
    """The whole search; the same answer for the same fleet."""
    run = _Simulation(fleet)
    run.go_on()
    return Simulated(
        makespan=run.ended,
        startup=run.spent["startup"],
        busy=run.spent["busy"],
        idle=run.spent["idle"],
        epochs=sum(run.trained.values()) + run.lost,
        lost=run.lost,
        preemptions=run.preemptions,
        trials=tuple(Ended.model_validate(row, from_attributes=True) for row in ranking(run.oracle.dump())),
    )


class _Preempted(Exception):
    """The machine is taken away."""


@dataclass
class _Worker:
    life: Life
    dies: float
    doing: Doing = "startup"
    since: float = 0.0


class _Simulation:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet, self.rng = fleet, random.Random(f"{fleet.seed} fate")
        schedule = fleet.schedule.within(fleet.search.max_epochs) if fleet.schedule else fleet.search
        self.oracle = oracle_of(schedule, fleet.seed)
        self.now = self.ended = self.lost = 0.0
        self.queue: list[tuple[float, int, _Worker]] = []
        self.pushed = self.preemptions = 0
        self.spent: dict[Doing, float] = {"startup": 0.0, "busy": 0.0, "idle": 0.0}
        self.trained: defaultdict[int, float] = defaultdict(float)  # configuration -> epochs done
        self.abandoned: dict[str, float] = {}  # trial -> when its lease ends

    def go_on(self) -> None:
        for _ in range(self.fleet.workers):
            self.hire()
        while self.queue:
            self.now, _, worker = heappop(self.queue)
            self.spent[worker.doing] += self.now - worker.since
            try:
                if self.now >= worker.dies:
                    worker.life.throw(_Preempted())
                self.push(worker)
            except _Preempted:
                self.preemptions += 1
                self.hire()
            except StopIteration:  # there is no more to do
                pass

    def hire(self) -> None:
        lives = self.rng.expovariate(rate / 3600) if (rate := self.fleet.preemptions) else math.inf
        self.push(_Worker(self.life(f"worker-{self.pushed}"), self.now + lives))

    def push(self, worker: _Worker) -> None:
        """Let the worker begin what it does next."""
        worker.since = self.now
        worker.doing, seconds = next(worker.life)
        self.pushed += 1  # of two at the same time, the one who began first
        heappush(self.queue, (min(self.now + seconds, worker.dies), self.pushed, worker))

    def life(self, name: str) -> Life:
        """As charrec.sweep.worker has it."""
        yield "startup", self.fleet.startup
        while (given := self.take(name)) != "STOPPED":
            if given == "IDLE":
                yield "idle", self.fleet.terms.poll * self.rng.uniform(0.5, 1.5)
            else:
                yield from self.trial(given)

    def take(self, name: str) -> Assignment | Literal["IDLE", "STOPPED"]:
        """A trial, after the leases of the dead were taken back."""
        for trial, ends in list(self.abandoned.items()):
            if ends <= self.now:
                del self.abandoned[trial]
                done = self.trained[self.oracle.records[trial].configuration]
                self.oracle.lose(trial, int(done), self.fleet.terms.losses)
        return self.oracle.take(name)

    def trial(self, given: Assignment) -> Life:
        number, start = given.configuration, self.now
        begun, seconds = self.now, math.inf  # no epoch yet
        try:
            yield "busy", self.fleet.overhead
            while (done := self.trained[number]) < given.epochs:
                begun, seconds = self.now, pace(self.fleet, number, int(done))
                yield "busy", (1 - done % 1) * seconds
                self.trained[number] = int(done) + 1
        except _Preempted:
            self.leave(given, (self.now - begun) / seconds)
            raise
        self.oracle.complete(given, score(self.fleet.seed, number, given.epochs), self.now - start)
        self.ended = self.now

    def leave(self, given: Assignment, part: float) -> None:
        """The worker is taken away after part of an epoch."""
        if self.fleet.notice:
            self.trained[given.configuration] += part
            self.oracle.give_back(given)
        else:
            self.lost += part
            since_its_beat = self.rng.uniform(0, self.fleet.terms.lease / 4)
            self.abandoned[given.trial] = self.now + self.fleet.terms.lease - since_its_beat


def pace(fleet: Fleet, configuration: int, epoch: int) -> float:
    """Seconds of an epoch."""
    usual = random.Random(f"{fleet.seed} {configuration} pace").uniform(-1, 1)
    this = random.Random(f"{fleet.seed} {configuration} {epoch} pace").uniform(-1, 1)
    return fleet.epoch * (1 + fleet.spread * usual) * (1 + fleet.noise * this)


def score(seed: int, configuration: int, epochs: int) -> float:
    """A learning curve: some networks are quick, some good, few both; the curves cross."""
    rng = random.Random(f"{seed} {configuration} score")
    limit, steepness = rng.uniform(0.7, 0.95), rng.uniform(1, 4)
    return limit * (1 - math.exp(-epochs / steepness))
