"""The examples of one epoch, in an order that follows from (seed, epoch) alone, where it can."""

import hashlib
import inspect
from collections.abc import Mapping
from typing import Any, Literal

import keras
import numpy as np

from charrec.errors import InputError

OURS = {
    "epochs": "the search decides how many",
    "initial_epoch": "the search decides where a trial begins",
    "validation_freq": "every epoch is scored",
}


Kind = Literal["arrays", "batches", "function", "its own"]


def kind_of(x: Any) -> Kind:
    """How the examples come. Raises InputError for a generator."""
    if isinstance(x, keras.utils.PyDataset):
        return "batches" if x.num_batches is not None else "its own"
    if inspect.isgenerator(x) or hasattr(x, "__next__"):
        raise InputError(
            f"a {type(x).__name__} as `x`, which can be read once",
            "arrays, a keras.utils.PyDataset, a tf.data.Dataset, or a function of a seed that returns one of them",
            "Put what makes the generator into a PyDataset or a function.",
        )
    if _arrays(keras.tree.flatten(x)):
        return "arrays"
    return "function" if callable(x) else "its own"


def require_known(fit: Mapping[str, Any]) -> None:
    """Raises InputError for arguments that `fit` does not have, or that are the search's."""
    if "x" not in fit:
        raise InputError("arguments of `fit` without x", "fit=dict(x=..., y=..., ...)", "Add the training examples.")
    for name in fit:
        if name in OURS:
            raise InputError(f"{name} among the arguments of `fit`", f"none: {OURS[name]}", f"Leave {name} out.")
        if name not in inspect.signature(keras.Model.fit).parameters:
            raise InputError(f"an argument {name!r} of `fit`", "one that keras.Model.fit has", "Correct its name.")
    if kind_of(fit["x"]) == "arrays":
        _require_lengths(fit)


def _require_lengths(fit: Mapping[str, Any]) -> None:
    """Raises InputError for inputs, targets or weights of another number of examples than x."""
    counts = {
        name: {len(leaf) for leaf in leaves}
        for name in ("x", "y", "sample_weight")
        if _there(fit, name) and _arrays(leaves := keras.tree.flatten(fit[name]))
    }
    for name, found in counts.items():
        if len(found | counts["x"]) > 1:
            among = " and ".join(map(str, sorted(found | counts["x"])))
            raise InputError(
                f"arrays of {among} examples as {name}" + (" beside x" if name != "x" else ""),
                "as many of each",
                "Leave out what belongs to no other.",
            )


def unrepeatable(fit: Mapping[str, Any]) -> tuple[str, ...]:
    """Why the epochs of a resumed training may differ from those of an undisturbed one."""
    x = fit["x"]
    name = f"{type(x).__module__}.{type(x).__name__}"
    if kind_of(x) == "its own":
        return (f"x is a {name}, whose order is its own; a function of a seed that makes it can be repeated",)
    if kind_of(x) == "batches" and any(
        getattr(type(x), hook) is not getattr(keras.utils.PyDataset, hook)
        for hook in ("on_epoch_begin", "on_epoch_end")
    ):
        return (f"x is a {name}, which changes itself between epochs",)
    return ()


def of_epoch(fit: Mapping[str, Any], seed: int, epoch: int) -> dict[str, Any]:
    """The arguments of `fit` for one epoch."""
    given = dict(fit)
    rng = np.random.default_rng([seed, epoch])
    match kind_of(given["x"]):
        case "arrays":
            given = _split(given)
            count = len(keras.tree.flatten(given["x"])[0])
            if given.pop("shuffle", True):
                order = rng.permutation(count)
                given |= {name: _taken(given[name], order) for name in _of_training(given)}
            given["shuffle"] = False
        case "batches":
            count = given["x"].num_batches
            order = rng.permutation(count) if given.pop("shuffle", True) else np.arange(count)
            given |= {"x": _in_order(given["x"], order.tolist()), "shuffle": False}
        case "function":
            given |= {"x": given["x"](int(rng.integers(2**31))), "shuffle": False}
    return given


def first_of(x: Any, seed: int) -> Any:
    """The inputs of a batch, to build a model with."""
    match kind_of(x):
        case "arrays":
            return _taken(x, np.arange(1))
        case "batches":
            batch = x[0]
        case "function":
            return first_of(x(seed), seed)
        case _:
            batch = next(iter(x))
    return batch[0] if isinstance(batch, tuple | list) else batch


def described(fit: Mapping[str, Any]) -> dict[str, str]:
    """The arguments in a line each: plain values as they are, arrays by a digest, anything else by its type."""
    return {name: _described(value) for name, value in sorted(fit.items())}


def _described(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    leaves = keras.tree.flatten(value)
    if _arrays(leaves):
        digest = hashlib.sha256()
        for leaf in map(np.asarray, leaves):
            digest.update(f"{leaf.dtype} {leaf.shape}".encode())
            digest.update(repr(leaf.tolist()).encode() if leaf.dtype == object else np.ascontiguousarray(leaf).data)
        return digest.hexdigest()[:16]
    return ", ".join(type(leaf).__name__ for leaf in leaves)


def _arrays(leaves: list[Any]) -> bool:
    return bool(leaves) and all(hasattr(leaf, "__array__") and hasattr(leaf, "shape") for leaf in leaves)


def _split(given: dict[str, Any]) -> dict[str, Any]:
    """`validation_split` takes the last examples, before they are shuffled, as Keras does."""
    share = given.pop("validation_split", 0.0)
    if not share or _there(given, "validation_data"):
        return given
    names = _of_training(given)
    count = len(keras.tree.flatten(given["x"])[0])
    before = int(count * (1.0 - share))
    train, last = np.arange(before), np.arange(before, count)
    held = tuple(_taken(given[name], last) for name in names)
    return given | {name: _taken(given[name], train) for name in names} | {"validation_data": held}


def _of_training(given: Mapping[str, Any]) -> list[str]:
    return [name for name in ("x", "y", "sample_weight") if _there(given, name)]


def _there(given: Mapping[str, Any], name: str) -> bool:
    return given.get(name) is not None


def _taken(arrays: Any, order: np.ndarray) -> Any:
    return keras.tree.map_structure(lambda leaf: np.asarray(leaf)[order], arrays)


def _in_order(inner: Any, order: list[int]) -> Any:
    class InOrder(keras.utils.PyDataset):
        def __init__(self) -> None:
            super().__init__(inner.workers, inner.use_multiprocessing, inner.max_queue_size)

        @property
        def num_batches(self) -> int:
            return len(order)

        def __getitem__(self, batch: int) -> Any:
            return inner[order[batch]]

        def on_epoch_begin(self) -> None:
            inner.on_epoch_begin()

        def on_epoch_end(self) -> None:
            inner.on_epoch_end()

    return InOrder()
