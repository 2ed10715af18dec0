"""The progress of a training in the store: one small object, and the weights that it points at.

A training has one owner at a time. `claim` writes the owner's name into the progress by compare-and-swap; from then on
every commit of a former owner fails, however long it slept. A checkpoint's name contains its owner and is never written
twice, so no process can damage or delete what another one's progress points at.
"""

import hashlib
import logging
import math
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from charrec.errors import InputError
from charrec.results import Epoch, Stored
from charrec.storage import Conflict, Corrupt, NotFound, Store, Unrecorded
from charrec.storage.disk import told
from charrec.storage.document import Foreign, document, foreign
from charrec.storage.interface import KEY, lost
from charrec.study import Frozen
from charrec.training.interruption import Begun

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Frozen)  # one epoch
Kind = TypeVar("Kind", bound="Held[Any]")

FLOAT32 = 4  # bytes
# What Keras and HDF5 raise for a file that holds no weights of the model.
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, MemoryError)
HEADERS = 1 << 20  # bytes that HDF5 adds at most; some 100 kB in the largest network here


class Checkpoint(Frozen):
    """Weights, optimizer slots and random generators after `epoch` epochs, and `begun` of the next."""

    epoch: int
    key: str
    sha256: str
    begun: Begun = Begun()


class Held(Frozen, Generic[Row]):
    """The state of a training: the one mutable object, written after the checkpoints that it points at."""

    owner: str = ""
    epochs: tuple[Row, ...] = ()
    parameters: int = 0
    last: Checkpoint | None = None
    best: Checkpoint | None = None  # of the best epoch, the earliest of equals

    def needed(self) -> set[str]:
        """The keys of its checkpoints."""
        return {checkpoint.key for checkpoint in (self.last, self.best) if checkpoint}


class Progress(Held[Epoch]):
    """Of a network of the study; the best epoch is that of the highest validation accuracy."""


class TakenOver(InputError):
    """Another process has claimed this training."""


@overload
def read_progress(store: Store, key: str) -> Progress: ...
@overload
def read_progress(store: Store, key: str, kind: type[Kind]) -> Kind: ...
def read_progress(store: Store, key: str, kind: Any = Progress) -> Any:
    """The progress of the training stored under `key`; an empty one where it has not begun, or has to begin anew."""
    try:
        return read_version(store, key, kind)[0]
    except (Corrupt, Foreign) as error:
        log.warning("the progress of %s cannot be read (%s)", key, error)
        return kind()


@overload
def read_version(store: Store, key: str) -> tuple[Progress, str | None]: ...
@overload
def read_version(store: Store, key: str, kind: type[Kind]) -> tuple[Kind, str | None]: ...
def read_version(store: Store, key: str, kind: Any = Progress) -> Any:
    """The progress and its version in the store, None where the training has not begun.

    Raises Corrupt, Foreign; Unrecorded, unless it is foreign too.
    """
    name = _name(key)
    try:
        data, version = store.read(name)
    except NotFound:
        return kind(), None
    except Unrecorded:
        content = BytesIO()
        store.seen(name, content)
        _parsed(content.getvalue(), name, kind)
        raise
    return _parsed(data, name, kind), version


def _parsed(data: bytes, name: str, kind: type[Kind]) -> Kind:
    progress = document(kind, data, name)
    if odd := [key for key in progress.needed() if not KEY.fullmatch(key)]:
        raise foreign(name, f"a checkpoint {odd[0]!r}")
    return progress


def mend(store: Store, key: str, kind: type[Held[Any]] = Progress) -> None:
    """Reset a damaged training: to its best epoch if only the last checkpoint is lost, else to the beginning.

    Damaged means that the progress cannot be read, or that a checkpoint is gone or has other bytes. Raises Unrecorded
    where all is whole but the record of it: no epoch is trained again for that.
    """
    try:
        progress, version = read_version(store, key, kind)
    except (Corrupt, Foreign) as error:
        log.warning("%s begins anew: its progress cannot be read (%s)", key, error)
        store.put(_name(key), kind().model_dump_json().encode())
        return
    gone = [one.key for one in (progress.last, progress.best) if one and lost(store, one.key, one.sha256)]
    if not gone or version is None:
        return
    best = progress.best if progress.best and progress.best.key not in gone else None
    kept = progress.epochs[: best.epoch] if best else ()
    log.warning("%s goes back to epoch %d: %s is gone or damaged", key, len(kept), ", ".join(gone))
    mended = progress.model_copy(update={"epochs": kept, "last": best, "best": best})
    with suppress(Conflict):  # a living owner has just replaced them
        store.swap(_name(key), mended.model_dump_json().encode(), version)


