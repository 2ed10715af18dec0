"""Glyphs as another hand might write them: coordinates are warped, not pixels, and the glyph is measured again.

Coordinates are (x, y) in sides of the frame, from -1/2 to 1/2, y downwards. Ink is 1, paper 0.
"""

from typing import Any, NamedTuple

from keras import ops, random

from charrec.data.images import FRAME, GLYPH

ROTATION, SHEAR, LOG_ASPECT, PERSPECTIVE = 0.12, 0.3, 0.25, 0.25  # standard deviations; the first in radians
SCALE, SHIFT = 0.04, 0.015  # of the glyph in its frame: standard deviations of log size and of each coordinate
FARTHEST = 3 * PERSPECTIVE  # more would fold the glyph over
ELASTIC = 0.8  # share of warps with an elastic field
STRENGTH = (0.3, 1.3)  # of that field, uniform
LATTICES = ((0.28, 0.07), (0.13, 0.02))  # distance between nodes, standard deviation of each coordinate of a node
MARGIN = 0.14  # more than the field moves an outline: three of its standard deviations at full strength
DOMAIN = 0.8  # the lattices reach so far from the centre
EDGE = (0.5, 1.0)  # width of an edge as a share of the resampled one, uniform: resampling blurs


class Warp(NamedTuple):
    """n warps. `linear` is (n, 2, 2), of determinant 1; `nodes` has (n, 2, k, k) for each lattice; the rest is (n,)."""

    linear: Any
    perspective: Any  # (n, 2): a point p goes to linear p / (1 + perspective p)
    nodes: tuple[Any, ...]
    scale: Any
    shift: Any  # (n, 2)
    edge: Any


class Frame(NamedTuple):
    """Where n square frames lie: their centres and half their sides, (n,) each."""

    x: Any
    y: Any
    reach: Any


def draw(n: int, seed: random.SeedGenerator) -> Warp:
    """Warps for n glyphs."""
    normal = ops.unstack(random.normal((n, 8), seed=seed), axis=1)
    rotation, shear, aspect, slope_x, slope_y, scale, shift_x, shift_y = normal
    has_field, strength, edge = ops.unstack(random.uniform((n, 3), seed=seed), axis=1)
    strength = ops.where(has_field < ELASTIC, between(STRENGTH, strength), 0.0)
    nodes = [
        deviation * strength[:, None, None, None] * random.normal((n, 2, _nodes(apart), _nodes(apart)), seed=seed)
        for apart, deviation in LATTICES
    ]
    perspective = ops.stack([slope_x, slope_y], axis=1) * PERSPECTIVE
    return Warp(
        linear=linear(ROTATION * rotation, SHEAR * shear, LOG_ASPECT * aspect),
        perspective=ops.clip(perspective, -FARTHEST, FARTHEST),
        nodes=tuple(nodes),
        scale=ops.exp(SCALE * scale),
        shift=SHIFT * ops.stack([shift_x, shift_y], axis=1),
        edge=between(EDGE, edge),
    )


def linear(angle: Any, shear: Any, log_aspect: Any) -> Any:
    """(n,) each -> (n, 2, 2): stretched in width and shrunk in height, sheared to the right, then rotated."""
    cosine, sine, wide = ops.cos(angle), ops.sin(angle), ops.exp(log_aspect / 2)
    first = [cosine * wide, (cosine * shear - sine) / wide]
    second = [sine * wide, (sine * shear + cosine) / wide]
    return ops.stack([ops.stack(first, axis=1), ops.stack(second, axis=1)], axis=1)


def apply(warp: Warp, ink: Any) -> Any:
    """(n, size, size) ink -> the same warped: its larger side 97/128 of the frame and centred, but for the jitter."""
    rough = _rough(warp, measure(ink))
    exact = measure(_sample(warp, ink, rough), rough)
    reach = exact.reach / (GLYPH / FRAME * warp.scale)
    side = 2 * reach
    framed = Frame(exact.x - side * warp.shift[:, 0], exact.y - side * warp.shift[:, 1], reach)
    return ops.clip(0.5 + (_sample(warp, ink, framed) - 0.5) / warp.edge[:, None, None], 0, 1)


def measure(ink: Any, frame: Frame | None = None) -> Frame:
    """(n, size, size) ink in `frame`, or in the whole one -> the smallest square frame around each glyph's centre.

    An outline lies where the ink falls below half of its maximum.
    """
    left, right = _extent(ops.max(ink, axis=1))
    top, bottom = _extent(ops.max(ink, axis=2))
    x, y, reach = (left + right) / 2, (top + bottom) / 2, ops.maximum(right - left, bottom - top) / 2
    if frame is None:
        return Frame(x, y, reach)
    side = 2 * frame.reach
    return Frame(frame.x + side * x, frame.y + side * y, side * reach)


def _extent(profile: Any) -> tuple[Any, Any]:
    """(n, size) -> the first and the last crossing of half the maximum, (n,) each, interpolated between pixels."""
    padded = ops.pad(profile, ((0, 0), (1, 1)))
    half = ops.max(profile, axis=1, keepdims=True) / 2
    return _crossing(padded, half) - 0.5, 0.5 - _crossing(ops.flip(padded, axis=1), half)


