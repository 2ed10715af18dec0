"""The machine's GPUs, listed without importing a framework."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

from charrec.errors import InputError

PATIENCE = 30.0  # seconds; a driver that keeps nothing in memory takes about one per GPU to answer
ANSWER = 1 << 20  # bytes that are read of an answer; 16 GPUs, each in 7 MIG instances, are listed in 10 kB
FILES = Path("/dev")  # where the driver shows a GPU as nvidia0, nvidia1, ...
# In CUDA_VISIBLE_DEVICES these hide every GPU from there on.
HIDDEN = ("", "-1", "none", "void", "nodevfiles")
TABLE = re.compile(r"(?P<number>\d+), *(?P<uuid>GPU-[^,\s]+), *(?P<name>.+)")  # --query-gpu
LIST = re.compile(r"GPU (?P<number>\d+): (?P<name>.+) \(UUID: (?P<uuid>GPU-[^)\s]+)\)")  # -L
INSTANCE = re.compile(r"(?P<profile>MIG \S+)\s+Device\s+\d+: \(UUID: (?P<uuid>MIG-[^)\s]+)\)")  # -L, below its GPU
USE_CPU = "or choose --devices cpu"


class Gpu(NamedTuple):
    """A GPU, or an instance of one that MIG divides."""

    visible_as: str  # in CUDA_VISIBLE_DEVICES: nvidia-smi's index; of an instance its UUID
    name: str


class Card(NamedTuple):
    """A GPU as nvidia-smi lists it."""

    number: str
    uuid: str
    name: str
    instances: list[tuple[str, str]]  # of MIG: UUID, profile

    def parts(self) -> list[Gpu]:
        """What a process can use: the instances, since CUDA cannot use a divided card as a whole; else the card."""
        return [Gpu(uuid, f"{self.name} {profile}") for uuid, profile in self.instances] or [
            Gpu(self.number, self.name)
        ]


@cache
def gpus() -> tuple[Gpu, ...]:
    """The NVIDIA GPUs that this process may use, each once, in the order of CUDA_VISIBLE_DEVICES.

    Raises InputError where one is there, or asked for, and cannot be listed: else the CPU would take its place unseen.
    """
    wanted = _wanted()
    if wanted == []:
        return ()
    cards = _cards(wanted)
    if wanted is None:
        return tuple(gpu for card in cards for gpu in card.parts())
    return tuple(dict.fromkeys(gpu for name in wanted for gpu in _named(name, cards)))


def gpu_names() -> tuple[str, ...]:
    """The names of the GPUs that this process may use; raises like `gpus`."""
    return tuple(gpu.name for gpu in gpus())


def require_usable_gpu(backend: str | None = None) -> None:
    """Raises InputError if this process sees a GPU on which its Keras backend, or `backend`, would not compute.

    Also where JAX sees a driver and no GPU: it would raise an error of its own in the middle of a training.
    """
    names = gpu_names()
    if backend is None:
        import keras

        backend = keras.backend.backend()
    if not names and backend != "jax":
        return
    if on_gpu(backend) or not names:
        return
    if backend == "jax" and (platforms := os.environ.get("JAX_PLATFORMS")):
        raise InputError(
            f"{names[0]} is visible, but JAX_PLATFORMS is {platforms!r}",
            "JAX_PLATFORMS unset",
            f"Unset it, {USE_CPU}.",
        )
    raise InputError(
        f"{names[0]} is visible, but Keras on {backend} finds no GPU",
        "a backend built with GPU support",
        "Install one with `make install LOCK=infra/requirements-gpu.lock`, or choose --devices cpu.",
    )


def on_gpu(backend: str) -> bool:
    """Whether this backend of Keras computes on a GPU in this process. Raises InputError where JAX cannot start.

    Without CUDA, JAX computes on the CPU and does no more than log a warning.
    """
    if backend == "jax":
        import jax

        try:
            return jax.default_backend() != "cpu"
        except RuntimeError as error:
            raise InputError(
                f"JAX cannot start: {' '.join(str(error).split())[:300]}",
                "a GPU that it can use, or none that it looks for",
                "Mend the driver until nvidia-smi lists the GPU, or set CUDA_VISIBLE_DEVICES= and JAX_PLATFORMS=cpu.",
            ) from None
    import keras

    return bool(keras.distribution.list_devices("gpu"))


def _wanted() -> list[str] | None:
    """The entries of CUDA_VISIBLE_DEVICES up to the first that hides the rest, as CUDA reads it; None if unset."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return None
    entries = [entry.strip() for entry in visible.split(",")]
    hidden = next((place for place, entry in enumerate(entries) if entry.lower() in HIDDEN), len(entries))
    return entries[:hidden]


