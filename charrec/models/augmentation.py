"""Small rotations and zooms, like those of a writer's hand or a scanner."""

import keras
from keras import layers

WHITE = 255


def augmentation() -> keras.Sequential:
    """(height, width, channels) in [0, 255] -> same shape, rotated by up to 7.2 degrees, zoomed by up to 10 %.

    Active in training only. Computes in float32 under any policy: bfloat16's mantissa has 8 bits, too few for pixel
    coordinates up to 128.
    """
    return keras.Sequential(
        [
            layers.RandomRotation(0.02, fill_mode="constant", fill_value=WHITE, dtype="float32"),
            layers.RandomZoom(0.1, 0.1, fill_mode="constant", fill_value=WHITE, dtype="float32"),
        ],
        name="augmentation",
    )
