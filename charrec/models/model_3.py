"""Slide 3: wider, with overlapping pools and a larger hidden layer."""

import keras
from keras import layers

from charrec.models.augmentation import augmentation


def model_3(shape: tuple[int, int, int], classes: int) -> keras.Sequential:
    """(128, 128, channels) in [0, 255] -> (classes,) logits."""
    return keras.Sequential(
        [
            layers.Input(shape),
            augmentation(),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 4, padding="same", activation="relu"),  # 128 x 128
            layers.MaxPooling2D(4, strides=2),  # 63 x 63
            layers.Conv2D(64, 4, padding="same", activation="relu"),
            layers.MaxPooling2D(),  # 31 x 31
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(4, strides=2),  # 14 x 14
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(310, activation="relu"),
            layers.Dense(classes, name="outputs", dtype="float32"),  # logits in float32 under any policy
        ]
    )
