"""One recipe -> a history and weights, resumable at every epoch.

After each epoch the weights with the optimizer's slots, then the history that points at them, go to the
store. The order of the images and every random layer are seeded by (seed, epoch), so a training that was
killed and goes on has the history and the weights of one that was not, bit for bit on a CPU.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from charrec.alphabet import CLASSES
from charrec.checkpoints import Checkpoint, Progress, commit, load, read_version, save
from charrec.models import build
from charrec.models.convnet import ConvNet
from charrec.results import Epoch
from charrec.storage import Store
from charrec.study import Frozen

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

VALIDATION_BATCH = 512  # images; 2 cores read 12,000 of 128 px in 2.7 s, in 2.9 s by 128 at a time


class Recipe(Frozen):
    """All that decides what a training yields, but for its data and its number of epochs."""

    model: str
    network: ConvNet | None  # model 4 alone
    seed: int
    batch_size: int
    image_size: int
    image_channels: int
    precision: str  # "float32" or "mixed_bfloat16", decided


@dataclass(frozen=True)
class Arrays:
    """The images, resident, and which of them train and validate; nothing is read or decoded later."""

    images: np.ndarray  # (n, size, size) uint8
    labels: np.ndarray  # (n,) int64
    training: np.ndarray  # (k,) int64, positions in images
    validation: np.ndarray  # (m,) int64


class TrainingDiverged(RuntimeError):
    """The loss is no number, or twice as bad as that of guessing."""


def train(
    recipe: Recipe,
    arrays: Arrays,
    epochs: int,
    store: Store,
    key: str,
    show: Callable[[str, int, int], Any] | None = None,
) -> Progress:
    """Train until `epochs` epochs are done in all, going on from what is stored under `key`.

    `show(title, epoch, epochs)` is called before each epoch and may return a Keras callback, for a bar.
    Raises TrainingDiverged; the epochs before it stay stored.
    """
    progress, version = read_version(store, key)
    if len(progress.epochs) >= epochs:
        return progress
    model = compiled(recipe, arrays)
    if progress.last:
        load(model, store, progress.last)
        log.info("%s goes on after epoch %d", key, progress.last.epoch)
    for epoch in range(len(progress.epochs) + 1, epochs + 1):
        shown = show(recipe.model, epoch, epochs) if show else None
        row = _train_epoch(model, recipe, arrays, epoch, [shown] if shown else [])
        checkpoint = save(model, store, key, epoch)
        progress = _extended(progress, row, checkpoint, network_of(model).count_params())
        version = commit(store, key, progress, version)
        log.info(
            "%s epoch %d/%d: loss %.4f, accuracy %.4f, val_loss %.4f, val_accuracy %.4f, %.0f images/s",
            recipe.model, epoch, epochs, row.loss, row.accuracy, row.val_loss, row.val_accuracy,
            row.images_per_second,
        )  # fmt: skip
    return progress


def compiled(recipe: Recipe, arrays: Arrays) -> "keras.Sequential":
    """(n,) positions in `arrays.images` -> (n, 62) logits, with Adam at its defaults, as on the slides."""
    import keras

    from charrec.lookup import Lookup

    keras.utils.set_random_seed(recipe.seed)
    shape = (recipe.image_size, recipe.image_size, recipe.image_channels)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        network = build(recipe.model)(shape, len(CLASSES), **({"net": recipe.network} if recipe.network else {}))
    finally:
        keras.config.set_dtype_policy(before)
    lookup = Lookup(arrays.images, recipe.image_channels)
    model = keras.Sequential([keras.Input((), dtype="int32"), lookup, network])
    model.compile(
        optimizer=keras.optimizers.Adam(),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.optimizer.build(model.trainable_variables)  # or load_weights drops the slots in silence
    return model


def network_of(model: "keras.Sequential") -> "keras.Sequential":
    """The network itself: (n, size, size, channels) -> (n, 62) logits."""
    return model.layers[-1]


def _train_epoch(model: "keras.Sequential", recipe: Recipe, arrays: Arrays, epoch: int, callbacks: list[Any]) -> Epoch:
    seed_layers(model, recipe.seed, epoch)
    order = np.random.default_rng([recipe.seed, epoch]).permutation(arrays.training)
    clock = _Clock()
    history = model.fit(
        order.astype(np.int32),
        arrays.labels[order],
        batch_size=recipe.batch_size,
        shuffle=False,
        validation_data=(arrays.validation.astype(np.int32), arrays.labels[arrays.validation]),
        validation_batch_size=VALIDATION_BATCH,
        callbacks=[clock.callback(), *callbacks],
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
        seconds=clock.total(),
        images_per_second=len(order) / clock.training,
        **{name: values[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")},
    )


def seed_layers(model: "keras.Sequential", seed: int, epoch: int) -> None:
    """Set every random layer's generator from (seed, epoch, its place), so that no epoch needs its past."""
    states = [v for v in model.variables if v.name == "seed_generator_state"]
    for place, state in enumerate(states):
        state.assign(np.random.SeedSequence([seed, epoch, place]).generate_state(2))


def _extended(progress: Progress, row: Epoch, checkpoint: Checkpoint, parameters: int) -> Progress:
    """`progress` with one more epoch."""
    best_so_far = max((e.val_accuracy for e in progress.epochs), default=-math.inf)
    return Progress(
        epochs=(*progress.epochs, row),
        parameters=parameters,
        last=checkpoint,
        best=checkpoint if row.val_accuracy > best_so_far else progress.best,
    )


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
