"""Where a training stands, in the store: one small object, and the weights that it points at."""

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from charrec.errors import InputError
from charrec.results import Epoch
from charrec.storage import Conflict, Corrupt, Store
from charrec.study import Frozen

if TYPE_CHECKING:
    import keras


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


def read_progress(store: Store, key: str) -> Progress:
    """The progress of the training stored under `key`; an empty one where it has not begun."""
    return read_version(store, key)[0]


def read_version(store: Store, key: str) -> tuple[Progress, str | None]:
    """The progress and its version in the store, None where the training has not begun."""
    if not store.exists(_name(key)):
        return Progress(), None
    data, version = store.read(_name(key))
    return Progress.model_validate_json(data), version


def save(model: "keras.Sequential", store: Store, key: str, epoch: int) -> Checkpoint:
    """Store weights and slots under a name that no other process can have."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.weights.h5"
        model.save_weights(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        name = f"{key}/epoch-{epoch:03d}-{digest[:12]}.weights.h5"
        store.upload(path, name)
    return Checkpoint(epoch=epoch, key=name, sha256=digest)


def load(model: "keras.Sequential", store: Store, checkpoint: Checkpoint) -> None:
    """Weights and slots from the store, checked by their SHA-256 before Keras opens them."""
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


def commit(store: Store, key: str, progress: Progress, version: str | None) -> str:
    """Make `progress` what counts, if nobody else has written since `version`, and drop what it no longer needs.

    Raises InputError where another process was first; its checkpoints stay whole.
    """
    data = progress.model_dump_json().encode()
    try:
        new = store.swap(_name(key), data, version) if version else store.create(_name(key), data)
    except Conflict as conflict:
        if progress.last:
            store.delete(progress.last.key)
        raise InputError(
            f"{store.url}/{_name(key)} was changed by another process",
            "one process per training",
            "Wait for the other run of this study, or stop it; then start this one again.",
        ) from conflict
    needed = {checkpoint.key for checkpoint in (progress.last, progress.best) if checkpoint}
    for entry in store.list(f"{key}/epoch-"):  # also what a process left that died before its own commit
        if entry.key not in needed:
            store.delete(entry.key)
    return new


def _name(key: str) -> str:
    return f"{key}/progress.json"
