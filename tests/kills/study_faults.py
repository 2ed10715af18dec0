"""What befalls a deployed study at random moments: its processes, Prefect's, the database, the store, the machine."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Self

from infra.local.process import kill
from tests.kills.ground import Ground
from tests.production.driver import LEASE

STUDY, TRAINING, SEARCHER, JUDGES = "charrec", "train-model", "sweep-worker", ("charrec-revive", "charrec-watch")
MOMENTS = (0.5, 15.0)  # seconds between two faults
AT_WORK = 0.6  # of the faults wait until a child is at work, however slow the machine
SILENT = 30.0  # seconds without any run's process; then none is awaited
FREEZES = (0.5, 3.0)  # leases that what stands still does so
LONG = (95.0, 130.0)  # seconds, beyond every silence that charrec and Prefect wait for
SELDOM = 0.07  # of the freezes are that long
AWAY = (3.0, 30.0)  # seconds that a service stays away, where it is not back at once
SHARES = {  # how often each is drawn
    "kill a training": 4,
    "kill a sweep worker": 4,
    "kill the study": 4,
    "kill what revives it": 2,
    "kill a worker": 2,
    "kill a worker and its runs": 2,
    "kill Prefect's server": 2,
    "kill the database": 2,
    "kill the store": 2,
    "cut the power": 1,
    "freeze a run": 4,
    "freeze a part": 3,
    "cut off the store": 2,
    "fill the store's disk": 2,
}


class Lasting:
    """Something that ends after so many seconds, or before."""

    def __init__(self, seconds: float, end: Callable[[], object]) -> None:
        self.end = end
        self.lock, self.ended = threading.Lock(), False
        self.timer = threading.Timer(seconds, self._end)
        self.timer.daemon = True
        self.timer.start()

    def over(self) -> None:
        self.timer.cancel()
        self._end()

    def _end(self) -> None:
        with self.lock:
            if not self.ended:
                self.end()
            self.ended = True


class StudyFaults:
    """Draws faults and carries them out; `counts` has what happened. The end of its `with` block ends what lasts."""

    def __init__(self, ground: Ground, rng: random.Random) -> None:
        self.ground, self.plan, self.rng = ground, rng, rng
        self.counts: Counter[str] = Counter()
        self.killed: Counter[str] = Counter()  # parts
        self.lasting: list[Lasting] = []
        self.ways: dict[str, Callable[[], bool]] = {
            "kill a training": partial(self._kill_run, TRAINING),
            "kill a sweep worker": partial(self._kill_run, SEARCHER),
            "kill the study": partial(self._kill_run, STUDY),
            "kill what revives it": partial(self._kill_run, *JUDGES),
            "kill a worker": partial(self._kill_worker, with_runs=False),
            "kill a worker and its runs": partial(self._kill_worker, with_runs=True),
            "kill Prefect's server": partial(self._kill_part, "prefect-server", signal.SIGKILL),
            "kill the database": partial(self._kill_part, "postgres", signal.SIGQUIT),  # as `pg_ctl -m immediate`
            "kill the store": partial(self._kill_part, "s3", signal.SIGKILL),
            "cut the power": self._cut_the_power,
            "freeze a run": self._freeze_a_run,
            "freeze a part": self._freeze_a_part,
            "cut off the store": self._cut_off,
            "fill the store's disk": self._fill,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self.lasting:
            each.over()

    def one(self) -> None:
        """The next fault, after a while; another one where there is nothing to hit."""
        self.rng = random.Random(self.plan.getrandbits(32))  # what a fault draws does not change the next one
        if self.rng.random() < AT_WORK:
            self._await_work()
        time.sleep(self.rng.uniform(*MOMENTS))
        left = dict(SHARES)
        while left:
            (fault,) = self.rng.choices([*left], [*left.values()])
            if self.ways[fault]():
                self.counts[fault] += 1
                return
            del left[fault]

    def _await_work(self) -> None:
        """Until a child is at work, or nothing has lived for a while."""
        alive = time.monotonic()
        while not self.ground.runs(TRAINING, SEARCHER) and time.monotonic() - alive < SILENT:
            if self.ground.runs():
                alive = time.monotonic()
            time.sleep(0.5)

    def _kill_run(self, *flows: str) -> bool:
        runs = self.ground.runs(*flows)
        if runs:
            kill(runs[self._one(runs)], signal.SIGKILL)
        return bool(runs)

    def _kill_worker(self, with_runs: bool) -> bool:
        """Alone, its runs go on without it."""
        workers = {name: pid for name, pid in self.ground.pids().items() if name.startswith("worker-")}
        if workers:
            name = self._one(workers)
            kill(self.ground.below(workers[name]) if with_runs else [workers[name]], signal.SIGKILL)
            self.killed[name] += 1
        return bool(workers)

    def _kill_part(self, name: str, number: signal.Signals) -> bool:
        """The supervisor starts it again, at once or after a while."""
        pids = self.ground.pids()
        if name in pids:
            if self.rng.random() < 0.5 and "supervisor" in pids:
                self._freeze([pids["supervisor"]], self.rng.uniform(*AWAY))
            kill([pids[name]], number)
            self.killed[name] += 1
        return name in pids

    def _cut_the_power(self) -> bool:
        """And `make up`, at once or after a while."""
        for each in self.lasting:
            each.over()
        self.ground.power_cut()
        time.sleep(self.rng.choice([0.0, self.rng.uniform(*AWAY)]))
        self.ground.up()
        return True

    def _freeze_a_run(self) -> bool:
        runs = self.ground.runs(STUDY, TRAINING, SEARCHER)
        if runs:
            self._freeze(runs[self._one(runs)], self._seconds())
        return bool(runs)

    def _freeze_a_part(self) -> bool:
        pids = {name: pid for name, pid in self.ground.pids().items() if name != "supervisor"}
        if pids:
            name = self._one(pids)
            self._freeze([pids[name]] if name.startswith("worker-") else self.ground.below(pids[name]), self._seconds())
        return bool(pids)

    def _cut_off(self) -> bool:
        network = self.ground.network
        network.rates = {self.rng.choice(["drop", "lose", "delay"]): 1.0}
        self.lasting.append(Lasting(self._seconds(), lambda: setattr(network, "rates", {})))
        return True

    def _fill(self) -> bool:
        self.ground.disk.fill()
        self.lasting.append(Lasting(self._seconds(), self.ground.disk.clear))
        return True

    def _freeze(self, pids: list[int], seconds: float) -> None:
        kill(pids, signal.SIGSTOP)
        self.lasting.append(Lasting(seconds, partial(kill, pids, signal.SIGCONT)))

    def _seconds(self) -> float:
        return self.rng.uniform(*LONG) if self.rng.random() < SELDOM else LEASE * self.rng.uniform(*FREEZES)

    def _one(self, names: Iterable[str]) -> str:
        return self.rng.choice(sorted(names))
