"""The examples of one epoch, in an order that follows from (seed, epoch) alone, where it can."""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal

import keras
import numpy as np

from charrec.errors import InputError
from charrec.sweep import callbacks
from charrec.sweep.calls import require_takes

EXAMPLES = "arrays, a keras.utils.PyDataset, a tf.data.Dataset, or a function of a seed that returns one of them"
NO_DATA_SETS = (str, bytes, list, tuple, set, Mapping, type)
Kind = Literal["arrays", "batches", "function", "its own"]


def kind_of(x: Any) -> Kind:
    """How the examples come. Raises InputError for what cannot be read again and again, or at all."""
    if isinstance(x, keras.utils.PyDataset):
        return "batches" if x.num_batches is not None else "its own"
    if inspect.isgenerator(x) or hasattr(x, "__next__"):
        raise InputError(
            f"a {type(x).__name__} as `x`, which can be read once",
            EXAMPLES,
            "Put what makes the generator into a PyDataset or a function.",
        )
    if are_arrays(keras.tree.flatten(x)):
        return "arrays"
    if callable(x) and not isinstance(x, type):
        require_takes(x, "x", "seed")
        return "function"
    if not hasattr(x, "__iter__") or isinstance(x, NO_DATA_SETS) or hasattr(x, "shape"):
        found = f"the class {x.__name__}" if isinstance(x, type) else f"a {type(x).__name__} that holds no arrays"
        remedy = "Make one of it." if isinstance(x, type) else "Make an array of it, as by numpy.asarray(...)."
        raise InputError(f"{found} as `x`", EXAMPLES, remedy)
    return "its own"


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
            given |= {"x": _made(given["x"], int(rng.integers(2**31))), "shuffle": False}
    return given


def first_of(x: Any, seed: int) -> Any:
    """The inputs of a batch, to build a model with."""
    match kind_of(x):
        case "arrays":
            return _taken(x, np.arange(1))
        case "function":
            x = _made(x, seed)
    batch = x[0] if isinstance(x, keras.utils.PyDataset) else next(iter(x), None)
    if batch is None:
        raise InputError(
            f"a {type(x).__name__} as `x` without a batch", "one at least", "Look for what has emptied it."
        )
    return batch[0] if isinstance(batch, tuple | list) else batch


def _made(x: Callable[[int], Any], seed: int) -> Any:
    """The data set of an epoch."""
    made = x(seed)
    iterable = hasattr(made, "__iter__") and not isinstance(made, NO_DATA_SETS)
    if not iterable and not isinstance(made, keras.utils.PyDataset):
        raise InputError(
            f"`x` returns a {type(made).__name__} of a seed",
            "a data set, as a tf.data.Dataset or a keras.utils.PyDataset, of batches (x, y)",
            "Return that.",
        )
    return made


def described(fit: Mapping[str, Any]) -> dict[str, str]:
    """The arguments in a line each: plain values and weights of classes as they are, arrays by a digest, callbacks of
    Keras's by their settings, anything else by its type. How much a training prints is not in it.
    """
    words = {name: _described(value) for name, value in sorted(fit.items()) if name != "verbose"}
    if weights := fit.get("class_weight"):
        words["class_weight"] = repr({int(one): float(weights[one]) for one in sorted(weights)})
    if given := fit.get("callbacks"):
        words["callbacks"] = ", ".join(map(callbacks.described, given))
    return words


def formerly_described(fit: Mapping[str, Any]) -> dict[str, str]:
    """As it was before these words said more than a type."""
    return {name: _described(value) for name, value in sorted(fit.items())}


def _described(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    leaves = keras.tree.flatten(value)
    if are_arrays(leaves):
        digest = hashlib.sha256()
        for leaf in map(np.asarray, leaves):
            digest.update(f"{leaf.dtype} {leaf.shape}".encode())
            digest.update(repr(leaf.tolist()).encode() if leaf.dtype == object else np.ascontiguousarray(leaf).data)
        return digest.hexdigest()[:16]
    return ", ".join(type(leaf).__name__ for leaf in leaves)


def are_arrays(leaves: list[Any]) -> bool:
    """Whether they are what NumPy can take examples of: its own arrays, data frames, tensors."""
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
