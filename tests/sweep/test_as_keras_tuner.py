"""What Keras Tuner's own tests of Hyperband hold, users rely on: the same cases, told by this project's search.

Held elsewhere: sizes and epochs of brackets and which trial waits for which (test_contract.py, test_rungs.py), a factor
below 2 and an unknown direction (test_searching.py), a search left and gone on with (test_searching.py,
test_example.py). Different on purpose: a promoted trial goes on from its last epoch, not from the best one before it
(test_fitting.py), and a space with too few points is refused at the start, not searched until it is exhausted.
"""

import logging
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from charrec.sweep import Found, Random, Search, search
from charrec.sweep.builder import Builder
from charrec.sweep.fitting import Fitting
from charrec.sweep.heartbeat import Terms
from tests.sweep.tiny import FIT, build, model
from tests.thorough import drawn
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

OTHERS = ("the end of a range", "a subclassed model", "callbacks")  # searches of their own; `make test` runs one
X, Y = np.ones((2, 5), "float32"), np.ones((2, 1), "float32")
ONES = {"x": X, "y": Y, "validation_data": (X, Y)}


def biased(hp: Any) -> Any:
    """Layers in a loop, of which some ask `hp` as they are called: after the builder has returned."""
    made = keras.Sequential()
    for layer in range(hp.Int("layers", 1, 2)):
        made.add(keras.layers.Dense(hp.Int(f"units{layer}", 1, 5), activation="relu"))
        made.add(keras.layers.Lambda(lambda x, name=f"bias{layer}": x + hp.Float(name, -1, 1)))
    made.add(keras.layers.Dense(1, activation="sigmoid"))
    made.compile("sgd", "mse", run_eagerly=True)
    return made


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    how = Search(max_epochs=2, factor=2, objective="val_loss", rounds=2)
    return search(biased, how, tmp_path_factory.mktemp("store"), ONES, terms=Terms(lease=60, poll=0.1))


def test_the_best_model_evaluates_to_the_best_score(found: Found) -> None:
    assert found.model().evaluate(X, Y, verbose=0) == pytest.approx(found.best.score, rel=1e-6)
    assert found.best.score == min(row.score for row in found.trials if row.score is not None)


def test_two_rounds_have_all_brackets_twice(found: Found) -> None:
    assert len(found.trials) == 2 * 5


def test_what_a_layer_asks_for_as_it_is_called_is_searched(found: Found) -> None:
    names = [one.name for one in found.plan.space.dimensions]
    assert sorted(names) == ["bias0", "bias1", "layers", "units0", "units1"]
    assert len({row.values["bias0"] for row in found.trials if row.epochs == 2}) > 1  # drawn, not their default


def test_a_model_is_built_from_its_values_alone(found: Found) -> None:
    """Another process has neither the builder's closures nor what they remember."""
    first, again = (Fitting(Builder(biased, ONES), found.plan.objective).built(found.best.values, 1) for _ in range(2))
    pairs = zip(first.model.get_weights(), again.model.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)
    assert np.array_equal(first.model(X), again.model(X))


@drawn("the end of a range", OTHERS)
def test_where_the_builder_fails_at_the_end_of_a_range_the_rest_is_searched(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def deep(hp: Any) -> Any:
        if hp.Int("blocks", 1, 3) == 3:
            raise ValueError("no pixel is left after 3 blocks")
        return build(hp)

    how = Search(max_epochs=1, objective="val_accuracy", schedule=Random(trials=6))
    with caplog.at_level(logging.WARNING):
        found = search(deep, how, tmp_path, FIT, terms=Terms(lease=60, poll=0.1))
    assert "trials at blocks=3, units=2, rate=0.001 will fail: ValueError: no pixel is left" in caplog.text
    ended = {(row.values["blocks"], row.state) for row in found.trials}
    assert ended == {(1, "COMPLETED"), (2, "COMPLETED"), (3, "FAILED")}


@drawn("callbacks", OTHERS)
def test_each_training_has_callbacks_of_its_own(tmp_path: Path) -> None:
    class Remembers(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.epochs: list[int] = []

        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.epochs.append(epoch)

        def get_state(self) -> dict[str, Any]:
            return {"epochs": self.epochs}

        def set_state(self, state: dict[str, Any]) -> None:
            self.epochs = state["epochs"]

    one = Remembers()
    how = Search(max_epochs=1, objective="val_accuracy", schedule=Random(trials=2))
    search(build, how, tmp_path, FIT | {"callbacks": [one]}, terms=Terms(lease=60, poll=0.1))
    assert one.epochs == []


@drawn("a subclassed model", OTHERS)
def test_a_subclassed_model_is_searched_as_any_other(tmp_path: Path) -> None:
    class Narrow(keras.Model):
        def __init__(self, units: int) -> None:
            super().__init__()
            self.inner = model(units, compiled=False)

        def call(self, x: Any, training: bool = False) -> Any:
            return self.inner(x, training=training)

    def subclassed(hp: Any) -> Any:
        made = Narrow(hp.Int("units", 2, 9))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        made.compile("adam", loss, metrics=["accuracy"], run_eagerly=True)
        return made

    how = Search(max_epochs=1, objective="val_accuracy", schedule=Random(trials=2))
    found = search(subclassed, how, tmp_path, FIT, terms=Terms(lease=60, poll=0.1))
    x, y = FIT["validation_data"]
    assert found.model().evaluate(x, y, verbose=0)[1] == pytest.approx(found.best.score)
