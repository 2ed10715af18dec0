"""Normalised convolutions, alone and as a residual block."""

from typing import Any

import keras
from keras import layers

MOMENTUM = 0.95  # of the statistics that are read with: means over some 20 steps


def convolution(filters: int, kernel: int, strides: int = 1) -> list[layers.Layer]:
    """Convolution, batch normalisation, ReLU."""
    return [*_normalised(filters, kernel, strides), layers.ReLU()]


def _normalised(filters: int, kernel: int, strides: int = 1) -> list[layers.Layer]:
    return [
        layers.Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=MOMENTUM),
    ]


class Residual(layers.Layer):
    """(n, h, w, filters) -> the same shape: two convolutions of 3x3, added to what they are given."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.filters = filters
        self.change = keras.Sequential([*convolution(filters, 3), *_normalised(filters, 3)])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters}

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.change.build(shape)

    def call(self, values: Any, training: bool = False) -> Any:
        return keras.ops.relu(values + self.change(values, training=training))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape
