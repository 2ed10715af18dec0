"""Does mixed_bfloat16 pay on this machine? Ask model 1 on noise for a few seconds."""

import time
from dataclasses import replace

import numpy as np

from charrec.data.arrays import Arrays
from charrec.results import Precision
from charrec.training import on_jax
from charrec.training.batches import batches
from charrec.training.recipe import Recipe, compiled

STEPS = 12  # after one that compiles
AT_ONCE = 480  # on JAX, at most; half a second of them is enough
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
    if keras.backend.backend() == "jax":  # steps started one by one would measure Python, which is the slower
        positions = np.resize(arrays.training, AT_ONCE * recipe.batch_size).astype(np.int32)
        return on_jax.rate(model, (positions, arrays.labels[positions]), recipe.batch_size)
    first = replace(arrays, training=arrays.training[: recipe.batch_size])
    for part in (first, arrays):
        start = time.perf_counter()
        model.fit(batches(part.training, arrays.labels[part.training], recipe.batch_size), shuffle=False, verbose=0)
    return len(arrays.training) / (time.perf_counter() - start)
