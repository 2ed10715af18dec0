"""Which GPUs there are, asked without waking a framework."""

import os
import shutil
import subprocess
from functools import cache
from typing import NamedTuple

from charrec.errors import InputError


class Gpu(NamedTuple):
    number: str  # as nvidia-smi counts
    name: str


@cache
def gpus() -> tuple[Gpu, ...]:
    """The NVIDIA GPUs that this process may use; none where the driver's own tool finds none."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return ()
    asked = subprocess.run(
        [tool, "--query-gpu=index,uuid,name", "--format=csv,noheader"], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        return ()
    rows = [line.split(", ", 2) for line in asked.stdout.splitlines() if line]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    allowed = [row[0] for row in rows] if visible is None else [part.strip() for part in visible.split(",")]
    return tuple(
        Gpu(number, name)
        for part in allowed
        for number, uuid, name in rows
        if part == number or (part.startswith("GPU-") and uuid.startswith(part))
    )


def gpu_names() -> tuple[str, ...]:
    """What the GPUs that this process may use are called."""
    return tuple(gpu.name for gpu in gpus())


def require_usable_gpu() -> None:
    """Raise InputError if this process may use a GPU but its Keras backend finds none."""
    names = gpu_names()
    if not names:
        return
    import keras

    if not keras.distribution.list_devices("gpu"):
        raise InputError(
            f"{names[0]} is visible, but Keras on {keras.backend.backend()} finds no GPU",
            "a build of the backend that can use it",
            "Install it with `make install LOCK=infra/requirements-gpu.lock`, or choose --devices cpu.",
        )
