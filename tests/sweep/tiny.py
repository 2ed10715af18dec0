"""A model that trains in milliseconds, for the search of any Keras model: eager, or TensorFlow would trace each one."""

from collections.abc import Callable
from typing import Any

import numpy as np

DRAWN = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
X, XV = DRAWN[:40], DRAWN[40:]
Y, YV = (X.sum(1) > 0).astype("int32"), (XV.sum(1) > 0).astype("int32")
FIT: dict[str, Any] = {"x": X, "y": Y, "validation_data": (XV, YV), "batch_size": 20}


def model(units: int = 4, rate: float = 0.01, compiled: bool = True, **options: Any) -> Any:
    """With a random layer, and an optimizer that has slots."""
    import keras

    layers = keras.layers
    made = keras.Sequential([layers.Dense(units, activation="relu"), layers.Dropout(0.2), layers.Dense(2)])
    if compiled:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        made.compile(keras.optimizers.SGD(rate, momentum=0.9), loss, metrics=["accuracy"], run_eagerly=True, **options)
    return made


def build(hp: Any) -> Any:
    return model(hp.Choice("units", [2, 3, 4, 5, 6, 7, 8]), hp.Float("rate", 1e-3, 1e-1, sampling="log"))


def building(**changes: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A builder whose arguments of `model` are functions of `hp`."""
    return lambda hp: model(**{name: change(hp) for name, change in changes.items()})
