"""The layers of each network with their shapes and parameters, without Keras.

They repeat the models' files; tests/models/test_layers.py holds them to what Keras builds, and the page shows them only
where they have as many parameters as the network that was trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from charrec.report.language import later, local, say


@dataclass(frozen=True)
class Row:
    """`shape` is of what the layer gives on, height, width and channels or a vector's length."""

    name: str
    shape: tuple[int, ...]
    parameters: int = 0


class _Conv(NamedTuple):
    filters: int
    kernel: int
    same: bool = False
    stride: int = 1
    normalised: bool = False

    def row(self, shape: tuple[int, ...]) -> Row:
        side, _, channels = shape
        out = -(-side // self.stride) if self.same else (side - self.kernel) // self.stride + 1
        count = self.kernel**2 * channels * self.filters + self.filters * (4 if self.normalised else 1)
        said = [say("convolution {n}\u00d7{n}", n=self.kernel)]
        said += [say("stride {n}", n=self.stride)] if self.stride > 1 else []
        said += [say("normalised")] if self.normalised else []
        return Row(", ".join([*said, "ReLU"]), (out, out, self.filters), count)


class _Pool(NamedTuple):
    size: int = 2

    def row(self, shape: tuple[int, ...]) -> Row:
        out = (shape[0] - self.size) // 2 + 1
        return Row(say("largest of {n}\u00d7{n}, stride 2", n=self.size), (out, out, shape[2]))


class _Residual(NamedTuple):
    def row(self, shape: tuple[int, ...]) -> Row:
        filters = shape[-1]
        count = 2 * (9 * filters * filters + 4 * filters)
        return Row(say("two convolutions 3\u00d73, normalised, added to their input"), shape, count)


class _Dense(NamedTuple):
    units: int
    relu: bool = True

    def row(self, shape: tuple[int, ...]) -> Row:
        return Row(say("dense, ReLU") if self.relu else say("dense"), (self.units,), (shape[0] + 1) * self.units)


class _Plain(NamedTuple):
    """A layer without parameters that keeps the shape, or makes a vector of it."""

    name: str
    vector: str = ""  # "all" values, or "mean" of each channel

    def row(self, shape: tuple[int, ...]) -> Row:
        height, width, channels = shape if len(shape) == 3 else (1, 1, shape[0])
        lengths = {"all": (height * width * channels,), "mean": (channels,)}
        return Row(say(self.name), lengths.get(self.vector, shape))


_Part = _Conv | _Pool | _Residual | _Dense | _Plain
SCALE, FLAT = _Plain(later("scaled to 0 to 1")), _Plain(later("flattened"), "all")
AUGMENTED = _Plain(later("augmentation, in training only"))


def layers(model: str, side: int, channels: int, classes: int, network: Mapping[str, int | float]) -> tuple[Row, ...]:
    """From the image to the logits; `network` is the search's choice, for model 4 alone. None of a strange model."""
    shape, rows = (side, side, channels), []
    for part in _parts(model, network):
        rows.append(part.row(shape))
        shape = rows[-1].shape  # type: ignore[assignment]
    return (*rows, _Dense(classes, relu=False).row(shape)) if rows else ()


def _parts(model: str, network: Mapping[str, int | float]) -> list[_Part]:
    if model in ("model_1", "model_2"):
        convolutions = [part for _ in range(3) for part in (_Conv(32, 3), _Pool())]
        if model == "model_1":
            return [SCALE, *convolutions, FLAT, _Dense(128)]
        return [AUGMENTED, SCALE, *convolutions, FLAT, _dropout(0.2), _Dense(128)]
    if model == "model_3":
        convolutions = [_Conv(32, 4, True), _Pool(4), _Conv(64, 4, True), _Pool(), _Conv(64, 3, True), _Pool(4)]
        return [AUGMENTED, SCALE, *convolutions, FLAT, _dropout(0.4), _Dense(310)]
    if model == "model_4" and network:
        filters = [int(network[f"filters_hp_{k}"]) for k in (1, 2, 3)]
        convolutions = [part for count in filters for part in (_Conv(count, 4, True), _Pool(4))]
        return [AUGMENTED, SCALE, *convolutions, FLAT, _dropout(network["dropout"]), _Dense(int(network["units"]))]
    if model == "model_5":
        blocks: list[_Part] = []
        for width, kernel in ((32, 5), (64, 3), (128, 3)):
            blocks += [_Conv(width, kernel, True, 2, True), _Residual()]
        inverted = _Plain(later("scaled to 0 to 1, ink 1"))
        return [
            _Plain(later("warps, in training only")),
            inverted,
            *blocks,
            _Plain(later("mean of each channel"), "mean"),
            _dropout(0.1),
        ]
    return []


def _dropout(share: float) -> _Plain:
    return _Plain(say("dropout of {share}, in training only", share=local(f"{share:g}")))
