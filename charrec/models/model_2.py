"""Slide 2: model 1 with augmentation and dropout."""

import keras
from keras import layers

from charrec.models.augmentation import augmentation


def model_2(shape: tuple[int, int, int], classes: int) -> keras.Sequential:
    """(128, 128, channels) in [0, 255] -> (classes,) logits."""
    return keras.Sequential(
        [
            layers.Input(shape),
            augmentation(),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),  # 126 x 126
            layers.MaxPooling2D(),  # 63 x 63
            layers.Conv2D(32, 3, activation="relu"),  # 61 x 61
            layers.MaxPooling2D(),  # 30 x 30
            layers.Conv2D(32, 3, activation="relu"),  # 28 x 28
            layers.MaxPooling2D(),  # 14 x 14
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(128, activation="relu"),
            layers.Dense(classes, dtype="float32"),  # logits in float32 under any policy
        ]
    )
