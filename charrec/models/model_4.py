"""Slide 4: the network whose size the search chooses."""

import keras
from keras import layers

from charrec.models.augmentation import augmentation
from charrec.models.convnet import ConvNet


def model_4(shape: tuple[int, int, int], classes: int, net: ConvNet) -> keras.Sequential:
    """(128, 128, channels) in [0, 255] -> (classes,) logits."""
    return keras.Sequential(
        [
            layers.Input(shape),
            augmentation(),
            layers.Rescaling(1 / 255),
            layers.Conv2D(net.filters_hp_1, 4, padding="same", activation="relu"),  # 128 x 128
            layers.MaxPooling2D(4, strides=2),  # 63 x 63
            layers.Conv2D(net.filters_hp_2, 4, padding="same", activation="relu"),
            layers.MaxPooling2D(4, strides=2),  # 30 x 30
            layers.Conv2D(net.filters_hp_3, 4, padding="same", activation="relu"),
            layers.MaxPooling2D(4, strides=2),  # 14 x 14
            layers.Flatten(),
            layers.Dropout(net.dropout),
            layers.Dense(net.units, activation="relu"),
            layers.Dense(classes, dtype="float32"),  # logits in float32 under any policy
        ]
    )
