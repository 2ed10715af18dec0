"""What Keras walks over: positions and labels, batch by batch, in the order given."""

from typing import Any

import numpy as np


def batches(positions: np.ndarray, labels: np.ndarray, size: int) -> Any:
    """(n,) positions, (n,) labels -> a set of batches for `fit` and `evaluate`; the last may be smaller.

    The only place that knows TensorFlow. Given arrays, Keras makes a tf.data set with autotuning, whose thread
    sleeps ever longer, up to a minute, and which `fit` and `evaluate` wait for when they return: epochs of 11 s
    took 21 s (measured, docs/performance.md). There is nothing here to tune.
    """
    import keras

    positions = positions.astype(np.int32)
    if keras.backend.backend() != "tensorflow":
        return _slices(positions, labels, size)
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return tf.data.Dataset.from_tensor_slices((positions, labels)).batch(size).with_options(options)


def _slices(positions: np.ndarray, labels: np.ndarray, size: int) -> Any:
    import keras

    class Slices(keras.utils.PyDataset):
        def __len__(self) -> int:
            return -(-len(positions) // size)

        def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
            part = slice(batch * size, (batch + 1) * size)
            return positions[part], labels[part]

    return Slices()
