"""A world with its own time: processes whose threads run one at a time, in an order that one seed decides.

Each thread is a real one, so the code under test stays as it is, but only the thread that holds the baton runs. It
passes the baton on where it waits: for time, for a reply of the store, for an event, for another thread. What happens
next is the earliest event in a queue; equal times are drawn by lot. Nothing depends on the machine's clock.
"""

import random
import threading
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from threading import BrokenBarrierError
from typing import Any, NamedTuple

EVENTS = 60_000  # of one run; what is not over by then never ends


class Killed(BaseException):
    """The process is dead; no code of it may do anything any more. Not an Exception, so nothing handles it."""


class Violation(AssertionError):
    """An invariant does not hold."""


class Line(NamedTuple):
    """One line of the trace."""

    now: float
    who: str
    what: str

    def __str__(self) -> str:
        return f"{self.now:10.3f}  {self.who:<14}{self.what}"


class Process:
    """A machine's process: it can be killed, frozen and asked to stop, and its clock has a pace of its own."""

    def __init__(self, world: "World", name: str, number: int = 0) -> None:
        self.world, self.name, self.number = world, name, number
        self.dead = self.asked_to_stop = self.lasting = False
        self.frozen_until = 0.0
        self.offset, self.pace = world.rng.uniform(0, 1e5), world.rng.choice((1.0, 1.0, 0.6, 1.6))
        self.threads: list[Thread] = []

    def monotonic(self) -> float:
        return self.offset + self.pace * self.world.now

    def kill(self, why: str) -> None:
        self.dead = True
        self.world.note(f"{self.name} is killed {why}", self.name)
        for thread in self.threads:
            thread.left()


class Thread:
    """What `threading.Thread` is to the code under test."""

    def __init__(self, process: Process, target: Callable[[], Any], name: str) -> None:
        self.process, self.target, self.name = process, target, name
        self.baton = threading.Lock()
        self.baton.acquire()
        self.ended, self.waiting = False, object()
        self.value: Any = None
        self.error: BaseException | None = None
        self.joining: list[Callable[[], None]] = []
        self.real = threading.Thread(target=self._run, name=name, daemon=True)
        process.threads.append(self)

    def start(self) -> None:
        self.real.start()
        self.process.world.at(0, self.waker())

    def join(self) -> None:
        world = self.process.world
        while not self.ended and not self.process.dead:
            self.joining.append(world.current.waker())
            world.block()

    def waker(self) -> Callable[[], None]:
        """Wakes the thread out of its present wait, not out of a later one."""
        wait = self.waiting

        def wake() -> None:
            if self.waiting is not wait or self.process.dead or self.ended:
                return
            if self.process.frozen_until > self.process.world.now:
                self.process.world.at(self.process.frozen_until - self.process.world.now, wake)
                return
            self.waiting = object()
            self.process.world.next = self

        return wake

    def left(self) -> None:
        """It is over with it: those that wait for its end go on."""
        for wake in self.joining:
            self.process.world.at(0, wake)
        self.joining = []

    def _run(self) -> None:
        self.baton.acquire()
        try:
            if not self.process.world.closing:
                self.value = self.target()
        except Killed:
            pass
        except BaseException as error:  # whoever joins it looks
            self.error = error
        self.ended = True
        self.left()
        self.process.world.leave()


class World:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now, self.pushed, self.closing = 0.0, 0, False
        self.queue: list[tuple[float, float, int, Callable[[], None]]] = []
        self.trace: list[Line] = []
        self.violation: Violation | None = None
        self.threads: list[Thread] = []
        outside = Process(self, "world")
        outside.pace = 1.0
        self.main = self.current = Thread(outside, lambda: None, "main")
        self.next: Thread | None = None

    def note(self, what: str, who: str = "") -> None:
        self.trace.append(Line(self.now, who or self.current.name, what))

    def thread(self, process: Process, target: Callable[[], Any], name: str) -> Thread:
        made = Thread(process, target, f"{process.name}.{name}")
        self.threads.append(made)
        return made

    def at(self, delay: float, event: Callable[[], None]) -> None:
        """Let something happen so many seconds from now."""
        self.pushed += 1
        heappush(self.queue, (self.now + delay, self.rng.random(), self.pushed, event))

    def sleep(self, seconds: float) -> None:
        """Of the clock of the process that sleeps."""
        self.at(max(seconds, 0.0) / self.current.process.pace, self.current.waker())
        self.block()

    def block(self) -> None:
        """Pass the baton on until something wakes this thread. Raises Killed if it is dead by then."""
        mine = self.current
        if self.closing or mine.process.dead:
            raise Killed
        if (following := self._go_on()) is not mine:
            self._hand_to(following)
            mine.baton.acquire()
        if mine is self.main and self.violation:
            raise self.violation
        if self.closing or mine.process.dead:
            raise Killed

    def leave(self) -> None:
        """The current thread is over."""
        if not self.closing:
            self._hand_to(self._go_on())

    def close(self) -> None:
        """Let every thread that is left unwind; nothing that it does counts."""
        self.closing = True
        for thread in self.threads:
            if not thread.ended and thread.real.ident:
                self.current = thread
                thread.baton.release()
                thread.real.join()

    def _hand_to(self, thread: Thread) -> None:
        self.current = thread
        thread.baton.release()

    def _go_on(self) -> Thread:
        """The thread that runs next; main, if an invariant does not hold."""
        self.next = None
        try:
            while self.next is None:
                if not self.queue:
                    raise Violation("nothing will ever happen any more: a deadlock")
                if self.pushed > EVENTS:
                    raise Violation(f"no end after {EVENTS} events")
                self.now, _, _, event = heappop(self.queue)
                event()
        except Violation as violation:
            self.violation = self.violation or violation
            return self.main
        return self.next


class Event:
    """What `threading.Event` is to the code under test."""

    def __init__(self, world: World) -> None:
        self.world, self.flag = world, False
        self.waiting: list[Callable[[], None]] = []

    def set(self) -> None:
        self.flag = True
        for wake in self.waiting:
            self.world.at(0, wake)
        self.waiting = []

    def is_set(self) -> bool:
        return self.flag

    def wait(self, seconds: float) -> bool:
        if not self.flag:
            self.waiting.append(self.world.current.waker())
            self.world.sleep(seconds)
        return self.flag


class Barrier:
    """What `threading.Barrier` is to the code under test."""

    def __init__(self, world: World, parties: int) -> None:
        self.world, self.missing, self.gate = world, parties, Event(world)

    def wait(self, seconds: float) -> None:
        self.missing -= 1
        if not self.missing:
            self.gate.set()
        elif not self.gate.wait(seconds):
            raise BrokenBarrierError


class Pool:
    """What `ThreadPoolExecutor` is to the code under test."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        process = self.world.current.process
        threads = [
            self.world.thread(process, lambda item=item: work(item), f"writer-{number}")
            for number, item in enumerate(items)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for thread in threads:
            if thread.error:
                raise thread.error
        return [thread.value for thread in threads]
