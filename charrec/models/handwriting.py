"""Printed glyphs as hands might write them: the augmentation of model 5."""

from typing import Any

import keras
from keras import ops, random

from charrec.models import warp
from charrec.models.strokes import strokes

PLAIN = 0.15  # share of glyphs that stay as they are
WHITE = 255


class Handwriting(keras.layers.Layer):
    """(n, size, size, 1) black on white in [0, 255] -> the same, in training warped, with strokes added and cut.

    What each of its steps draws is decided by the state of its seed generator, which counts them. Computes in float32
    under any policy: bfloat16's mantissa has 8 bits, too few for coordinates.
    """

    def __init__(self) -> None:
        super().__init__(trainable=False, dtype="float32")
        self.generator = random.SeedGenerator(0)  # a training seeds it anew in each epoch

    def call(self, images: Any, training: bool = False) -> Any:
        images = ops.cast(images, "float32")
        if not training:
            return images
        ink = 1 - images[..., 0] / WHITE
        n = ops.shape(ink)[0]
        plain = random.uniform((n, 1, 1), seed=self.generator) < PLAIN
        written = strokes(warp.apply(warp.draw(n, self.generator), ink), self.generator)
        return WHITE * (1 - ops.where(plain, ink, written))[..., None]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape
