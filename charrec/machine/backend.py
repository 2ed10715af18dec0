"""The Keras backend."""

import json
import os
from pathlib import Path

from charrec.errors import InputError


def backend() -> str:
    """The backend Keras will choose, without importing Keras: KERAS_BACKEND, else keras.json, else TensorFlow."""
    if chosen := os.environ.get("KERAS_BACKEND"):
        return chosen
    home = os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser()
    try:
        configured = json.loads(Path(home, "keras.json").read_text(encoding="utf-8")).get("backend")
    except (OSError, ValueError):
        configured = None
    return configured or "tensorflow"


def require_backend(expected: str) -> None:
    """Raises InputError if Keras runs on any other backend."""
    import keras

    if (running := keras.backend.backend()) != expected:
        raise InputError(
            f"Keras runs on {running}",
            f"{expected}, the study's backend",
            f"Set KERAS_BACKEND={expected} for this process; all processes of a study share one backend.",
        )
