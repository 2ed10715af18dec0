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
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: asked.set())
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGTERM, before)
