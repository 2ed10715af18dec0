"""One epoch of a training; it may be interrupted between two steps, and go on from there."""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from charrec.alphabet import CLASSES
from charrec.data.arrays import Arrays
from charrec.results import Epoch
from charrec.study import Frozen
from charrec.training.batches import batches
from charrec.training.recipe import Recipe, generators, seed_layers

if TYPE_CHECKING:
    import keras

VALIDATION_BATCH = 512  # images; 2 cores read 12,000 of 128 px in 2.7 s, in 2.9 s by 128 at a time


class TrainingDiverged(RuntimeError):
    """The loss is no number, or twice as bad as that of guessing."""


class Begun(Frozen):
    """The first steps of an epoch, done; the weights and slots after them are a checkpoint's."""

    steps: int = 0
    metrics: tuple[float, ...] = ()  # what Keras has added up over those steps
    generators: tuple[tuple[int, ...], ...] = ()  # of the random layers; Keras leaves them out of weight files
    seconds: float = 0.0


class Interrupted(Exception):
    """The training stopped between two steps because it was asked to."""

    def __init__(self, begun: Begun) -> None:
        super().__init__(f"interrupted after {begun.steps} steps of an epoch")
        self.begun = begun


def train_epoch(
    model: "keras.Sequential",
    recipe: Recipe,
    arrays: Arrays,
    epoch: int,
    begun: Begun,
    callbacks: list[Any],
    interrupt: Callable[[], bool],
) -> Epoch:
    """Train and validate once over all images, or over the rest of them.

    `interrupt()` is asked before every step, and called in validation too; what it raises ends the epoch, True raises
    Interrupted. Raises TrainingDiverged.
    """
    if begun.steps:
        for generator, state in zip(generators(model), begun.generators, strict=True):
            generator.assign(state)
    else:
        seed_layers(model, recipe.seed, epoch)
    order = np.random.default_rng([recipe.seed, epoch]).permutation(arrays.training)
    rest = order[begun.steps * recipe.batch_size :]
    clock = _Clock()
    history = model.fit(
        batches(rest, arrays.labels[rest], recipe.batch_size),
        validation_data=batches(arrays.validation, arrays.labels[arrays.validation], VALIDATION_BATCH),
        shuffle=False,
        callbacks=[clock.callback(), _watch(begun, clock, interrupt), *callbacks],
        verbose=0,
    ).history
    values = {name: float(column[-1]) for name, column in history.items()}
    guessing = math.log(len(CLASSES))
    if not (values["loss"] <= 2 * guessing and math.isfinite(values["val_loss"])):
        raise TrainingDiverged(
            f"{recipe.model}: loss {values['loss']:.4g}, validation loss {values['val_loss']:.4g} in epoch {epoch};"
            f" guessing gives {guessing:.2f}. Its earlier epochs are stored; try float32 or another seed."
        )
    return Epoch(
        epoch=epoch,
        seconds=begun.seconds + clock.total(),
        images_per_second=len(rest) / clock.training,
        **{name: values[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")},
    )


def _watch(begun: Begun, clock: "_Clock", interrupt: Callable[[], bool]) -> "keras.callbacks.Callback":
    """Keras's part in going on and stopping: the sums of the steps before, and a look between two steps.

    Before a step and not after one: a hook after a step would have Keras wait for the device at each.
    """
    import keras

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # Keras has just set the sums to 0
            if begun.steps:
                for variable, value in zip(self.model.metrics_variables, begun.metrics, strict=True):
                    variable.assign(value)

        def asked(self) -> bool:
            try:
                return interrupt()
            except BaseException:
                _ = self.model  # on jax, brings back the variables that a step borrows, the resident images among them
                raise

        def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
            if self.asked() and batch:
                model = self.model  # on jax, this brings its variables up to date
                raise Interrupted(
                    Begun(
                        steps=begun.steps + batch,
                        metrics=tuple(float(variable) for variable in model.metrics_variables),
                        generators=tuple(tuple(np.asarray(state).tolist()) for state in generators(model)),
                        seconds=begun.seconds + clock.total(),
                    )
                )

        def on_test_batch_begin(self, batch: int, logs: object = None) -> None:
            self.asked()

    return Watch()


class _Clock:
    """Seconds of one epoch: its training part, and all of it."""

    def __init__(self) -> None:
        self.start, self.training = time.perf_counter(), 0.0

    def total(self) -> float:
        return time.perf_counter() - self.start

    def callback(self) -> "keras.callbacks.Callback":
        import keras

        def trained(_logs: object = None) -> None:
            self.training = self.total()

        return keras.callbacks.LambdaCallback(on_test_begin=trained)