def _crossing(padded: Any, half: Any) -> Any:
    """(n,) sides from the start of the frame to the first rise through `half`."""
    first = ops.maximum(ops.argmax(padded >= half, axis=1), 1)[:, None]
    value, before = (ops.take_along_axis(padded, at, axis=1) for at in (first, first - 1))
    beyond = (value - half) / ops.maximum(value - before, 1e-6)
    return (ops.cast(first, "float32") - 0.5 - beyond)[:, 0] / (padded.shape[1] - 2)


def _rough(warp: Warp, glyph: Frame) -> Frame:
    """A frame that surely contains the warped glyph: around its warped corners, and some more for the elastic field."""
    corners = [
        (ops.clip(glyph.x + i * glyph.reach, -0.5, 0.5), ops.clip(glyph.y + j * glyph.reach, -0.5, 0.5))
        for i in (-1, 1)
        for j in (-1, 1)
    ]
    away = [1 + warp.perspective[:, 0] * x + warp.perspective[:, 1] * y for x, y in corners]
    spans = []
    for row in (0, 1):
        a, b = warp.linear[:, row, 0], warp.linear[:, row, 1]
        ends = ops.stack([(a * x + b * y) / w for (x, y), w in zip(corners, away, strict=True)])
        spans.append((ops.min(ends, axis=0), ops.max(ends, axis=0)))
    (left, right), (top, bottom) = spans
    return Frame((left + right) / 2, (top + bottom) / 2, ops.maximum(right - left, bottom - top) / 2 + MARGIN)


def _sample(warp: Warp, ink: Any, frame: Frame) -> Any:
    """(n, size, size) ink -> the warped ink in `frame`, by bilinear interpolation."""
    size = ink.shape[1]
    steps = (ops.arange(size, dtype="float32") + 0.5) / size - 0.5
    x = frame.x[:, None] + 2 * frame.reach[:, None] * steps
    y = frame.y[:, None] + 2 * frame.reach[:, None] * steps
    off_x, off_y = ops.unstack(_field(warp, x, y), axis=1)
    x, y = x[:, None, :], y[:, :, None]
    a, b, c, d = (warp.linear[:, i, j][:, None, None] for i in (0, 1) for j in (0, 1))
    back_x, back_y = d * x - b * y, a * y - c * x  # the inverse of a matrix of determinant 1
    slope_x, slope_y = (warp.perspective[:, i][:, None, None] for i in (0, 1))
    away = ops.maximum(1 - slope_x * back_x - slope_y * back_y, 0.25)  # less only outside the glyph
    return bilinear(ink, back_x / away + off_x, back_y / away + off_y)


def _field(warp: Warp, x: Any, y: Any) -> Any:
    """(n, size) coordinates of columns and of rows -> (n, 2, size, size) displacements, sums of cubic B-splines."""
    return sum(
        ops.matmul(ops.matmul(_basis(y, apart)[:, None], nodes), ops.transpose(_basis(x, apart), (0, 2, 1))[:, None])
        for (apart, _), nodes in zip(LATTICES, warp.nodes, strict=True)
    )


def _nodes(apart: float) -> int:
    """Nodes of a lattice in each direction: across the domain, and one more on either side."""
    return int(2 * DOMAIN / apart) + 4


def _basis(at: Any, apart: float) -> Any:
    """(n, size) coordinates -> (n, size, k): the cubic B-spline of each node there."""
    nodes = ops.arange(_nodes(apart), dtype="float32") - 1
    away = ops.abs((ops.clip(at, -DOMAIN, DOMAIN) + DOMAIN)[:, :, None] / apart - nodes)
    return (ops.maximum(2 - away, 0) ** 3 - 4 * ops.maximum(1 - away, 0) ** 3) / 6


def bilinear(ink: Any, x: Any, y: Any) -> Any:
    """(n, size, size) ink at (n, size, size) coordinates; beyond the frame is paper."""
    n, size = ops.shape(ink)[0], ink.shape[1]
    wide = size + 2
    flat = ops.reshape(ops.pad(ink, ((0, 0), (1, 1), (1, 1))), (-1,))
    x, y = (ops.clip((at + 0.5) * size + 0.5, 0, size + 0.999) for at in (x, y))
    left, top = ops.floor(x), ops.floor(y)
    right, down = x - left, y - top
    first = ops.cast(top * wide + left, "int32") + ops.reshape(ops.arange(n, dtype="int32") * wide**2, (-1, 1, 1))
    upper = ops.take(flat, first) * (1 - right) + ops.take(flat, first + 1) * right
    lower = ops.take(flat, first + wide) * (1 - right) + ops.take(flat, first + wide + 1) * right
    return upper * (1 - down) + lower * down


def between(ends: tuple[float, float], share: Any) -> Any:
    """Uniform between the ends, for shares that are uniform between 0 and 1."""
    return ends[0] + (ends[1] - ends[0]) * share
