"""The Keras backend, and Keras without the settings that other projects left on the machine."""

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from charrec.errors import InputError
from charrec.machine.unneeded import leave_out_unneeded

BACKENDS = ("tensorflow", "jax")  # those that the study is tested on
LONGEST = 200  # characters of a setting in an error
LAYOUTS = ("channels_last", "channels_first")
# What Keras refuses at its import, with a traceback that does not name the file.
SETTINGS: dict[str, tuple[Any, str]] = {
    "floatx": (lambda value: value in ("float16", "float32", "float64"), "float16, float32 or float64"),
    "epsilon": (lambda value: isinstance(value, float), "a number such as 1e-07"),
    "image_data_format": (lambda value: value in LAYOUTS, " or ".join(LAYOUTS)),
}  # fmt: skip


def backend() -> str:
    """The backend Keras will choose, without importing Keras: KERAS_BACKEND, else keras.json, else TensorFlow.

    Raises InputError for one that the study does not run on or that is not installed, and for a keras.json with which
    Keras would not start.
    """
    configured, file = _configured()
    chosen = os.environ.get("KERAS_BACKEND") or configured.get("backend") or "tensorflow"
    where = "KERAS_BACKEND" if os.environ.get("KERAS_BACKEND") else str(file)
    if chosen not in BACKENDS:
        remedy = f"Unset {where}." if where == "KERAS_BACKEND" else "Correct it, or set KERAS_BACKEND=tensorflow."
        raise InputError(f"{where} names the backend {ascii(chosen)[:LONGEST]}", " or ".join(BACKENDS), remedy)
    if not find_spec(chosen):
        raise InputError(
            f"Keras is to run on {chosen}, which is not installed", "an installed backend",
            f"Run `make install` again, or set KERAS_BACKEND to another of {', '.join(BACKENDS)}.",
        )  # fmt: skip
    return str(chosen)


def require_backend(expected: str) -> None:
    """Raises InputError if Keras runs on any other backend, or cannot start."""
    backend()
    leave_out_unneeded()  # a run on a work pool imports Keras here
    import keras

    if (running := keras.backend.backend()) != expected:
        raise InputError(
            f"Keras runs on {running}",
            f"{expected}, the study's backend",
            f"Set KERAS_BACKEND={expected} for this process; all processes of a study share one backend.",
        )


def settle() -> None:
    """Set Keras as it comes; call it where networks are built and images drawn. Raises InputError like `backend`.

    Whatever keras.json and KERAS_MAX_EPOCHS say decides numbers, and no identity counts it.
    """
    backend()
    import keras

    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)


def _configured() -> tuple[dict[str, Any], Path]:
    """The content of keras.json, {} where Keras would not use it; and its path."""
    home = Path.home() if os.access(Path.home(), os.W_OK) else Path("/tmp")  # as Keras looks
    file = Path(os.environ.get("KERAS_HOME", home / ".keras"), "keras.json").expanduser()
    remedy = "Correct it, or delete it: Keras writes a new one."
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, file
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror})", "Keras's settings", remedy) from None
    except ValueError:  # as Keras does; another process may be writing it at this moment
        return {}, file
    except RecursionError:
        raise InputError(f"{file} holds lists in lists without end", "Keras's settings", remedy) from None
    if not isinstance(content, dict):
        raise InputError(f"{file} holds no settings", "a JSON object", remedy)
    for name, (fits, expected) in SETTINGS.items():
        if name in content and not fits(content[name]):
            raise InputError(f"{file} has {name} {ascii(content[name])[:LONGEST]}", expected, remedy)
    return content, file
