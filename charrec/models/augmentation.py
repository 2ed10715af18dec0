"""Small turns and zooms, as a writer or a scanner would make them."""

import keras
from keras import layers

WHITE = 255


def augmentation() -> keras.Sequential:
    """(height, width, channels) in [0, 255] -> the same, turned by up to 7.2 degrees, zoomed by up to 10 %.

    The layers act in training only. They compute in float32 under any policy: bfloat16 has 8 bits of
    mantissa, too few for a pixel coordinate of 128.
    """
    return keras.Sequential(
        [
            layers.RandomRotation(0.02, fill_mode="constant", fill_value=WHITE, dtype="float32"),
            layers.RandomZoom(0.1, 0.1, fill_mode="constant", fill_value=WHITE, dtype="float32"),
        ],
        name="augmentation",
    )
