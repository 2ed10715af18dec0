"""A step for the tests, in a module that a device's process imports in no time."""

import os
import signal
from pathlib import Path

from charrec.errors import InputError
from charrec.memo.step import Bench, Step
from charrec.study import Frozen


class Given(Frozen):
    number: int
    dies_first: str = ""  # the process is killed unless this file exists


class Value(Frozen):
    number: int


def compute(given: Given, bench: Bench) -> Value:
    """13 is refused."""
    if given.dies_first and not Path(given.dies_first).exists():
        Path(given.dies_first).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if given.number == 13:
        raise InputError("13", "another number", "Take it.")
    return Value(number=2 * given.number)


DOUBLING = Step("double {given.number}", "doubles/", Given, Value, compute)
