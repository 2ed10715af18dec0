"""Whose fault an error is: the machine's, which must not change a result, or perhaps the trial's."""

import re
from collections.abc import Iterator

from charrec.errors import InputError
from charrec.storage import DiskError
from charrec.storage.disk import FULL

MACHINES = (OSError, ImportError, MemoryError, InputError)  # disk, network, installation, memory, store, settings
OUT_OF_MEMORY = ("ResourceExhaustedError", "RESOURCE_EXHAUSTED")  # TensorFlow's name; JAX's text
# What else they say where a device's memory ends, as InternalError: TensorFlow as it copies to the device, CUDA itself.
NO_MEMORY = re.compile(r"Dst tensor is not initialized|CUDA_ERROR_OUT_OF_MEMORY|\bout of memory\b", re.IGNORECASE)
STORING = ("charrec.storage", "charrec.training.checkpoints")  # h5py reports a full disk as a RuntimeError too
LONGEST = 500  # characters of another library's message; TensorFlow's begin with the kind and end with the reason


class MachineAtFault(RuntimeError):
    """A worker cannot go on, and no trial is to blame; another worker can take its trial."""


def is_the_machines(error: BaseException) -> bool:
    """Whether the error, or one that led to it, says nothing about the network in training."""
    return any(_says_nothing_of_a_network(one) for one in _chain(error))


def at_fault(error: BaseException, where: str) -> MachineAtFault:
    """The error of a worker at the search `where` whose machine failed."""
    if isinstance(error, DiskError):  # it names the place and the remedy
        return MachineAtFault(f"a worker at {where} ended, and no trial has failed by this: {error}")
    full = any(isinstance(one, OSError) and one.errno in FULL for one in _chain(error))
    remedy = "Make room in the store or in the folder for temporary files (TMPDIR)" if full else "Mend that"
    return MachineAtFault(
        f"a worker at {where} ended with {in_a_line(described(error))}; expected a machine that can finish a trial."
        f" This counts as no trial's failure, and stored epochs stay. {remedy}, then run the study or the worker again."
    )


def described(error: BaseException) -> str:
    """The error's type and message."""
    return f"{type(error).__name__}: {error}"


def in_a_line(text: str) -> str:
    """The text without line ends, and without its middle if it is long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)


def _says_nothing_of_a_network(error: BaseException) -> bool:
    if isinstance(error, MACHINES) or type(error).__name__ in OUT_OF_MEMORY or str(error).startswith(OUT_OF_MEMORY):
        return True
    if NO_MEMORY.search(str(error)):
        return True
    return any(module.startswith(STORING) for module in _passed(error))


def _passed(error: BaseException) -> Iterator[str]:
    """The modules that the error passed through."""
    trace = error.__traceback__
    while trace:
        yield str(trace.tb_frame.f_globals.get("__name__", ""))
        trace = trace.tb_next
