"""A stored network without Keras: its layers as arrays, computed by NumPy, and quantised for a page's script.

The plans below repeat the models' files, which need Keras; tests/report/test_board.py holds them to each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np

from charrec.models import MODELS
from charrec.storage.document import foreign

EPSILON = 1e-3  # of Keras's batch normalisation
LEVELS = 127  # of int8, either side of 0
CHUNK = 64  # images at once: some 100 MB of windows
UNREADABLE = (OSError, KeyError, ValueError, RuntimeError, AttributeError)


@dataclass(frozen=True)
class Layer:
    """One layer; `kind` says which of the rest count.

    scale: values * factor + offset. conv: kernel (h, w, in, out) and bias. pool: the largest of `size` x `size`.
    dense: kernel (in, out) and bias. residual: its `inner` layers' result, added to what they are given, then ReLU.
    flat, mean: (h, w, c) -> a vector of all values, of each channel's mean.
    """

    kind: str
    stride: int = 1
    same: bool = False  # padded so that stride alone shrinks it
    relu: bool = False
    normalised: bool = False  # by the batch normalisation behind it, which `read` puts into kernel and bias
    size: int = 0
    factor: float = 1.0
    offset: float = 0.0
    inner: tuple[Layer, ...] = ()
    kernel: Any = None
    bias: Any = None


def plan(model: str) -> tuple[Layer, ...]:
    """The layers of a model of the study that act when it reads, without weights."""
    conv, same = Layer("conv", relu=True), Layer("conv", relu=True, same=True)
    dense, scaled, flat = (Layer("dense", relu=True), Layer("dense")), Layer("scale", factor=1 / 255), Layer("flat")
    two, four = Layer("pool", size=2, stride=2), Layer("pool", size=4, stride=2)
    if model == "model_5":
        return (
            Layer("scale", factor=-1 / 255, offset=1.0),
            *(part for _ in range(3) for part in (_normalised(2), Layer("residual", inner=(_normalised(), _bare())))),
            Layer("mean"),
            Layer("dense"),
        )
    return {
        "model_1": (scaled, conv, two, conv, two, conv, two, flat, *dense),
        "model_2": (scaled, conv, two, conv, two, conv, two, flat, *dense),
        "model_3": (scaled, same, four, same, two, same, four, flat, *dense),
        "model_4": (scaled, same, four, same, four, same, four, flat, *dense),
    }[model]


def _normalised(stride: int = 1) -> Layer:
    return Layer("conv", stride=stride, same=True, relu=True, normalised=True)


def _bare() -> Layer:
    return Layer("conv", same=True, normalised=True)


def read(weights: bytes, model: str, where: str) -> tuple[Layer, ...]:
    """The layers with their weights, from a file of Keras's. Raises Foreign for another network's file."""
    import h5py  # Keras's own reader; 0.1 s

    if model not in MODELS:
        raise foreign(where, f"weights of {model!r}")
    try:
        with h5py.File(BytesIO(weights)) as file:
            outer = file["layers"]
            (network,) = (name for name in outer if name.startswith("sequential"))
            return _filled(plan(model), outer[network]["layers"])
    except UNREADABLE as error:
        raise foreign(where, f"no weights of {model} ({error})") from None


def _filled(layers: tuple[Layer, ...], group: Any) -> tuple[Layer, ...]:
    """Keras numbers the layers of a kind in their order: conv2d, conv2d_1, ..."""
    used: dict[str, int] = {}

    def variables(kind: str, inner: str = "vars") -> Any:
        number = used[kind] = used.get(kind, -1) + 1
        return group[f"{kind}_{number}" if number else kind][inner]

    filled = []
    for layer in layers:
        if layer.kind == "residual":
            filled.append(replace(layer, inner=_filled(layer.inner, variables("residual", "change")["layers"])))
        elif layer.kind == "dense":
            stored = variables("dense")
            filled.append(replace(layer, kernel=stored["0"][:], bias=stored["1"][:]))
        elif layer.kind == "conv":
            stored = variables("conv2d")
            kernel = stored["0"][:]
            if layer.normalised:
                gamma, beta, mean, variance = _four(variables("batch_normalization"))
                gain = gamma / np.sqrt(variance + EPSILON)
                filled.append(replace(layer, kernel=kernel * gain, bias=beta - mean * gain))
            else:
                filled.append(replace(layer, kernel=kernel, bias=stored["1"][:]))
        else:
            filled.append(layer)
    return tuple(filled)


def _four(stored: Any) -> list[Any]:
    return [stored[str(number)][:] for number in range(4)]


def weighted(layers: tuple[Layer, ...]) -> list[Layer]:
    """Those with weights, in their order."""
    return [
        one for layer in layers for one in (weighted(layer.inner) if layer.inner else [layer]) if one.kernel is not None
    ]


def grey(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The same network for one channel, where it was trained on a channel that is repeated."""
    first = next(place for place, layer in enumerate(layers) if layer.kind == "conv")
    summed = replace(layers[first], kernel=layers[first].kernel.sum(axis=2, keepdims=True))
    return (*layers[:first], summed, *layers[first + 1 :])


