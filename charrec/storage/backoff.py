"""How long to wait before the next try."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import TypeVar

Answer = TypeVar("Answer")


def waits(
    first: float,
    longest: float,
    *,
    tries: float = inf,
    total: float = inf,
    clock: Callable[[], float] = time.monotonic,
    draw: Callable[[float, float], float] = random.uniform,
) -> Iterator[float]:
    """Seconds to wait after each failed try, until `tries` have failed or `total` seconds have passed.

    Drawn between 0 and a bound that doubles from `first` to `longest`, so that rivals part ("full jitter", M. Brooker,
    Exponential Backoff and Jitter, 2015). The caller sleeps, and makes one last try after the last wait, as `retried`.
    """
    began, bound, tried = clock(), first, 1
    while tried < tries and clock() - began < total:
        yield draw(0, bound)
        bound, tried = min(2 * bound, longest), tried + 1


def retried(
    call: Callable[[], Answer],
    worth_it: Callable[[Exception], bool],
    pauses: Iterable[float],
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """The answer of the first call that succeeds. Raises what the last one raised, or what is not worth another try."""
    for pause in pauses:
        try:
            return call()
        except Exception as error:
            if not worth_it(error):
                raise
        sleep(pause)
    return call()
