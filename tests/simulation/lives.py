"""Processes that come and go in a simulated world, and what happens to them between two calls."""

from collections.abc import Callable
from functools import partial

from tests.simulation.bucket import Bucket
from tests.simulation.world import Process, Thread, Violation, World


class Lives:
    """`lasting` are the names of those that nothing happens to."""

    def __init__(self, world: World, bucket: Bucket, lasting: tuple[str, ...] = ()) -> None:
        self.world, self.bucket, self.lasting = world, bucket, lasting
        self.living: list[Process] = []
        self.started = 0

    def begin(self, places: list[Thread]) -> None:
        """Run these threads to their ends, in the bucket's weather."""
        if self.bucket.weather.until:
            self.world.at(self.world.rng.expovariate(1 / 60), self.fate)
        for place in places:
            place.start()
        for place in places:
            place.join()
            if place.error:
                raise place.error

    def live(self, name: str, work: Callable[[Process], object], expected: tuple[type[Exception], ...]) -> str:
        """The word that a process ended with which does `work`; it may end with the `expected` errors, or be killed."""
        self.started += 1
        process = Process(self.world, name, self.started)
        thread = self.world.thread(process, partial(work, process), "main")
        self.living.append(process)
        thread.start()
        thread.join()
        self.living.remove(process)
        process.dead = True
        if thread.ended:
            self.world.note(f"{name} ends: {thread.value or repr(thread.error)}")
        if isinstance(thread.error, Violation):
            raise thread.error
        if thread.error and not isinstance(thread.error, expected):
            raise Violation(f"{name} ended with {type(thread.error).__name__}: {thread.error}") from thread.error
        return str(thread.value)

    def fate(self) -> None:
        """What happens between two calls."""
        rng, weather = self.world.rng, self.bucket.weather
        if self.world.now > weather.until:
            return
        if rng.random() < 0.3:
            self.bucket.jumped += rng.uniform(-100, 100)
            self.world.note(f"the store's clock jumps; it is ahead by {self.bucket.jumped:.0f} s", "store")
        elif victims := [process for process in self.living if not process.dead and process.name not in self.lasting]:
            victim, way = rng.choice(victims), rng.random()
            if way < 0.4 and weather.killed:
                victim.kill("between two calls")
            elif way < 0.8 and weather.frozen:
                victim.frozen_until = self.world.now + rng.uniform(0, 300)
                self.world.note(f"{victim.name} is frozen until {victim.frozen_until:.0f}", victim.name)
            elif way > 0.9:
                victim.asked_to_stop = True
                self.world.note(f"{victim.name} is asked to stop", victim.name)
        self.world.at(rng.expovariate(1 / 60), self.fate)
