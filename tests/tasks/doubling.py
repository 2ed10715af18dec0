"""A step for the tests, in a module that a device's process imports in no time."""

import os
import signal
from pathlib import Path

from charrec.errors import InputError
from charrec.memo.outcome import Outcome, remember
from charrec.storage import open_store
from charrec.study import Frozen


class Value(Frozen):
    number: int


def double(given: Outcome[Value] | int, store: str) -> Outcome[Value]:
    """A step: found in the store, or computed and put there; 13 is refused."""
    number = given if isinstance(given, int) else given.value.number

    def compute() -> Value:
        if number == 13:
            raise InputError("13", "another number", "Take it.")
        return Value(number=2 * number)

    return remember(open_store(store), f"doubles/{number}", Value, compute)


def double_but_die_first(given: int, store: str) -> Outcome[Value]:
    """As double, but its process is killed the first time."""
    mark = Path(store, "died")
    if not mark.exists():
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return double(given, store)
