"""Whether the arguments of `fit` fit together, asked before a training: Keras ignores some, and tells others late."""

import inspect
import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import keras
import numpy as np

from charrec.errors import InputError
from charrec.sweep.examples import are_arrays, kind_of

OURS = {
    "epochs": "the search decides how many",
    "initial_epoch": "the search decides where a trial begins",
    "validation_freq": "every epoch is scored",
}
COUNTS = ("batch_size", "steps_per_epoch", "validation_steps", "validation_batch_size")
OF_ARRAYS = {  # what only arrays can have beside them, and what else to do
    "y": "Let its batches be (x, y).",
    "sample_weight": "Let its batches be (x, y, sample_weight).",
    "validation_split": "Give validation_data.",
    "batch_size": "Leave it out; where validation_data are arrays, validation_batch_size is theirs.",
}


def require_known(fit: Mapping[str, Any]) -> None:
    """Raises InputError for arguments that `fit` does not have, that are the search's, or that do not go together."""
    if fit.get("x") is None:
        raise InputError("arguments of `fit` without x", "fit=dict(x=..., y=..., ...)", "Add the training examples.")
    for name in fit:
        if name in OURS:
            raise InputError(f"{name} among the arguments of `fit`", f"none: {OURS[name]}", f"Leave {name} out.")
        if name == "self" or name not in inspect.signature(keras.Model.fit).parameters:
            raise InputError(f"an argument {name!r} of `fit`", "one that keras.Model.fit has", "Correct its name.")
    _require_plain(fit)
    if kind_of(fit["x"]) == "arrays":
        _require_same({name: fit[name] for name in ("x", "y", "sample_weight") if _there(fit, name)}, "x")
        _require_split(fit)
    else:
        for name, remedy in OF_ARRAYS.items():
            if _there(fit, name) and not (name == "validation_split" and fit[name] == 0):
                found = f"{name} beside a {type(fit['x']).__name__} as x"
                raise InputError(found, "none, since x comes in batches of its own", remedy)
    _require_validation(fit.get("validation_data"))
    if _there(fit, "class_weight"):
        _require_class_weight(fit)


def _require_plain(fit: Mapping[str, Any]) -> None:
    """Numbers and words."""
    for name in COUNTS:
        value = fit.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, Integral) or value < 1):
            raise InputError(f"{name}={value!r}", "a whole number above 0", f"Correct it, or leave {name} out.")
    if not isinstance(fit.get("shuffle", True), bool):
        raise InputError(f"shuffle={fit['shuffle']!r}", "True or False", "An order is one of single examples.")
    if fit.get("verbose", 0) not in (0, 1, 2, "auto"):
        raise InputError(f"verbose={fit['verbose']!r}", '0, 1, 2 or "auto"', "Correct it, or leave it out.")
    share = fit.get("validation_split")
    if share is not None and (isinstance(share, bool) or not isinstance(share, Real) or not 0 <= float(share) < 1):
        raise InputError(f"validation_split={share!r}", "a share from 0 to below 1", "Correct it.")
    if share and _there(fit, "validation_data"):
        raise InputError(
            "validation_split beside validation_data, which Keras would score alone", "one of them", "Leave one out."
        )


def _require_same(parts: Mapping[str, Any], whole: str) -> None:
    """Raises InputError for parts that are no arrays of as many examples each."""
    counts: dict[str, set[int]] = {}
    for name, part in parts.items():
        leaves = keras.tree.flatten(part)
        if not are_arrays(leaves):
            other = next((leaf for leaf in leaves if not are_arrays([leaf])), None)
            held = f"a {type(part).__name__} of no arrays" if other is None else f"{_a(type(other))}, which is no array"
            raise InputError(f"{name} has {held}", "arrays", "Make one of it: numpy.asarray(...).")
        for leaf in leaves:
            _require_examples(name, leaf)
        counts[name] = {len(leaf) for leaf in leaves}
    first = next(iter(counts))
    for name, found in counts.items():
        if len(found | counts[first]) > 1:
            among = " and ".join(map(str, sorted(found | counts[first])))
            raise InputError(
                f"arrays of {among} examples as {name}" + (f" beside {first}" if name != first else ""),
                "as many of each",
                "Leave out what belongs to no other.",
            )
    if counts[first] == {0}:
        raise InputError(f"{whole} has no examples", "one at least", "Look for what has emptied it.")


