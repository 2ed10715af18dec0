"""Whose fault an error is: the machine's, which must not change a result, or perhaps the trial's."""

import re
from collections.abc import Iterator
from typing import Literal

from charrec.errors import InputError
from charrec.storage import DiskError
from charrec.storage.disk import FULL

MACHINES = (OSError, ImportError, InputError)  # disk, network, installation, store, settings
OUT_OF_MEMORY = ("ResourceExhaustedError", "RESOURCE_EXHAUSTED")  # TensorFlow's name; JAX's text
# What else they say where a device's memory ends, as InternalError: TensorFlow as it copies to the device, CUDA itself.
NO_MEMORY = re.compile(r"Dst tensor is not initialized|CUDA_ERROR_OUT_OF_MEMORY|\bout of memory\b", re.IGNORECASE)
STORING = ("charrec.storage", "charrec.training.checkpoints")  # h5py reports a full disk as a RuntimeError too
BOLD = re.compile(r"\x1b\[\d*m")  # what Keras sets its errors in, for terminals
LONGEST = 500  # characters of another library's message; TensorFlow's begin with the kind and end with the reason


class MachineAtFault(RuntimeError):
    """A worker cannot go on, and no trial is to blame; another worker can take its trial."""


def is_the_machines(error: BaseException) -> bool:
    """Whether the error, or one that led to it, says nothing about the network in training."""
    return _kind(error) == "machine"


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ended, the process's or a device's: the network is too large, or somebody else has the memory."""
    return _kind(error) == "memory"


def let_go(error: BaseException) -> None:
    """Drop the tracebacks of the error and of those that led to it: their frames hold the network in training.

    So do the frames that called these, which Keras leaves out of a traceback: to clear each frame is not enough.
    """
    following: list[BaseException | None] = [error]
    seen: set[int] = set()
    while following:
        one = following.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            following += [one.__cause__, one.__context__]  # TensorFlow hides the latter by `from None`; it is there


def at_fault(error: BaseException, where: str) -> MachineAtFault:
    """The error of a worker at the search `where` whose machine failed."""
    if isinstance(error, DiskError):  # it names the place and the remedy
        return MachineAtFault(f"a worker at {where} ended, and no trial has failed by this: {error}")
    full = any(isinstance(one, OSError) and one.errno in FULL for one in _chain(error))
    remedy = "Make room in the store or in the folder for temporary files (TMPDIR)" if full else "Mend that"
    return MachineAtFault(
        f"a worker at {where} ended with {in_a_line(described(error))}; expected a machine that can finish a trial."
        f" This counts as no trial's failure, and stored epochs stay. {remedy}, then run the same command again."
    )


def unfit_after(trial: str, said: str, unable: BaseException, where: str, counts: bool) -> MachineAtFault:
    """The error of a worker that `trial` failed on, and that cannot train any more; `counts`: for the trial's failure.

    `unable`: what it met as it repeated an epoch of a trial that has completed.
    """
    judged = "its failure, since it ended other workers before" if counts else "no failure of the trial, which waits"
    return MachineAtFault(
        f"trial {trial} failed on a worker at {where}: {in_a_line(said)}; after it the worker could not repeat an epoch"
        f" of a completed trial: {in_a_line(described(unable))}; expected a machine that can train. This counts as"
        f" {judged}, and stored epochs stay. See who else uses the memory or the device, then run the same command"
        " again."
    )


def described(error: BaseException) -> str:
    """The error's type and message."""
    message = BOLD.sub("", str(error))
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def in_a_line(text: str) -> str:
    """The text without line ends, and without its middle if it is long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)


def _kind(error: BaseException) -> Literal["machine", "memory"] | None:
    """What the error says, or else the first of those that led to it which says anything."""
    return next((kind for one in _chain(error) if (kind := _says(one))), None)


def _says(error: BaseException) -> Literal["machine", "memory"] | None:
    if isinstance(error, MACHINES):
        return "machine"
    named = type(error).__name__ in OUT_OF_MEMORY or str(error).startswith(OUT_OF_MEMORY)
    if named or isinstance(error, MemoryError) or NO_MEMORY.search(str(error)):
        return "memory"
    return "machine" if any(module.startswith(STORING) for module in _passed(error)) else None


def _passed(error: BaseException) -> Iterator[str]:
    """The modules that the error passed through."""
    trace = error.__traceback__
    while trace:
        yield str(trace.tb_frame.f_globals.get("__name__", ""))
        trace = trace.tb_next
