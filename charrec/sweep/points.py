"""Points of a space drawn by (seed, index): the n-th is the same whoever draws it, and no two are equal."""

import random
from collections.abc import Collection
from itertools import count
from math import pow

from charrec.errors import InputError
from charrec.sweep.space import Dimension, Space, Value

COLLISIONS = 20  # after which the points that are left are counted


def draw(space: Space, seed: int, index: int, taken: Collection[dict[str, Value]]) -> dict[str, Value]:
    """A point that is not among those `taken`, which are the `index` points before it.

    Raises InputError where none is left.
    """
    for attempt in count():
        rng = random.Random(f"{seed} point {index} {attempt}")
        drawn: dict[str, Value] = {}
        for one in space.dimensions:
            share = rng.random()
            if one.exists(drawn):
                drawn[one.name] = value_at(one, share)
        if drawn not in taken:
            return drawn
        if attempt == COLLISIONS and space.size(len(taken)) <= len(taken):
            break
    raise InputError(
        f"a space of {len(taken)} points, all of which are tried",
        f"at least {index + 1}, which the schedule tries",
        "Widen the space, or search with fewer trials.",
    )


def value_at(one: Dimension, share: float) -> Value:
    """The value of a dimension below which lies this share, in [0, 1), of what can be drawn.

    Repeats the sampling of Keras Tuner's hyperparameters, which takes seconds to import; a test compares the two.
    """
    if one.kind not in ("Int", "Float") or one.step is not None:
        points = one.points()
        assert points is not None  # only a Float without a step has none
        return points[min(int(share * len(points)), len(points) - 1)]
    low, high = one.bounds
    if one.kind == "Float":
        return _between(low, high, share, one.sampling)
    return min(int(_between(low, high + 1, share, one.sampling)), int(high))


def _between(low: float, high: float, share: float, sampling: str | None) -> float:
    match sampling:
        case "log":
            return low * pow(high / low, share)
        case "reverse_log":
            return high + low - low * pow(high / low, 1 - share)
    return low + share * (high - low)
