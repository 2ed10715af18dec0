"""By what a search knows its script's arguments again, and that searches from before it knew more go on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from charrec.errors import InputError
from charrec.storage import open_store
from charrec.sweep import Search
from charrec.sweep.examples import described, formerly_described
from charrec.sweep.fits import Fits
from tests.sweep.formula import plan
from tests.sweep.test_fitting import Counts, Thirds
from tests.sweep.tiny import FIT

Change = dict[str, Any]


def stops(**settings: Any) -> Change:
    return {"callbacks": [keras.callbacks.EarlyStopping(**settings), Counts()]}


def plateau(**settings: Any) -> Change:
    return {"callbacks": [keras.callbacks.ReduceLROnPlateau(**settings)]}


OTHERS: dict[str, tuple[Change, Change]] = {
    "weights of classes": ({"class_weight": {0: 1.0, 1: 2.0}}, {"class_weight": {0: 1.0, 1: 3.0}}),
    "their number": ({"class_weight": {0: 1.0, 1: 2.0}}, {"class_weight": {0: 1.0}}),
    "patience": (stops(patience=3), stops(patience=5)),
    "what is watched": (stops(monitor="loss"), stops(monitor="accuracy")),
    "a factor": (plateau(factor=0.5), plateau(factor=0.1)),
}
SAME: dict[str, tuple[Change, Change]] = {
    "the order of weights": ({"class_weight": {0: 1, 1: 2.0}}, {"class_weight": {np.int64(1): np.float32(2), 0: 1.0}}),
    "a default that is written": (stops(patience=0), stops()),
    "what is printed": (stops(verbose=1) | {"verbose": 2}, stops()),
    "a PyDataset": ({"x": Thirds()}, {"x": Thirds()}),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_setting_makes_another_description(what: str) -> None:
    one, other = (described(FIT | change) for change in OTHERS[what])
    assert one != other and one.keys() == other.keys()


@pytest.mark.parametrize("what", SAME)
def test_what_decides_nothing_makes_no_other(what: str) -> None:
    one, other = (described(FIT | change) for change in SAME[what])
    assert one == other


def test_a_callback_that_has_been_used_is_described_as_a_new_one() -> None:
    used, new = (keras.callbacks.EarlyStopping("loss", min_delta=0.1) for _ in range(2))
    used.wait, used.best, used.min_delta = 3, 0.5, -0.1  # as Keras leaves it
    assert described({"callbacks": [used]}) == described({"callbacks": [new]})
    assert described({"callbacks": [new]})["callbacks"].startswith("EarlyStopping(monitor='loss', min_delta=0.1, pat")


def searching(fit: Change, words: Callable[[Change], dict[str, str]] = described) -> Fits:
    return plan(Search()).model_copy(update={"fit": words(FIT | fit)})


def joined(stored: Fits, fit: Change) -> Fits:
    return searching(fit).worded_as(stored, formerly_described(FIT | fit))


def test_a_search_from_before_is_joined_by_the_same_call_and_keeps_its_words(tmp_path: Path) -> None:
    same = stops(patience=3) | {"class_weight": {0: 1.0, 1: 2.0}, "verbose": 1}
    store = open_store(str(tmp_path))
    stored = searching(same, formerly_described)
    assert (stored.fit["class_weight"], stored.fit["callbacks"]) == ("float, float", "EarlyStopping, Counts")
    stored.begin(store)
    assert joined(stored, same) == joined(stored, same | {"verbose": 0}) == stored
    with pytest.raises(InputError, match="with another fit's batch_size;"):
        joined(stored, same | {"batch_size": 10}).begin(store)


def test_a_search_from_now_is_joined_by_no_other_setting(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    stored = searching(stops(patience=3))
    stored.begin(store)
    assert joined(stored, stops(patience=3) | {"verbose": 1}) == stored
    with pytest.raises(InputError, match="with another fit's callbacks;"):
        joined(stored, stops(patience=5)).begin(store)