def quantise(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(..., out) float -> the same in int8, and (out,) float32 that a whole channel is multiplied by."""
    scale = np.abs(kernel).reshape(-1, kernel.shape[-1]).max(axis=0) / LEVELS
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    return np.rint(kernel / scale).astype(np.int8), scale


def rounded(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The network as the page has it: every kernel through `quantise`."""
    made = []
    for layer in layers:
        if layer.inner:
            made.append(replace(layer, inner=rounded(layer.inner)))
        elif layer.kernel is not None:
            whole, scale = quantise(layer.kernel)
            made.append(replace(layer, kernel=whole.astype(np.float32) * scale))
        else:
            made.append(layer)
    return tuple(made)


def logits(layers: tuple[Layer, ...], images: np.ndarray) -> np.ndarray:
    """(n, size, size) uint8 -> (n, classes) float32."""
    parts = [images[start : start + CHUNK, ..., None].astype(np.float32) for start in range(0, len(images), CHUNK)]
    return np.concatenate([_through(layers, part) for part in parts])


def _apply(layer: Layer, values: np.ndarray) -> np.ndarray:
    made: np.ndarray
    if layer.kind == "scale":
        made = values * np.float32(layer.factor) + np.float32(layer.offset)
    elif layer.kind == "flat":
        made = values.reshape(len(values), -1)
    elif layer.kind == "mean":
        made = values.mean(axis=(1, 2))
    elif layer.kind == "pool":
        made = _windows(values, layer.size, layer.stride).max(axis=(-2, -1))
    elif layer.kind == "residual":
        made = np.maximum(values + _through(layer.inner, values), 0)
    elif layer.kind == "conv":
        side = layer.kernel.shape[0]
        padded = _padded(values, side, layer.stride) if layer.same else values
        windows = _windows(padded, side, layer.stride)
        made = np.tensordot(windows, layer.kernel, axes=((4, 5, 3), (0, 1, 2))) + layer.bias
    else:
        made = values @ layer.kernel + layer.bias
    return np.maximum(made, 0) if layer.relu else made


def _through(layers: tuple[Layer, ...], values: np.ndarray) -> np.ndarray:
    for layer in layers:
        values = _apply(layer, values)
    return values


def _windows(values: np.ndarray, side: int, stride: int) -> np.ndarray:
    """(n, h, w, c) -> (n, rows, columns, c, side, side)."""
    windows: np.ndarray = np.lib.stride_tricks.sliding_window_view(values, (side, side), axis=(1, 2))
    return windows[:, ::stride, ::stride]


def _padded(values: np.ndarray, side: int, stride: int) -> np.ndarray:
    """As TensorFlow pads: the odd pixel below and to the right."""
    size = values.shape[1]
    total = max((-(-size // stride) - 1) * stride + side - size, 0)
    return np.pad(values, ((0, 0), (total // 2, total - total // 2), (total // 2, total - total // 2), (0, 0)))
