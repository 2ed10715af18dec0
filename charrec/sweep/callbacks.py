"""Keras callbacks in a training that goes on in another process: what they remember is kept with each epoch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
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


def require_resumable(callbacks: Sequence[Any]) -> None:
    """Raises InputError that names the first which could not go on in another process."""
    for one in callbacks:
        name = type(one).__name__
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
    if type(one) not in REMEMBERED:
        return dict(one.get_state())
    return {name: _plain(getattr(one, name)) for name in REMEMBERED[type(one)]}


def _set(one: Any, state: Mapping[str, JsonValue]) -> None:
    if type(one) not in REMEMBERED:
        one.set_state(dict(state))
        return
    for name in REMEMBERED[type(one)]:
        setattr(one, name, state[name])


def _plain(value: Any) -> int | float | None:
    return value if value is None or type(value) is int else float(value)