def _named(wanted: str, cards: list[Card]) -> list[Gpu]:
    """The GPU of an index, of a UUID or of the beginning of a UUID."""
    if wanted.isdecimal():
        found = [card.parts() for card in cards if card.number == str(int(wanted))]
    else:
        found = [card.parts() for card in cards if card.uuid.startswith(wanted)] if wanted.startswith("GPU-") else []
        instances = [(card, *instance) for card in cards for instance in card.instances]
        if wanted.startswith("MIG-"):
            found = [[Gpu(uuid, f"{card.name} {kind}")] for card, uuid, kind in instances if uuid.startswith(wanted)]
    if len(found) != 1:
        listed = [name for card in cards for name in (card.number, card.uuid, *(uuid for uuid, _ in card.instances))]
        raise InputError(
            f"CUDA_VISIBLE_DEVICES names {wanted!r}, which {'several GPUs share' if found else 'no GPU has'}",
            f"one of {', '.join(listed)}" if listed else "a GPU, and nvidia-smi lists none",
            f"Correct CUDA_VISIBLE_DEVICES, {USE_CPU}.",
        )
    return found[0]


def _cards(wanted: list[str] | None) -> list[Card]:
    """Every GPU of the machine."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        file = next(iter(sorted(FILES.glob("nvidia[0-9]*"))), None)
        if not (wanted or file):
            return []
        raise InputError(
            f"CUDA_VISIBLE_DEVICES names {wanted[0]!r}" if wanted else f"there is a GPU, {file}",
            "an nvidia-smi on PATH that lists it",
            f"Install NVIDIA's driver, in a container with NVIDIA_DRIVER_CAPABILITIES=compute,utility, "
            f"{'unset CUDA_VISIBLE_DEVICES, ' if wanted else ''}{USE_CPU}.",
        )
    status, answer = _answer(tool, "--query-gpu=index,uuid,name", "--format=csv,noheader")
    if "No devices were found" in answer:
        return []
    if status:
        raise _unusable(f"answers {_shown(answer)}" if answer.strip() else f"ends with status {status} and no answer")
    cards = list(_read(answer))
    if cards and not any(card.instances for card in cards):
        _divide(cards, _answer(tool, "-L")[1])
    return cards


def _read(answer: str) -> Iterator[Card]:
    """The cards of a table or of a list. Raises InputError for a line of neither."""
    card = None
    for line in filter(None, map(str.strip, answer.splitlines())):
        if row := TABLE.fullmatch(line) or LIST.fullmatch(line):
            card = Card(row["number"], row["uuid"], row["name"], [])
            yield card
        elif card and (part := INSTANCE.fullmatch(line)):
            card.instances.append((part["uuid"], part["profile"]))
        else:
            raise _unusable(f"answers {_shown(line)}")


def _divide(cards: list[Card], answer: str) -> None:
    """Give each card the MIG instances that stand below it in the list."""
    at = {card.uuid: card for card in cards}
    card = None
    for line in map(str.strip, answer.splitlines()):
        if row := LIST.fullmatch(line):
            card = at.get(row["uuid"])
        elif card and (part := INSTANCE.fullmatch(line)):
            card.instances.append((part["uuid"], part["profile"]))


def _answer(tool: str, *words: str) -> tuple[int, str]:
    """Exit status and output. What hangs in the driver cannot be killed, so nothing waits for its end or its output."""
    with TemporaryFile() as output:
        try:
            asked = subprocess.Popen(
                [tool, *words], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise _unusable(f"cannot be run ({error.strerror})") from None
        try:
            status = asked.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(asked.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                asked.wait(1)
            raise _unusable(f"gives no answer within {PATIENCE:.0f} s") from None
        output.seek(0)
        return status, output.read(ANSWER).decode(errors="replace")


def _unusable(what: str) -> InputError:
    return InputError(
        f"nvidia-smi {what}", "a list of GPUs", f"Mend the driver until nvidia-smi lists them, {USE_CPU}."
    )


def _shown(answer: str) -> str:
    return repr(answer.strip().splitlines()[0][:200])
