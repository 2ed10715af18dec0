"""A mistake in a script is one error at its start: before anything is stored, and before any trial."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from charrec.errors import InputError
from charrec.sweep import Search, callbacks, search
from charrec.sweep.arguments import require_known
from charrec.sweep.builder import Builder
from charrec.sweep.examples import of_epoch
from charrec.sweep.fits import objective_of
from charrec.sweep.fitting import Fitting
from charrec.sweep.heartbeat import Terms
from charrec.sweep.rehearsal import rehearse
from tests.sweep.test_fitting import Thirds
from tests.sweep.tiny import FIT, XV, YV, X, Y, build, model
from tests.thorough import some
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

SMALL = Search(max_epochs=2, factor=2, objective="val_accuracy", seed=3)
BATCHES: dict[str, Any] = {"x": Thirds(), "validation_data": (XV, YV)}


class Keeps(keras.callbacks.Callback):
    """Remembers what it is given."""

    def __init__(self, state: Any) -> None:
        super().__init__()
        self.state = state

    def get_state(self) -> Any:
        return self.state

    def set_state(self, state: Any) -> None:
        self.state = state


def data_set(_seed: int = 0) -> Any:
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(20)


ARGUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "lists": (FIT | {"x": X.tolist()}, "a list that holds no arrays as `x`; expected arrays, .*numpy.asarray"),
    "lists of targets": (FIT | {"y": Y.tolist()}, "y has a int, which is no array"),
    "a list of weights": (FIT | {"sample_weight": [1.0] * 40}, "sample_weight has a float, which is no array"),
    "a name": (FIT | {"x": "train.csv"}, "a str that holds no arrays as `x`"),
    "None": (FIT | {"x": None}, "arguments of `fit` without x"),
    "a class": (FIT | {"x": Thirds}, "the class Thirds as `x`; .* Make one of it"),
    "a sparse tensor": (FIT | {"x": tf.sparse.from_dense(X)}, "a SparseTensor that holds no arrays as `x`"),
    "no dimension": (FIT | {"x": np.array(1.0)}, "x has an array without a dimension"),
    "no examples": (FIT | {"x": X[:0], "y": Y[:0]}, "x has no examples; expected one at least"),
    "objects": (FIT | {"x": X.astype(object)}, "x has an array of objects"),
    "a data frame of several types": (FIT | {"x": pd.DataFrame(X).assign(more=True)}, "x has an array of objects"),
    "a function of nothing": ({"x": lambda: data_set()}, r"`x` is a function of \(\); expected one of \(seed\)"),
    "targets beside batches": (BATCHES | {"y": Y}, r"y beside a Thirds as x; expected none, .* be \(x, y\)"),
    "weights beside batches": (BATCHES | {"sample_weight": X[:, 0]}, "sample_weight beside a Thirds as x"),
    "a size of batches beside batches": (BATCHES | {"batch_size": 20}, "batch_size beside a Thirds as x"),
    "a split of batches": ({"x": data_set, "validation_split": 0.2}, "validation_split beside a function as x"),
    "a split and examples": (FIT | {"validation_split": 0.2}, "validation_split beside validation_data"),
    "a split of more": (FIT | {"validation_split": 1.5}, "validation_split=1.5; expected a share"),
    "a split as a text": (FIT | {"validation_split": "0.2"}, "validation_split='0.2'; expected a share"),
    "a split of all": (
        {"x": X, "y": Y, "validation_split": 0.999}, "validation_split=0.999 of 40 examples; expected one example"
    ),
    "a batch of 0": (FIT | {"batch_size": 0}, "batch_size=0; expected a whole number above 0"),
    "a part of a batch": (FIT | {"batch_size": 20.0}, "batch_size=20.0; expected a whole number"),
    "no steps": (FIT | {"steps_per_epoch": 0}, "steps_per_epoch=0; expected a whole number"),
    "an order of batches": (FIT | {"shuffle": "batch"}, "shuffle='batch'; expected True or False"),
    "loud": (FIT | {"verbose": "loud"}, "verbose='loud'; expected 0, 1, 2"),
    "self": (FIT | {"self": 3}, "an argument 'self' of `fit`"),
    "lengths": (FIT | {"validation_data": (XV, YV[:5])}, "arrays of 5 and 20 examples as validation_data's y beside"),
    "four parts": (FIT | {"validation_data": (XV, YV, YV, YV)}, "validation_data of 4 parts; expected"),
    "lists to score": (FIT | {"validation_data": (XV.tolist(), YV)}, "validation_data's x has a float, which is no"),
    "nothing to score": (FIT | {"validation_data": (XV[:0], YV[:0])}, "validation_data has no examples"),
    "a generator to score": (FIT | {"validation_data": iter([(XV, YV)])}, "a list_iterator as validation_data, which"),
    "a function to score": (FIT | {"validation_data": data_set}, "a function as validation_data; expected"),
    "weights of no class": (FIT | {"class_weight": {7: 1.0}}, "class_weight for 7, no class of y, and none for 0"),
    "weights from 1": (FIT | {"class_weight": {1: 1.0, 2: 3.0}}, "class_weight for 2, no class of y, and none for 0"),
    "weights by names": (FIT | {"class_weight": {"a": 1.0}}, "something else than numbers by class"),
    "balanced": (FIT | {"class_weight": "balanced"}, "something else than numbers by class"),
    "weights of both": (
        FIT | {"class_weight": {0: 1.0, 1: 2.0}, "sample_weight": X[:, 0]}, "class_weight beside sample_weight"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ARGUMENTS)
def test_arguments_of_fit_that_do_not_go_together_are_refused(what: str) -> None:
    fit, said = ARGUMENTS[what]
    with pytest.raises(InputError, match=said) as raised:
        require_known(fit)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "change",
    [
        {"y": keras.utils.to_categorical(Y), "class_weight": {0: 1.0, 1: 2.0}},
        {"class_weight": {0: 1.0, 1: 2.0, 2: 3.0}},  # a part of the examples has no third class
        {"class_weight": {np.int64(1): np.float64(2)}},
        {"batch_size": np.int64(20), "verbose": 2, "shuffle": False},
        {"validation_data": [XV, YV]},
        {"validation_data": Thirds()},
        {"x": tf.constant(X), "y": tf.constant(Y)},
        {"x": np.array([["a"]] * 40, object)},
        {"validation_data": None, "validation_split": 0.1},
    ],
)
def test_what_keras_takes_is_taken(change: dict[str, Any]) -> None:
    require_known(FIT | change)


def test_a_data_frame_is_taken_by_the_places_of_its_rows() -> None:
    names = np.random.default_rng(1).permutation(len(X))
    frames = FIT | {"x": pd.DataFrame(X, index=names), "y": pd.Series(Y, index=names)}
    require_known(frames)
    for name, taken in of_epoch(frames, 1, 1).items():
        if name in ("x", "y"):
            assert np.array_equal(taken, of_epoch(FIT, 1, 1)[name])


STOPS = keras.callbacks.EarlyStopping("loss")
CALLBACKS: dict[str, tuple[Any, str]] = {
    "one number": (3, "callbacks that are a int; expected a list"),
    "a dictionary": ({"stop": STOPS}, "callbacks that are a dict"),
    "a class": ([Keeps], "the class Keeps as a callback; expected an instance"),
    "a name": (["EarlyStopping"], "a str among the callbacks"),
    "twice": ([STOPS, STOPS], "the same EarlyStopping twice"),
    "History": ([keras.callbacks.History()], "the callback History; expected none of those that `fit` adds"),
    "ProgbarLogger": ([keras.callbacks.ProgbarLogger()], "the callback ProgbarLogger; expected none"),
}


@pytest.mark.parametrize("what", CALLBACKS)
def test_callbacks_that_are_none_are_refused(what: str) -> None:
    given, said = CALLBACKS[what]
    with pytest.raises(InputError, match=said):
        callbacks.require_resumable(given)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (None, r"Keeps.get_state\(\) returns a NoneType; expected a dictionary"),
        ({"a": {1}}, "holds a set; expected numbers, texts"),
        ({"a": [np.ones(2)]}, "holds a ndarray"),
        ({1: 2}, "holds a dictionary with keys that are no texts"),
    ],
)
def test_a_state_that_json_cannot_hold_is_refused(state: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        callbacks.states([Keeps(state)])


def test_numbers_of_numpy_and_tuples_are_kept_as_json_has_them() -> None:
    state = {"a": np.float32(0.5), "b": np.int64(3), "c": (1, np.bool_(True)), "d": tf.constant(2.0)}
    (kept,) = callbacks.states([Keeps(state)])
    assert kept == {"a": 0.5, "b": 3, "c": [1, True], "d": 2.0}
    assert [type(one) for one in kept.values()] == [float, int, list, float]


def test_a_state_with_a_number_that_json_lacks_may_be_one_trainings_alone() -> None:
    with pytest.raises(ValueError, match="holds nan, which is no number that JSON has") as raised:
        callbacks.states([Keeps({"a": float("nan")})])
    assert not isinstance(raised.value, InputError)


def locked() -> Keeps:
    kept = Keeps({})
    kept.state["lock"] = threading.Lock()
    return kept


def unlike(hp: Any) -> Any:
    return FIT | {"x": np.ones((40, 2 if hp.get("units") == 8 else 4))}


SEARCHES: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "no settings": (lambda: {"how": {"max_epochs": 2}}, "settings that are a dict; expected charrec.sweep.Search"),
    "no builder": (lambda: {"build": None}, "a builder that is a NoneType; expected a function of `hp`"),
    "a model": (lambda: {"build": model()}, "a builder that is itself a model"),
    "a HyperModel's class": (lambda: {"build": kt.HyperModel}, "a builder that is the class HyperModel"),
    "a builder of nothing": (lambda: {"build": lambda: model()}, r"`build` is a function of \(\); .* \(hp\)"),
    "a builder of more": (lambda: {"build": lambda hp, more: model()}, r"a function of \(hp, more\); .* \(hp\)"),
    "a builder that fails": (lambda: {"build": lambda hp: model(hp.Int("a", 1, 9) // 0)}, "at a=1: .* ZeroDivisionErr"),
    "a fit of nothing": (lambda: {"fit": lambda: FIT}, r"`fit` is a function of \(\); expected one of \(hp\)"),
    "a fit that fails": (lambda: {"fit": lambda hp: FIT["z"]}, "raises KeyError: 'z'; expected a model, and arguments"),
    "a store of no name": (lambda: {"store": None}, "a store that is None; expected a folder, or s3"),
    "a class of stores": (lambda: {"store": Path}, "a store that is <class 'pathlib.*Path'>"),
    "a search of no name": (lambda: {"name": ""}, "a search named ''; expected a text"),
    "a number for a name": (lambda: {"name": 3}, "a search named 3; expected a text"),
    "a folder above": (lambda: {"name": "../other"}, "a store's key is 'sweeps/../other/sweep.json'"),
    "no function to show": (lambda: {"show": True}, "show=True; expected a function"),
    "no such objective": (
        lambda: {"how": SMALL.model_copy(update={"objective": "val_auc"})},
        "at units=2, rate=0.001: `fit` reports accuracy, loss, .*; expected val_auc, .* compile the model with it",
    ),
    "nothing to score": (lambda: {"fit": {"x": X, "y": Y}}, "reports accuracy, loss; .* or give `fit` validation_data"),
    "other targets": (lambda: {"fit": FIT | {"y": np.ones((40, 3))}}, "`fit` ends with ValueError: .* a batch of its"),
    "other examples to score": (lambda: {"fit": FIT | {"validation_data": (XV[:, :2], YV)}}, "`fit` ends with ValueE"),
    "texts": (lambda: {"fit": FIT | {"x": np.array([["a"] * 4] * 40)}}, "Cast string to float is not supported"),
    "two inputs": (lambda: {"fit": {"x": (X, Y), "validation_data": (XV, YV)}}, "at units=2, .* expects 1 input"),
    "a function that makes arrays": (lambda: {"fit": FIT | {"x": lambda seed: (X, Y), "y": None, "batch_size": None}},
                                     "`x` returns a tuple of a seed; expected a data set"),
    "no batch": (lambda: {"fit": BATCHES | {"x": data_set().take(0)}}, "as `x` without a batch"),
    "a callback that watches nothing": (
        lambda: {"fit": FIT | {"callbacks": [keras.callbacks.EarlyStopping("val_auc")]}},
        "EarlyStopping monitors 'val_auc', and `fit` reports accuracy, loss, val_accuracy, val_loss; expected one",
    ),
    "a lock": (lambda: {"fit": FIT | {"callbacks": [locked()]}}, r"\(Keeps\) one cannot be copied: TypeError"),
    "a set to remember": (lambda: {"fit": FIT | {"callbacks": [Keeps({"a": {1}})]}}, "holds a set; expected numbers"),
    "no number to remember": (lambda: {"fit": FIT | {"callbacks": [Keeps({"a": np.inf})]}}, "holds inf, which is no"),
}  # fmt: skip


@pytest.mark.parametrize("what", some([*SEARCHES], 12))
def test_a_mistake_of_a_script_is_one_error_before_anything_is_stored(what: str, tmp_path: Path) -> None:
    change, said = SEARCHES[what]
    arguments = {"build": build, "how": SMALL, "store": tmp_path / "store", "fit": FIT} | change()
    with pytest.raises(InputError, match=said) as raised:
        search(**arguments, terms=Terms(lease=60, poll=0.1))
    assert "\n" not in str(raised.value) and "\x1b" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError("the disk is away"), MemoryError("no room")], ids=["disk", "memory"])
def test_what_is_no_scripts_fault_is_left_to_the_trials(error: Exception) -> None:
    class Unreadable(Thirds):
        def __getitem__(self, batch: int) -> Any:
            raise error

    def shaped(hp: Any) -> Any:
        made = build(hp)
        made.build((None, 4))  # or the builder asks the examples for it
        return made

    rehearse(Fitting(Builder(shaped, BATCHES | {"x": Unreadable()}), objective_of(SMALL)))  # does not raise


def test_a_builder_that_changes_as_it_is_tried_is_told_with_its_values_once(tmp_path: Path) -> None:
    most = iter([9, 9, 5])

    with pytest.raises(InputError, match="asks for hp.Int.*max_value=5") as raised:
        search(lambda hp: model(hp.Int("a", 2, next(most))), SMALL, tmp_path / "store", FIT)
    assert str(raised.value).count("at a=2: ") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_at_one_point_says_which_and_blames_no_machine(tmp_path: Path) -> None:
    def small(hp: Any) -> Any:
        return FIT | ({"batch_size": 2.5} if hp.get("units") > 3 else {})

    with pytest.raises(InputError, match=r"at units=[4-8], rate=0\.\d+: batch_size=2.5; expected a whole number"):
        search(build, SMALL, tmp_path / "store", small, terms=Terms(lease=60, poll=0.1))
