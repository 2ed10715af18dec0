"""One recipe -> a history and weights, resumable at every epoch.

After each epoch the weights with the optimizer's slots, then the history that points at them, go to the
store. The order of the images and every random layer are seeded by (seed, epoch), so a training that was
killed and goes on has the history and the weights of one that was not, bit for bit on a CPU.
"""

import hashlib
import logging
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from charrec.alphabet import CLASSES
from charrec.errors import InputError
from charrec.models import build
from charrec.models.convnet import ConvNet
from charrec.results import Epoch
from charrec.storage import Conflict, Corrupt, Store
from charrec.study import Frozen

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

VALIDATION_BATCH = 512  # images; on 2 cores the rate is flat from 256 on, a GPU wants more


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


class Checkpoint(Frozen):
    """Weights and optimizer slots after `epoch` epochs."""

    epoch: int
    key: str
    sha256: str


class Progress(Frozen):
    """How far a training is: the one object that is changed, after what it points at is stored."""

    epochs: tuple[Epoch, ...] = ()
    parameters: int = 0
    last: Checkpoint | None = None
    best: Checkpoint | None = None  # of the highest validation accuracy, the earliest of equals


class TrainingDiverged(RuntimeError):
    """The loss is not a number, or is worse than twice that of guessing."""


def read_progress(store: Store, key: str) -> Progress:
    """The progress of the training stored under `key`; an empty one where it has not begun."""
    name = f"{key}/progress.json"
    return Progress.model_validate_json(store.get(name)) if store.exists(name) else Progress()


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
    progress = read_progress(store, key)
    if len(progress.epochs) >= epochs:
        return progress
    model = compiled(recipe, arrays)
    if progress.last:
        load(model, store, progress.last)
        log.info("%s goes on after epoch %d", key, progress.last.epoch)
    version = store.read(f"{key}/progress.json")[1] if progress.last else None
    for epoch in range(len(progress.epochs) + 1, epochs + 1):
        shown = show(recipe.model, epoch, epochs) if show else None
        row = _train_epoch(model, recipe, arrays, epoch, [shown] if shown else [])
        was, progress = progress, _saved(model, store, key, progress, row)
        version = _commit(store, key, progress, version)
        for old in {was.last, was.best} - {progress.last, progress.best}:
            if old:
                store.delete(old.key)
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


def load(model: "keras.Sequential", store: Store, checkpoint: Checkpoint) -> None:
    """Weights and optimizer slots from the store, checked by their SHA-256 before Keras opens them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.weights.h5"
        store.download(checkpoint.key, path)
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != checkpoint.sha256:
            raise Corrupt(
                f"{checkpoint.key} has SHA-256 {found}",
                checkpoint.sha256,
                "Delete the training's folder in the store and run again.",
            )
        model.load_weights(path)


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
    if not values["loss"] <= 2 * guessing:
        raise TrainingDiverged(
            f"{recipe.model}: training loss {values['loss']:.4g} in epoch {epoch}; guessing gives"
            f" {guessing:.2f}. Its earlier epochs are stored; try float32 or another seed."
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


def _saved(model: "keras.Sequential", store: Store, key: str, progress: Progress, row: Epoch) -> Progress:
    """`progress` with `row`, its checkpoint stored under a name of its own."""
    name = f"{key}/epoch-{row.epoch:03d}.weights.h5"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.weights.h5"
        model.save_weights(path)
        checkpoint = Checkpoint(epoch=row.epoch, key=name, sha256=store.upload(path, name))
    best_so_far = max((e.val_accuracy for e in progress.epochs), default=-math.inf)
    return Progress(
        epochs=(*progress.epochs, row),
        parameters=network_of(model).count_params(),
        last=checkpoint,
        best=checkpoint if row.val_accuracy > best_so_far else progress.best,
    )


def _commit(store: Store, key: str, progress: Progress, version: str | None) -> str:
    name, data = f"{key}/progress.json", progress.model_dump_json().encode()
    try:
        return store.swap(name, data, version) if version else store.create(name, data)
    except Conflict as conflict:
        raise InputError(
            f"{store.url}/{name} was changed by another process",
            "one process per training",
            "Wait for the other run of this study, or stop it; then start this one again.",
        ) from conflict


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
