"""A recipe and images -> a history and weights, resumable at every epoch, and mid-epoch after a request to stop.

After each epoch the weights and optimizer slots are stored, then the history that points at them. The order of the
images and every random layer are seeded by (seed, epoch). A training that was killed and resumed therefore has the
history and weights of an undisturbed one, bit for bit on a CPU.
"""

import logging
import math
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from charrec.data.arrays import Arrays
from charrec.results import Epoch
from charrec.storage import Store
from charrec.training.checkpoints import Checkpoint, Progress, claim, commit, mend, read_progress, resume, save
from charrec.training.epoch import train_epoch
from charrec.training.interruption import Begun, Interrupted
from charrec.training.recipe import Recipe, compiled, network_of

log = logging.getLogger(__name__)


def train(
    recipe: Recipe,
    arrays: Arrays,
    epochs: int,
    store: Store,
    key: str,
    show: Callable[[str, int, int], Any] | None = None,
    owner: str | None = None,
    interrupt: Callable[[], bool] = lambda: False,
    entitled: Callable[[], None] = lambda: None,
) -> Progress:
    """Train until `epochs` epochs are done in all, resuming from the progress stored under `key`.

    `show(title, epoch, epochs)` is called before each epoch and may return a Keras callback, for a progress bar.
    `interrupt()` is called before each step; True checkpoints there and raises Interrupted. A second process under the
    same key takes over, and the first raises TakenOver; `owner` is this process's unique name. Raises
    TrainingDiverged; earlier epochs stay stored.
    """
    mend(store, key)
    if len((progress := read_progress(store, key)).epochs) >= epochs:
        return progress
    owner = owner or uuid4().hex[:8]
    progress, version = claim(store, key, owner, entitled)
    model = compiled(recipe, arrays, epochs)
    resume(model, store, key, progress)

    def store_as(after: Progress) -> None:
        nonlocal progress, version
        version = commit(store, key, after, version, progress)
        progress = after

    for epoch in range(len(progress.epochs) + 1, epochs + 1):
        shown = show(recipe.model, epoch, epochs) if show else None
        begun = progress.last.begun if progress.last else Begun()
        try:
            row = train_epoch(model, recipe, arrays, epoch, begun, [shown] if shown else [], interrupt)
        except Interrupted as stop:
            last = save(model, store, key, owner, epoch - 1, stop.begun)
            store_as(progress.model_copy(update={"last": last}))
            raise
        checkpoint = save(model, store, key, owner, epoch, Begun())
        store_as(_extended(progress, row, checkpoint, network_of(model).count_params()))
        log.info(
            "%s epoch %d/%d: loss %.4f, accuracy %.4f, val_loss %.4f, val_accuracy %.4f, %.0f images/s",
            recipe.model, epoch, epochs, row.loss, row.accuracy, row.val_loss, row.val_accuracy,
            row.images_per_second,
        )  # fmt: skip
    return progress


def _extended(progress: Progress, row: Epoch, checkpoint: Checkpoint, parameters: int) -> Progress:
    """`progress` with one more epoch."""
    best_so_far = max((e.val_accuracy for e in progress.epochs), default=-math.inf)
    return progress.model_copy(
        update={
            "epochs": (*progress.epochs, row),
            "parameters": parameters,
            "last": checkpoint,
            "best": checkpoint if row.val_accuracy > best_so_far else progress.best,
        }
    )
