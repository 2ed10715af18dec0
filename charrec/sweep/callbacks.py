"""Keras callbacks in a training that goes on in another process: what they remember is kept with each epoch."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from pydantic import JsonValue

from charrec.errors import InputError
from charrec.training.interruption import Begun, Interrupted

State = dict[str, JsonValue]

REMEMBERED: dict[type, tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "cooldown_counter", "best"),  # the rate itself is the optimizer's
    keras.callbacks.LearningRateScheduler: (),
    keras.callbacks.TerminateOnNaN: (),
}
SETTINGS: dict[type, tuple[str, ...]] = {  # plain ones that decide what a training does, by the names of Keras's
    keras.callbacks.EarlyStopping: ("monitor", "min_delta", "patience", "mode", "baseline", "start_from_epoch"),
    keras.callbacks.ReduceLROnPlateau: (
        "monitor", "factor", "patience", "mode", "min_delta", "cooldown", "min_lr",
    ),
}  # fmt: skip
KERAS_OWN = (keras.callbacks.History, keras.callbacks.ProgbarLogger, keras.callbacks.CallbackList)


def require_resumable(callbacks: Any) -> None:
    """Raises InputError that names the first which could not go on in another process."""
    if not isinstance(callbacks, list | tuple):
        raise InputError(f"callbacks that are a {type(callbacks).__name__}", "a list of them", "Write [...].")
    for one in callbacks:
        name = type(one).__name__
        if isinstance(one, type):
            raise InputError(
                f"the class {one.__name__} as a callback", "an instance", f"Call it, as {one.__name__}(...)."
            )
        if isinstance(one, KERAS_OWN):
            raise InputError(f"the callback {name}", "none of those that `fit` adds by itself", "Leave it out.")
        if not isinstance(one, keras.callbacks.Callback):
            raise InputError(f"a {name} among the callbacks", "instances of keras.callbacks.Callback", "Correct it.")
        if sum(one is other for other in callbacks) > 1:
            raise InputError(
                f"the same {name} twice among the callbacks", "each once, or it counts twice", "Leave one out."
            )
        if getattr(one, "restore_best_weights", False):
            raise InputError(
                f"{name}(restore_best_weights=True), whose best weights no checkpoint holds",
                "callbacks that can go on in another process",
                "Leave it out: the best epoch's weights are kept anyway, and `found.model()` has them.",
            )
        if type(one) not in REMEMBERED and not _tells(one):
            known = ", ".join(kind.__name__ for kind in REMEMBERED)
            raise InputError(
                f"the callback {name}, of which is not known what it remembers from epoch to epoch",
                f"{known}, or one with get_state() and set_state(state)",
                "Leave it out, or give it these two methods: a dictionary that JSON can hold, {} for nothing.",
            )


def require_monitored(callbacks: Sequence[Any], names: Sequence[str]) -> None:
    """Raises InputError for a callback of Keras's that waits for a number which `fit` does not report."""
    for one in callbacks:
        monitor = getattr(one, "monitor", None) if type(one) in REMEMBERED else None
        if monitor is not None and monitor not in (*names, "learning_rate"):
            raise InputError(
                f"{type(one).__name__} monitors {monitor!r}, and `fit` reports {', '.join(sorted(names))}",
                "one of these",
                "Correct its monitor.",
            )


def copied(callbacks: Sequence[Any]) -> list[Any]:
    """A training's own, as Keras Tuner has it. Raises InputError for one that cannot be copied."""
    try:
        return copy.deepcopy(list(callbacks))
    except Exception as error:
        names = ", ".join(type(one).__name__ for one in callbacks)
        raise InputError(
            f"of the callbacks ({names}) one cannot be copied: {type(error).__name__}: {error}",
            "callbacks of which each training has its own, by copy.deepcopy",
            "Let it open files, locks and connections in on_train_begin.",
        ) from error


def described(callback: Any) -> str:
    """Its type, and its settings if it is Keras's."""
    name, settings = type(callback).__name__, SETTINGS.get(type(callback), ())
    values = [f"{setting}={_setting(callback, setting)!r}" for setting in settings]
    return f"{name}({', '.join(values)})" if values else name


def _setting(callback: Any, name: str) -> Any:
    value = getattr(callback, name)
    if name == "min_delta":
        return abs(float(value))  # EarlyStopping gives it a sign as it begins
    return value if value is None or isinstance(value, str) else float(value)


def states(callbacks: Sequence[Any]) -> tuple[State, ...]:
    """What each remembers now."""
    return tuple(_state(one) for one in callbacks)


def restoring(callbacks: Sequence[Any], remembered: Sequence[State]) -> "keras.callbacks.Callback":
    """The last of all callbacks: as `fit` begins, the others have forgotten everything; now they remember it."""

    class Restoring(keras.callbacks.Callback):
        def on_train_begin(self, logs: object = None) -> None:
            for one, state in zip(callbacks, remembered, strict=True):
                _set(one, state)

    return Restoring()


def watching(interrupt: Callable[[], bool]) -> "keras.callbacks.Callback":
    """Asks before each step whether to go on; what it raises ends the epoch, of which nothing is kept."""

    class Watching(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
            if interrupt():
                raise Interrupted(Begun(steps=batch))

        def on_test_batch_begin(self, batch: int, logs: object = None) -> None:
            interrupt()

    return Watching()


def _tells(one: Any) -> bool:
    return callable(getattr(one, "get_state", None)) and callable(getattr(one, "set_state", None))


def _state(one: Any) -> State:
    name = type(one).__name__
    if type(one) in REMEMBERED:
        return {each: _plain(getattr(one, each), f"{name}.{each}") for each in REMEMBERED[type(one)]}
    state = one.get_state()
    if not isinstance(state, Mapping):
        raise InputError(
            f"{name}.get_state() returns a {type(state).__name__}", "a dictionary, {} for nothing", "Return that."
        )
    plain = _plain(state, f"{name}.get_state()")
    assert isinstance(plain, dict)
    return plain


def _set(one: Any, state: Mapping[str, JsonValue]) -> None:
    if type(one) not in REMEMBERED:
        one.set_state(dict(state))
        return
    for name in REMEMBERED[type(one)]:
        setattr(one, name, state[name])


def _plain(value: Any, where: str) -> JsonValue:
    """As JSON has it: NumPy's numbers are numbers, a tuple is a list.

    Raises ValueError for a number that JSON does not have, which may be this training's alone; InputError for anything
    else that it cannot hold.
    """
    if (isinstance(value, np.generic | np.ndarray) or keras.ops.is_tensor(value)) and not tuple(value.shape):
        value = np.asarray(value).item()
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{where} holds {value}, which is no number that JSON has")
            return float(value)
        case list() | tuple():
            return [_plain(one, where) for one in value]
        case Mapping() if all(isinstance(key, str) for key in value):
            return {key: _plain(one, where) for key, one in value.items()}
    found = "a dictionary with keys that are no texts" if isinstance(value, Mapping) else f"a {type(value).__name__}"
    raise InputError(
        f"{where} holds {found}", "numbers, texts, lists and dictionaries by texts, as JSON has them",
        "Return such, as by sorted(...) of a set and .tolist() of an array.",
    )  # fmt: skip
