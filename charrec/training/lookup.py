"""The first layer of every training: positions in the resident images -> the images."""

from typing import Any
from weakref import finalize

import keras
import numpy as np
from keras import ops

_RESIDENT: dict[int, keras.Variable] = {}


def resident(images: np.ndarray) -> keras.Variable:
    """The images on the device: one copy for all networks of a process, as long as the array lives.

    Chars74K is 1 GiB; a copy for every network of a search would fill the memory of any device. It is the variable
    that is shared and not a layer, since a layer never forgets the networks that it was part of.
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

    The images lie beside the weights, on the device, for the whole training; a step moves only positions.
    They are data, so they are left out of weight files.
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
        """Nothing."""

    def load_own_variables(self, store: Any) -> None:
        """Nothing."""