@overload
def claim(store: Store, key: str, owner: str, entitled: Callable[[], None] = ...) -> tuple[Progress, str]: ...
@overload
def claim(
    store: Store, key: str, owner: str, entitled: Callable[[], None], kind: type[Kind]
) -> tuple[Kind, str]: ...  # fmt: skip
def claim(
    store: Store, key: str, owner: str, entitled: Callable[[], None] = lambda: None, kind: Any = Progress
) -> Any:  # fmt: skip
    """Become the owner: returns the progress with this owner, and its version. Deletes leftovers of dead owners.

    `entitled()` raises if the training is another's by now. It is called after the progress is read: whoever is
    entitled later claims later, so this claim cannot overwrite theirs, however long this process sleeps between.
    Raises TakenOver if another owner claims it at the same moment.
    """
    progress, version = read_version(store, key, kind)
    entitled()
    mine = progress.model_copy(update={"owner": owner})
    new = commit(store, key, mine, version, progress)
    sweep_up(store, key, owner, kind)
    return mine, new


def save(model: "keras.Model", store: Store, key: str, owner: str, epoch: int, begun: Begun) -> Checkpoint:
    """Store weights and slots under a name that no other owner has. Raises OSError where there is no room for them."""
    steps = f"-{begun.steps}" if begun.steps else ""
    name = f"{key}/epoch-{epoch:03d}{steps}-{owner}.weights.h5"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.weights.h5"
        with told(path, "the temporary folder, TMPDIR"):
            _require_room(path, model)
            model.save_weights(path)
        digest = store.upload(path, name)
    return Checkpoint(epoch=epoch, key=name, sha256=digest, begun=begun)


def _require_room(path: Path, model: "keras.Model") -> None:
    """Raises OSError before HDF5 meets a full disk, which can end the whole process by a segmentation fault."""
    numbers = sum(math.prod(variable.shape) for variable in (*model.weights, *model.optimizer.variables))
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, FLOAT32 * numbers + HEADERS)
    path.unlink()


def load(model: "keras.Model", store: Store, checkpoint: "Checkpoint | Stored") -> None:
    """Weights and slots from the store, checked by their SHA-256 before Keras opens them.

    Raises Corrupt for other bytes, Foreign for the weights of another network; then the model is of no use.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.weights.h5"
        store.download(checkpoint.key, path)
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != checkpoint.sha256:
            raise Corrupt(
                f"{checkpoint.key} has SHA-256 {found}",
                checkpoint.sha256,
                "Run the study again: the training begins anew.",
            )
        try:
            model.load_weights(path)
        except UNREADABLE as error:
            if isinstance(error, OSError) and error.errno:
                raise  # the disk's, not the file's
            # Keras lists objects by their places in memory before and after what it says.
            _, _, first = str(error).partition(":\n\n")
            why = " ".join((first.partition("\n\n")[0] or str(error)).split())
            raise foreign(checkpoint.key, f"no weights of this network ({why})") from None


def resume(model: "keras.Model", store: Store, key: str, progress: Held[Any]) -> None:
    """Load the last checkpoint of a training that this process has claimed, if there is one.

    Raises TakenOver where it is gone because another owner has trained on since; else what `load` raises.
    """
    if progress.last is None:
        return
    try:
        load(model, store, progress.last)
    except NotFound:
        if read_version(store, key, type(progress))[0].owner != progress.owner:
            raise _taken_over(store, key) from None
        raise
    log.info("%s goes on after epoch %d", key, progress.last.epoch)


def commit(store: Store, key: str, progress: Held[Any], version: str | None, before: Held[Any]) -> str:
    """Store `progress` if nothing was written since `before`, and delete the checkpoints that it no longer needs.

    Raises TakenOver if another owner was first; its checkpoints stay whole.
    """
    data = progress.model_dump_json().encode()
    try:
        new = store.swap(_name(key), data, version) if version else store.create(_name(key), data)
    except Conflict:
        found, now = read_version(store, key, type(progress))
        if now is None or found != progress:
            # Not what is needed now: our write may have happened, its reply been lost, and another have claimed since.
            _delete(store, progress.needed() - before.needed() - found.needed())
            raise _taken_over(store, key) from None
        new = now  # it was our own write, whose reply was lost
    _delete(store, before.needed() - progress.needed())
    return new


def sweep_up(store: Store, key: str, owner: str, kind: type[Held[Any]] = Progress) -> None:
    """Delete checkpoints that killed owners uploaded and never committed, as long as `owner` owns the training.

    List first, then check the owner: a later owner uploads later, so whatever is listed and not needed is garbage for
    good, even if this process freezes here and wakes in the middle of another one's work.
    """
    listed = {entry.key for entry in store.list(f"{key}/epoch-")}
    progress = read_version(store, key, kind)[0]
    if progress.owner == owner:
        _delete(store, listed - progress.needed())


def _taken_over(store: Store, key: str) -> TakenOver:
    return TakenOver(
        f"{store.url}/{_name(key)} was changed by another process",
        "one process per training",
        "Wait for the other run of this study, or stop it; then start this one again.",
    )


def _delete(store: Store, keys: set[str]) -> None:
    for key in sorted(keys):
        store.delete(key)


def _name(key: str) -> str:
    return f"{key}/progress.json"
