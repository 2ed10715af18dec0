"""The CPU seconds of all processes of a stack, of those too that are killed or outlive their parents."""

import os
import threading
from pathlib import Path
from typing import Self

from tests.kills.ground import Ground

EVERY = 1.0  # seconds; what a process does after the last look at it is not counted
TICKS = os.sysconf("SC_CLK_TCK")


class Meter:
    """`with Meter(ground) as meter:`, afterwards `meter.seconds`. What processes did before is not counted."""

    def __init__(self, field: Ground) -> None:
        self.field, self.ended = field, threading.Event()
        self.before: dict[tuple[int, str], float] = {}
        self.after: dict[tuple[int, str], float] = {}
        self.thread = threading.Thread(target=self._look_on, daemon=True)

    @property
    def seconds(self) -> float:
        return sum(spent - self.before.get(process, 0.0) for process, spent in self.after.items())

    def __enter__(self) -> Self:
        self.before = self._now()
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()
        self.after |= self._now()

    def _look_on(self) -> None:
        while not self.ended.wait(EVERY):
            self.after |= self._now()

    def _now(self) -> dict[tuple[int, str], float]:
        """Process and its beginning -> its own seconds, without those of its children."""
        found = {}
        for pid in [os.getpid(), *(process.pid for process in self.field.processes())]:
            try:
                stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            found[(pid, stat[19])] = (int(stat[11]) + int(stat[12])) / TICKS
        return found
