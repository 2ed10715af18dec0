"""`charrec sweep work SCRIPT`: a script's search by so many processes of it, each a worker, until the search ends."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from charrec.commands.numbers import count
from charrec.commands.terminal import complain
from charrec.errors import InputError
from charrec.machine.hardware import gpus
from charrec.machine.termination import until_terminated

ABOUT = "The script of a search as so many workers; one that dies is started again, and all end with the search."
LOOK = 0.2  # seconds between two looks at the processes
FAILURES = 3  # of a place in a row, each within SOON seconds of its start; then the script or the machine is to blame
SOON = 300.0
LONGEST = 60.0  # seconds before a process is started again


def script(words: list[str]) -> argparse.Namespace | None:
    """What `charrec sweep` is asked of a script's search; None where its words name no script to work at."""
    place = next((number for number, word in enumerate(words) if word.endswith(".py")), None)
    if place is None or words[0] != "work":
        return None
    parser = argparse.ArgumentParser(prog="charrec sweep work", description=ABOUT)
    parser.add_argument("--workers", type=count, metavar="N", help="processes; one for each GPU, or one, by default")
    parser.add_argument("script", help="that calls charrec.sweep.search; what follows it are its own arguments")
    found = parser.parse_args(words[1 : place + 1])
    found.arguments = words[place + 1 :]
    return found


def crew(path: str, arguments: Sequence[str], workers: int | None) -> int:
    """The exit code: 0 once the script has ended well, 1 where no process of it did, 143 after SIGTERM.

    Workers: one for each GPU by default, or one. GPUs are shared out in turn; cores are the operating system's to
    share, since the number of threads can change how a sum is rounded. SIGTERM is passed on, so that every worker
    stores its work. Raises InputError where there is no such script.
    """
    if not Path(path).is_file():
        raise InputError(f"no file {path}", "a script that calls charrec.sweep.search", "Correct its path.")
    found = gpus()
    many = workers or max(len(found), 1)
    shared = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    places = [
        _Place(
            number + 1,
            [sys.executable, path, *arguments],
            shared | os.environ | ({"CUDA_VISIBLE_DEVICES": found[number % len(found)].visible_as} if found else {}),
        )
        for number in range(many)
    ]
    with until_terminated() as stop:
        try:
            while not stop() and not all(place.left for place in places):
                for place in places:
                    place.look(over=any(one.well for one in places))
                time.sleep(LOOK)
        finally:
            for place in places:  # all, before one is waited for: each has the whole time to store its work
                place.terminate()
            for place in places:
                place.wait()
        return 128 + signal.SIGTERM if stop() else int(not any(place.well for place in places))


class _Place:
    """One process after the other, until one ends well or too many end badly."""

    def __init__(self, number: int, command: list[str], environment: Mapping[str, str]) -> None:
        self.number, self.command, self.environment = number, command, environment
        self.well = self.left = False
        self.failures = self.restarts = 0
        self._begin()

    def look(self, over: bool) -> None:
        """Start another process where the last one died; `over`: unless another place's has ended well by now."""
        if self.left or time.monotonic() < self.due:
            return
        if self.process is None:
            self._begin()
        elif (code := self.process.poll()) is not None:
            self._ended(code, over)

    def terminate(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self) -> None:
        if self.process is not None:
            self.process.wait()

    def _begin(self) -> None:
        self.began = self.due = time.monotonic()
        self.process: subprocess.Popen[bytes] | None = subprocess.Popen(self.command, env=self.environment)

    def _ended(self, code: int, over: bool) -> None:
        lived = time.monotonic() - self.began
        self.failures = 0 if code < 0 or lived > SOON else self.failures + 1
        self.well = code == 0
        self.left = self.well or over or self.failures == FAILURES
        if self.well:
            return
        how = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
        wait = 0.0 if self.left else min(2.0**self.restarts, LONGEST)
        then = "it is not started again" if self.left else f"the next begins in {wait:.0f} s"
        complain(f"worker {self.number} {how}; {then}", "warning")
        self.restarts = 0 if lived > SOON else self.restarts + 1
        self.process, self.due = None, time.monotonic() + wait
