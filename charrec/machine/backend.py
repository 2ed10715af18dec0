"""Which backend Keras runs on."""

import json
import os
from pathlib import Path

from charrec.errors import InputError


def backend() -> str:
    """The backend that Keras will take, without importing it: KERAS_BACKEND, its configuration file, its default."""
    if chosen := os.environ.get("KERAS_BACKEND"):
        return chosen
    home = os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser()
    try:
        configured = json.loads(Path(home, "keras.json").read_text(encoding="utf-8")).get("backend")
    except (OSError, ValueError):
        configured = None
    return configured or "tensorflow"


def require_backend(expected: str) -> None:
    """Raises InputError where Keras runs on another backend than a step was given."""
    import keras

    if (running := keras.backend.backend()) != expected:
        raise InputError(
            f"Keras runs on {running}",
            f"{expected}, on which the study computes",
            f"Set KERAS_BACKEND={expected} for this process, or one backend for all processes of the study.",
        )
