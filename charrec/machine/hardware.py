"""The machine's GPUs, listed without importing a framework."""

import os
import shutil
import subprocess
from functools import cache
from typing import NamedTuple

from charrec.errors import InputError


class Gpu(NamedTuple):
    number: str  # nvidia-smi's index
    name: str


@cache
def gpus() -> tuple[Gpu, ...]:
    """The NVIDIA GPUs visible to this process; empty if nvidia-smi is missing or fails."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return ()
    query = subprocess.run(
        [tool, "--query-gpu=index,uuid,name", "--format=csv,noheader"], capture_output=True, text=True, check=False
    )
    if query.returncode:
        return ()
    rows = [line.split(", ", 2) for line in query.stdout.splitlines() if line]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    allowed = [row[0] for row in rows] if visible is None else [part.strip() for part in visible.split(",")]
    return tuple(
        Gpu(number, name)
        for part in allowed
        for number, uuid, name in rows
        if part == number or (part.startswith("GPU-") and uuid.startswith(part))
    )


def gpu_names() -> tuple[str, ...]:
    """The names of the GPUs visible to this process."""
    return tuple(gpu.name for gpu in gpus())


def require_usable_gpu() -> None:
    """Raises InputError if this process sees a GPU but its Keras backend cannot use it."""
    names = gpu_names()
    if not names:
        return
    import keras

    if not keras.distribution.list_devices("gpu"):
        raise InputError(
            f"{names[0]} is visible, but Keras on {keras.backend.backend()} finds no GPU",
            "a backend built with GPU support",
            "Install one with `make install LOCK=infra/requirements-gpu.lock`, or choose --devices cpu.",
        )
