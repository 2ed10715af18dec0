"""Whose fault an error is: what a machine cannot do says nothing about a network."""

import errno
import gc
import os
import resource
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tensorflow as tf

from charrec.errors import InputError
from charrec.storage import Conflict, DiskError, NotFound, open_store
from charrec.sweep.blame import (
    MachineAtFault,
    at_fault,
    described,
    is_the_machines,
    let_go,
    out_of_memory,
    unfit_after,
)
from charrec.training.checkpoints import load, save
from charrec.training.epoch import TrainingDiverged
from charrec.training.interruption import Begun
from charrec.training.recipe import Arrays, compiled
from tests.toy import RECIPE, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

NO_ROOM = OSError(errno.ENOSPC, "No space left on device", "/scratch/model.weights.h5")


def raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        NO_ROOM,
        *(OSError(number, os.strerror(number)) for number in (errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE)),
        PermissionError(errno.EACCES, "Permission denied"),
        ConnectionError("the bucket gave no whole reply"),
        TimeoutError("100 conflicts in a row"),
        ImportError("libcudart.so.12: cannot open shared object file"),
        ModuleNotFoundError("No module named 'h5py'"),
        InputError("the bucket answers 403", "a bucket that may be written", "Correct the credentials."),
        raised_from(RuntimeError("the callback failed"), NO_ROOM),
        raised_from(ValueError("no layer"), raised_from(RuntimeError("no backend"), ImportError("no module"))),
        raised_from(ConnectionError("the bucket gave no reply"), MemoryError()),  # the latter word counts
    ],
    ids=repr,
)
def test_what_is_the_machines(error: Exception) -> None:
    assert is_the_machines(error)
    assert not out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate"),  # JAX
        tf.errors.InternalError(None, None, "Failed copying input tensor to GPU:0: Dst tensor is not initialized."),
        RuntimeError("INTERNAL: CUDA_ERROR_OUT_OF_MEMORY: out of memory"),
        raised_from(RuntimeError("the callback failed"), MemoryError("Unable to allocate 8 EiB")),
        raised_from(MemoryError(), NO_ROOM),  # as after a file that is not in the cache
    ],
    ids=repr,
)
def test_where_memory_ends_the_trial_may_be_too_large(error: Exception) -> None:
    assert out_of_memory(error)
    assert not is_the_machines(error)


@pytest.mark.parametrize(
    "error",
    [
        TrainingDiverged("loss nan"),
        ValueError("negative dimension size"),
        ZeroDivisionError(),
        tf.errors.InvalidArgumentError(None, None, "a label outside the valid range"),
        raised_from(RuntimeError("the step failed"), ValueError("a shape")),
    ],
    ids=repr,
)
def test_what_may_be_the_trials(error: Exception) -> None:
    assert not is_the_machines(error)
    assert not out_of_memory(error)


def test_an_error_that_hides_where_it_came_from_is_taken_as_it_is() -> None:
    def hide() -> None:
        try:
            raise ImportError("an optional package")
        except ImportError:
            raise ValueError("a shape") from None

    with pytest.raises(ValueError, match="a shape") as raised:
        hide()
    assert is_the_machines(raised.value.__context__ or raised.value)
    assert not is_the_machines(raised.value)


class Network:
    """What an error's frames may hold."""


def test_an_error_that_is_let_go_holds_no_network_nor_do_those_that_led_to_it() -> None:
    held: list[weakref.ref[Network]] = []

    def train() -> None:
        network = Network()
        held.append(weakref.ref(network))
        raise MemoryError

    def hide() -> None:
        network = Network()
        held.append(weakref.ref(network))
        try:
            train()
        except MemoryError:
            raise RuntimeError("RESOURCE_EXHAUSTED") from None  # as TensorFlow does

    met: list[RuntimeError] = []  # pytest.raises would hold the traceback
    try:
        hide()
    except RuntimeError as error:
        met.append(error)
    gc.collect()
    assert all(one() for one in held)
    let_go(met[0])
    gc.collect()
    assert [one() for one in held] == [None, None]
    assert out_of_memory(met[0])


@pytest.mark.parametrize("error", [NotFound("t/epoch-001.weights.h5"), Conflict("t/progress.json has changed")])
def test_whatever_the_store_raises_is_the_machines(error: Exception, tmp_path: Path) -> None:
    assert not is_the_machines(error)
    store = open_store(str(tmp_path))
    with pytest.raises(type(error)) as raised:
        store.get("t/nothing") if isinstance(error, NotFound) else store.swap("t/nothing", b"", "0")
    assert is_the_machines(raised.value)


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """A full disk, to this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_checkpoint_for_which_there_is_no_room_is_the_machines(tmp_path: Path, arrays: Arrays) -> None:
    """HDF5 itself would end this process by a segmentation fault."""
    model = compiled(RECIPE, arrays)
    with files_no_longer_than(10_000), pytest.raises(OSError, match="File too large") as raised:
        save(model, open_store(str(tmp_path)), "t", "owner", 1, Begun())
    assert is_the_machines(raised.value)


def test_a_checkpoint_that_is_gone_is_the_machines(tmp_path: Path, arrays: Arrays) -> None:
    store, model = open_store(str(tmp_path)), compiled(RECIPE, arrays)
    checkpoint = save(model, store, "t", "owner", 1, Begun())
    store.delete(checkpoint.key)
    with pytest.raises(NotFound) as raised:
        load(model, store, checkpoint)
    assert is_the_machines(raised.value)


def test_the_error_of_a_worker_says_where_what_and_what_to_do() -> None:
    error = at_fault(NO_ROOM, "file:///store/sweeps/0123")
    assert isinstance(error, MachineAtFault)
    assert str(error) == (
        "a worker at file:///store/sweeps/0123 ended with OSError: [Errno 28] No space left on device:"
        " '/scratch/model.weights.h5'; expected a machine that can finish a trial. This counts as no trial's failure,"
        " and stored epochs stay. Make room in the store or in the folder for temporary files (TMPDIR), then run the"
        " same command again."
    )
    disk = DiskError(errno.ENOSPC, "/tmp/w.h5 cannot be written: no space. Make room, and run again.")
    assert str(at_fault(disk, "there")) == f"a worker at there ended, and no trial has failed by this: {disk}"
    long = str(at_fault(ValueError("first\n\n" + 10_000 * "x" + "\tlast"), "there"))
    assert "ValueError: first xxx" in long
    assert "xxx last; expected" in long
    assert len(long) < 800
    assert "Mend that, then run the same command" in str(at_fault(ImportError("no module"), "s3://bucket/sweeps/0123"))


@pytest.mark.parametrize(
    ("counts", "said"),
    [(False, "no failure of the trial, which waits,"), (True, "its failure, since it ended other workers before,")],
)
def test_the_error_of_a_worker_that_cannot_train_after_a_trial_says_what_becomes_of_that(
    counts: bool, said: str
) -> None:
    error = unfit_after("0003", "out of memory (MemoryError)", MemoryError("again"), "s3://bucket/sweeps/0123", counts)
    assert str(error) == (
        "trial 0003 failed on a worker at s3://bucket/sweeps/0123: out of memory (MemoryError); after it the worker"
        " could not repeat an epoch of a completed trial: MemoryError: again; expected a machine that can train. This"
        f" counts as {said} and stored epochs stay. See who else uses the memory or the device, then run the same"
        " command again."
    )


def test_an_error_is_described_without_a_terminals_codes() -> None:
    assert described(ValueError("\x1b[1mno pixel is left\x1b[0m")) == "ValueError: no pixel is left"
    assert described(MemoryError()) == "MemoryError"
