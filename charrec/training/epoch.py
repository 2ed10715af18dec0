"""One epoch of a training, which can be interrupted between two steps and resumed there."""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from charrec.alphabet import CLASSES
from charrec.data.arrays import Arrays
from charrec.results import Epoch
from charrec.training import on_jax
from charrec.training.batches import batches
from charrec.training.interruption import Begun, Interrupted
from charrec.training.recipe import Recipe
from charrec.training.seeds import generators, seed_layers

if TYPE_CHECKING:
    import keras

VALIDATION_BATCH = 512  # images; 2 cores evaluate 12,000 of 128 px in 2.7 s, or 2.9 s in batches of 128


class TrainingDiverged(RuntimeError):
    """The loss is not finite, or more than twice that of guessing."""


def train_epoch(
    model: "keras.Sequential",
    recipe: Recipe,
    arrays: Arrays,
    epoch: int,
    begun: Begun,
    callbacks: list[Any],
    interrupt: Callable[[], bool],
) -> Epoch:
    """Train on all images, or on those a partly trained epoch has left, then validate.

    Calls `interrupt()` before every training and validation step, on JAX before every half a second of them, on
    TensorFlow with a GPU before every 16: its exceptions end the epoch; True raises Interrupted at the next training
    step. Raises TrainingDiverged.
    """
    if begun.steps:
        for generator, state in zip(generators(model), begun.generators, strict=True):
            generator.assign(state)
    else:
        seed_layers(model, recipe.seed, epoch)
    order = np.random.default_rng([recipe.seed, epoch]).permutation(arrays.training)
    clock = _Clock()
    watching = [clock.callback(), _watch(begun, clock, interrupt)]
    history = _fit(model, recipe, arrays, order, begun.steps, [*watching, *callbacks])
    values = {name: float(column[-1]) for name, column in history.items()}
    guessing = math.log(len(CLASSES))
    if not (values["loss"] <= 2 * guessing and math.isfinite(values["val_loss"])):
        raise TrainingDiverged(
            f"{recipe.model}: loss {values['loss']:.4g}, validation loss {values['val_loss']:.4g} in epoch {epoch};"
            f" guessing gives {guessing:.2f}. The earlier epochs are stored; try float32 or another seed."
        )
    return Epoch(
        epoch=epoch,
        seconds=begun.seconds + clock.total(),
        images_per_second=(len(order) - begun.steps * recipe.batch_size) / clock.training,
        **{name: values[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")},
    )


def _fit(
    model: "keras.Sequential", recipe: Recipe, arrays: Arrays, order: np.ndarray, done: int, callbacks: list[Any]
) -> dict[str, list[float]]:
    """The history of one epoch, from step `done` on: Keras's `fit`; on JAX ours, which starts many steps at once."""
    import keras

    positions = arrays.validation
    if keras.backend.backend() == "jax":
        sizes = recipe.batch_size, VALIDATION_BATCH
        training, validation = ((each.astype(np.int32), arrays.labels[each]) for each in (order, positions))
        return on_jax.fit(model, training, validation, sizes, done, callbacks)
    rest = order[done * recipe.batch_size :]
    history: dict[str, list[float]] = model.fit(
        batches(rest, arrays.labels[rest], recipe.batch_size),
        validation_data=batches(positions, arrays.labels[positions], VALIDATION_BATCH),
        shuffle=False,
        callbacks=callbacks,
        verbose=0,
    ).history
    return history


def _watch(begun: Begun, clock: "_Clock", interrupt: Callable[[], bool]) -> "keras.callbacks.Callback":
    """A callback that restores the metric sums of a resumed epoch and checks for interruption between steps.

    It checks before each step, because a hook after a step would make Keras wait for the device every time.
    """
    import keras

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # Keras has just reset the sums
            if begun.steps:
                for variable, value in zip(self.model.metrics_variables, begun.metrics, strict=True):
                    variable.assign(value)

        def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
            if interrupt() and batch:
                raise Interrupted(
                    Begun(
                        steps=begun.steps + batch,
                        metrics=tuple(float(variable) for variable in self.model.metrics_variables),
                        generators=tuple(tuple(np.asarray(state).tolist()) for state in generators(self.model)),
                        seconds=begun.seconds + clock.total(),
                    )
                )

        def on_test_batch_begin(self, batch: int, logs: object = None) -> None:
            interrupt()

    return Watch()


class _Clock:
    """Seconds of one epoch's training part and of the whole epoch."""

    def __init__(self) -> None:
        self.start, self.training = time.perf_counter(), 0.0

    def total(self) -> float:
        return time.perf_counter() - self.start

    def callback(self) -> "keras.callbacks.Callback":
        import keras

        def trained(_logs: object = None) -> None:
            self.training = self.total()

        return keras.callbacks.LambdaCallback(on_test_begin=trained)
