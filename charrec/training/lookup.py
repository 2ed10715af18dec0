"""The first layer of every training network: it looks up images on the device by position."""

from typing import Any
from weakref import finalize

import keras
import numpy as np
from keras import ops

_RESIDENT: dict[int, keras.Variable] = {}


def resident(images: np.ndarray) -> keras.Variable:
    """The images on the device: one copy for all networks of a process, freed with the array.

    Chars74K takes 1 GiB; a copy per network of a search would fill any device's memory. Networks share a variable
    rather than a layer, because a layer keeps references to every network it was part of.
    """
    key = id(images)
    if key not in _RESIDENT:
        _RESIDENT[key] = keras.Variable(
            lambda shape, dtype: ops.convert_to_tensor(images, dtype),
            shape=images.shape,
            dtype="uint8",
            trainable=False,
            name="images",
        )
        finalize(images, _RESIDENT.pop, key, None)
    return _RESIDENT[key]


class Lookup(keras.layers.Layer):
    """(n,) int32 -> (n, size, size, channels) uint8.

    The images stay on the device for the whole training, so a step transfers positions only. Weight files omit them,
    because they are data.
    """

    def __init__(self, images: keras.Variable, channels: int) -> None:
        super().__init__(trainable=False, dtype="float32")
        self.channels = channels
        self.images = images

    def call(self, positions: Any) -> Any:
        images = ops.expand_dims(ops.take(self.images, positions, axis=0), -1)
        return ops.repeat(images, self.channels, axis=-1) if self.channels > 1 else images

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape, *self.images.shape[1:], self.channels)

    def save_own_variables(self, store: Any) -> None:
        """Saves nothing."""

    def load_own_variables(self, store: Any) -> None:
        """Loads nothing."""