def _require_examples(name: str, leaf: Any) -> None:
    """Raises InputError for an array without examples' axis, or of objects that are no texts."""
    if not tuple(leaf.shape):
        raise InputError(f"{name} has an array without a dimension", "an axis of examples first", "Give it that shape.")
    first = np.asarray(leaf[:1])
    if first.dtype == object and not all(isinstance(one, str | bytes) for one in first.ravel()):
        raise InputError(
            f"{name} has an array of objects, as of numbers beside texts or of rows of several lengths",
            "numbers of one type",
            'Make it one: numpy.asarray(..., "float32").',
        )


def _require_split(fit: Mapping[str, Any]) -> None:
    """Raises InputError where `validation_split` leaves nothing to train, or to score."""
    if share := fit.get("validation_split"):
        count = len(keras.tree.flatten(fit["x"])[0])
        if int(count * (1.0 - share)) in (0, count):
            raise InputError(
                f"validation_split={share!r} of {count} examples",
                "one example at least to train, and one to score",
                "Correct it, or give validation_data.",
            )


def _require_validation(data: Any) -> None:
    if data is None or isinstance(data, keras.utils.PyDataset):
        return
    name = "validation_data"
    if hasattr(data, "__next__"):
        raise InputError(
            f"a {type(data).__name__} as {name}, which can be read once",
            "arrays or a data set, which every epoch is scored by",
            "Put what makes it into a PyDataset.",
        )
    if isinstance(data, tuple | list):
        if not 1 <= len(data) <= 3:
            raise InputError(f"{name} of {len(data)} parts", "(x, y) or (x, y, sample_weight)", "Correct it.")
        names = [f"{name}'s {part}" for part in ("x", "y", "sample_weight")]
        _require_same({part: one for part, one in zip(names, data, strict=False) if one is not None}, name)
    elif callable(data) or isinstance(data, str | bytes | Real):
        raise InputError(
            f"{_a(type(data))} as {name}", "(x, y), (x, y, sample_weight) or a data set", "Give it what it stands for."
        )


def _require_class_weight(fit: Mapping[str, Any]) -> None:
    weights = fit["class_weight"]
    if _there(fit, "sample_weight"):
        raise InputError(
            "class_weight beside sample_weight", "one of them, as Keras has it", "Multiply one into the other."
        )
    if not isinstance(weights, Mapping) or not all(
        isinstance(key, Integral) and isinstance(one, Real) and math.isfinite(one) for key, one in weights.items()
    ):
        raise InputError(
            "class_weight that is something else than numbers by class",
            "a dictionary, as {0: 1.0, 1: 2.5}",
            "Count the classes from 0, as y does.",
        )
    classes = _classes(fit.get("y"))
    strange, without = sorted(weights.keys() - classes), sorted(classes - weights.keys())
    if classes and strange and without:  # more classes than a part of the examples has are no mistake
        raise InputError(
            f"class_weight for {', '.join(map(str, strange[:3]))}, no class of y, and none for {without[0]}",
            "weights by the classes as y has them",
            "Count the classes from 0, as y does.",
        )


def _classes(y: Any) -> set[int]:
    """As Keras sees them; empty: unknown, since there are no targets, or several."""
    if not are_arrays(leaves := keras.tree.flatten(y)) or len(leaves) > 1:
        return set()
    targets = np.asarray(leaves[0])
    if targets.ndim > 1 and targets.shape[-1] > 1:
        return set(range(targets.shape[-1]))
    return {int(one) for one in np.unique(targets)} if targets.dtype.kind in "biuf" else set()


def _there(given: Mapping[str, Any], name: str) -> bool:
    return given.get(name) is not None


def _a(kind: type) -> str:
    return f"a {kind.__name__}"
