"""SIGTERM as a request: a spot instance is going, a study was stopped; there are seconds to put things away."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Terminated(RuntimeError):
    """The process was asked to end; what it did is stored, the next one goes on from there."""


@contextmanager
def until_terminated() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM has come since. Only a process's main thread can be told so: elsewhere it never has."""
    asked = False  # no Event: a handler may come while it holds its own lock

    def ask(_number: int, _frame: object) -> None:
        nonlocal asked
        asked = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: asked
        return
    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGTERM, before)
