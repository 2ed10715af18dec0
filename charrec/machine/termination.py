"""SIGTERM as a request: a reclaimed spot instance or a stopped study has seconds to store its work."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Terminated(RuntimeError):
    """The process received SIGTERM; its work is stored and the next process resumes it."""


@contextmanager
def until_terminated() -> Iterator[Callable[[], bool]]:
    """Yields a function that is True once SIGTERM has arrived. Signals reach the main thread only; elsewhere: False."""
    requested = False  # not an Event: the handler may interrupt its own thread while that holds the Event's lock

    def request(_number: int, _frame: object) -> None:
        nonlocal requested
        requested = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: requested
        return
    previous = signal.signal(signal.SIGTERM, request)
    try:
        yield lambda: requested
    finally:
        signal.signal(signal.SIGTERM, previous)
