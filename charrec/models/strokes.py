"""What a pen adds and leaves out: a short straight stroke too many, a short gap."""

import math
from typing import Any

from keras import ops, random

from charrec.models.warp import between

ADDED, CUT = 0.35, 0.4  # shares of glyphs
LENGTH = (2.5, 7.5)  # px at 32 px, like all lengths here; uniform, like all pairs
PEN = (0.6, 2.2)  # radius of an added stroke
GAP = (0.4, 1.2)  # half the width of a cut
SIDE = 32


def strokes(ink: Any, seed: random.SeedGenerator) -> Any:
    """(n, size, size) ink -> the same with a stroke more in 35 % and with a cut in 40 % of the glyphs."""
    ink = ops.maximum(ink, _segment(ink, ADDED, PEN, seed))
    return ops.minimum(ink, 1 - _segment(ink, CUT, GAP, seed))


def _segment(ink: Any, share: float, radius: tuple[float, float], seed: random.SeedGenerator) -> Any:
    """(n, size, size) coverage by a segment from or through an inked pixel, in this share of the glyphs."""
    n, size = ops.shape(ink)[0], ink.shape[1]
    wanted, through, angle, length, wide = ops.unstack(random.uniform((n, 5, 1, 1), seed=seed), axis=1)
    inked = ops.reshape(ops.cast(ink > 0.5, "float32"), (-1, size * size))
    pixel = ops.argmax(inked * random.uniform((n, size * size), seed=seed), axis=1)
    row, column = (ops.cast(at, "float32")[:, None, None] for at in (pixel // size, pixel % size))
    place = ops.arange(size, dtype="float32")
    x, y = place[None, None, :] - column, place[None, :, None] - row
    cosine, sine = ops.cos(2 * math.pi * angle), ops.sin(2 * math.pi * angle)
    along, across = x * cosine + y * sine, y * cosine - x * sine
    length, wide = between(LENGTH, length) * size / SIDE, between(radius, wide) * size / SIDE
    start = ops.where(through < 0.5, -length / 2, 0.0)
    beyond = along - ops.clip(along, start, start + length)
    covered = ops.clip(0.5 + wide - ops.sqrt(beyond**2 + across**2), 0, 1)
    return ops.where(wanted < share, covered, 0.0)
