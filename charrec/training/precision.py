"""Does mixed_bfloat16 pay on this machine? Ask model 1 on noise for a few seconds."""

import time

import numpy as np

from charrec.data.arrays import Arrays
from charrec.machine.hardware import on_gpu
from charrec.results import Precision
from charrec.training import on_jax
from charrec.training.batches import batches
from charrec.training.recipe import Recipe, compiled

STEPS = 12  # after one that compiles
STEPS_ON_GPU = 480  # or what surrounds them would take longer than they do
PAYS = 1.15  # times as fast; below, the lost digits are not worth it
PRECISIONS = ("float32", "mixed_bfloat16")


def probe(recipe: Recipe) -> Precision:
    """Time model 1 on noise images of the recipe's size in both precisions."""
    size, n = recipe.image_size, recipe.batch_size * STEPS
    rng = np.random.default_rng(0)
    everything = np.arange(n)
    arrays = Arrays(rng.integers(0, 256, (n, size, size), np.uint8), rng.integers(0, 62, n), everything, everything[:0])
    rates = {precision: _rate(recipe.model_copy(update={"precision": precision}), arrays) for precision in PRECISIONS}
    pays = rates["mixed_bfloat16"] >= PAYS * rates["float32"]
    return Precision(
        chosen="mixed_bfloat16" if pays else "float32",
        images_per_second={name: round(rate, 1) for name, rate in rates.items()},
    )


def _rate(recipe: Recipe, arrays: Arrays) -> float:
    import keras

    model = compiled(recipe, arrays)
    steps = STEPS_ON_GPU if on_gpu(keras.backend.backend()) else STEPS
    positions = np.resize(arrays.training, steps * recipe.batch_size)
    if keras.backend.backend() == "jax":
        return on_jax.rate(model, (positions.astype(np.int32), arrays.labels[positions]), recipe.batch_size)
    for part in (positions[: recipe.batch_size], positions):
        start = time.perf_counter()
        model.fit(batches(part, arrays.labels[part], recipe.batch_size), shuffle=False, verbose=0)
    return len(positions) / (time.perf_counter() - start)
