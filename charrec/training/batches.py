"""Batches of positions and labels for Keras, in the caller's order."""

from typing import Any

import numpy as np


def batches(positions: np.ndarray, labels: np.ndarray, size: int) -> Any:
    """(n,) positions, (n,) labels -> a batched data set for `fit` and `evaluate`; the last batch may be smaller.

    The only function that imports TensorFlow. From plain arrays Keras would build a tf.data pipeline with autotuning,
    whose thread sleeps for up to a minute while `fit` and `evaluate` wait for it: epochs of 11 s took 21 s
    (docs/performance.md). These batches have nothing to tune.
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
