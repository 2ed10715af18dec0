"""`python -m infra.local.supervisor`: starts again what a local stack has lost, until it is told to end.

Prefect's worker, for one, ends in the end when its server stays away, and with it every run that it carries out.
"""

import argparse
import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

from infra.local.process import NotStarted
from infra.local.stack import Stack

EVERY = 1.0  # seconds between two looks
SHORTEST, LONGEST = 2.0, 60.0  # seconds between two starts of a part that ends again and again
WELL = 300.0  # seconds without a start after which a part counts as well

log = logging.getLogger(__name__)


class Pace:
    """When a part that ended may be started: at once, then after pauses that double."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now, self.pause, self.last = now, SHORTEST, -LONGEST

    def may_start(self) -> bool:
        """Whether it may be started now; counts as a start."""
        passed = self.now() - self.last
        if passed < self.pause:
            return False
        self.pause = SHORTEST if passed > WELL else min(2 * self.pause, LONGEST)
        self.last = self.now()
        return True


def supervise(stack: Stack, gpus: int, cpu_runs: int, ended: Event) -> None:
    starts = stack.starts(gpus, cpu_runs)
    paces = {name: Pace() for name in starts}
    while not ended.wait(EVERY):
        if stack.store.process.pid and stack.store.refuses_for_good():
            log.warning("the disk of the store was full and has room again; it takes writes once it is started again")
            stack.store.stop()
        for name, start in starts.items():
            if stack.process(name).pid or not paces[name].may_start():
                continue
            log.warning("%s does not run; it is started", name)
            try:
                start()
            except (NotStarted, OSError) as error:
                log.error("%s", error)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.local.supervisor", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--gpus", type=int, required=True)
    parser.add_argument("--cpu-runs", type=int, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    ended = Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    supervise(Stack(options.folder), options.gpus, options.cpu_runs, ended)


if __name__ == "__main__":
    main()
