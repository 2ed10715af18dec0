"""What befalls the workers of a search at random moments: killed, frozen beyond their lease, cut off, out of space."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.process import BaseProcess

from tests.fault_proxy import FAULTS, FaultProxy
from tests.small_disk import SmallDisk
from tests.sweep.swarm import ASLEEP, SWAPPED, SWAPPING, UPLOADED, Swarm

KILL, KILL_ALL, DOOM, FULL = "kill", "kill all", "die at a moment", "fill the disk"
FREEZE, SLEEP, CUT = "freeze", "freeze between upload and commit", "cut off"
SHARES = {KILL: 10, KILL_ALL: 1, DOOM: 4, FREEZE: 2, SLEEP: 3, CUT: 3, FULL: 2}  # how often one is drawn
DEATHS = (UPLOADED, SWAPPING, SWAPPED)
PAUSES = (0.05, 1.5)  # seconds between two faults
LOSSY = dict.fromkeys(FAULTS, 0.01)  # of the requests of a network that is not cut
ASLEEP_FOR = (1.2, 5.0)  # leases


class Faults:
    """Draws faults and carries them out; `due` ends those that last. `counts` has what happened."""

    def __init__(
        self, swarm: Swarm, rng: random.Random, workers: int, networks: list[FaultProxy], disk: SmallDisk | None
    ):
        self.swarm, self.rng, self.workers, self.networks, self.disk = swarm, rng, workers, networks, disk
        self.counts: Counter[str] = Counter()
        self.ends: list[tuple[float, Callable[[], object]]] = []  # of faults that last, by the monotonic clock
        self.frozen: list[BaseProcess] = []
        self.sleepers: list[BaseProcess] = []  # that are still to fall asleep
        possible = {KILL, KILL_ALL, DOOM, FREEZE, SLEEP} | ({CUT} if networks else set()) | ({FULL} if disk else set())
        self.shares = {name: share for name, share in SHARES.items() if name in possible}

    def start(self) -> None:
        """As many workers as there should be, each in a network of its own."""
        while len(self.swarm.victims()) < self.workers:
            self._start()

    def _start(self, death: str | None = None) -> BaseProcess:
        if self.networks:
            self.swarm.endpoint = self.networks[self.swarm.started % len(self.networks)].url
        return self.swarm.start(death)

    def one(self) -> None:
        """The next fault, after a while."""
        time.sleep(self.rng.uniform(*PAUSES))
        self.due()
        (fault,) = self.rng.choices([*self.shares], [*self.shares.values()])
        victims = [each for each in self.swarm.victims() if each not in self.frozen]
        lasting = self.rng.uniform(0.5, 2.5) * self.swarm.terms.lease
        if fault == DOOM:
            self._start(self.rng.choice(DEATHS))
        elif fault == SLEEP:
            self.sleepers.append(self._start(ASLEEP))
        elif fault == KILL_ALL:
            self.kill_all()
        elif fault == CUT:
            network = self.rng.choice(self.networks)
            network.rates = {self.rng.choice(["drop", "lose", "delay"]): 1.0}
            self._until(lasting, lambda: setattr(network, "rates", LOSSY))
        elif fault == FULL:
            assert self.disk
            self.disk.fill()
            self._until(lasting, self.disk.clear)
        elif not victims:
            return
        elif fault == FREEZE:
            victim = self.rng.choice(victims)
            self.swarm.freeze(victim)
            self.frozen.append(victim)
            self._until(lasting, lambda: self._wake(victim))
        else:
            self.swarm.kill(self.rng.choice(victims))
        self.counts[fault] += 1

    def due(self, at: float | None = None) -> None:
        """End what has lasted long enough by now, or by `at`."""
        now = at or time.monotonic()
        for each in [each for each in self.sleepers if self.swarm.asleep(each)]:
            self.sleepers.remove(each)
            self.frozen.append(each)
            self._until(self.rng.uniform(*ASLEEP_FOR) * self.swarm.terms.lease, partial(self._wake, each))
        over = [end for until, end in self.ends if until <= now]
        self.ends = [each for each in self.ends if each[0] > now]
        for end in over:
            end()

    def no_more(self) -> None:
        """Only what lasts goes on; workers that have nothing to sleep off give way to quicker ones."""
        self.swarm.pause = 0
        for each in [each for each in self.swarm.living if each not in (*self.frozen, *self.sleepers)]:
            self.swarm.kill(each)

    def all_over(self) -> None:
        """End whatever lasts."""
        self.due(at=float("inf"))

    def kill_all(self) -> None:
        for each in list(self.swarm.living):
            self.swarm.kill(each)
        self.frozen, self.sleepers = [], []

    def _until(self, seconds: float, end: Callable[[], object]) -> None:
        self.ends.append((time.monotonic() + seconds, end))

    def _wake(self, victim: BaseProcess) -> None:
        if victim in self.frozen:
            self.frozen.remove(victim)
            if victim.is_alive():
                self.swarm.wake(victim)


@contextmanager
def networks(server: str, count: int, seed: int) -> Iterator[list[FaultProxy]]:
    with ExitStack() as stack:
        yield [stack.enter_context(FaultProxy(server, seed + number, LOSSY)) for number in range(count)]
