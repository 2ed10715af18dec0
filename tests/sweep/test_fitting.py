"""Any Keras model's `fit` goes on in another process as if it had never ended, or says why it cannot."""

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import keras_tuner as kt
import numpy as np
import pytest
import tensorflow as tf

from charrec.errors import InputError
from charrec.storage import Store, open_store
from charrec.storage.document import Foreign
from charrec.sweep import callbacks, examples
from charrec.sweep.arguments import require_known
from charrec.sweep.blame import is_the_machines
from charrec.sweep.builder import Builder, seeded
from charrec.sweep.fits import Fitted, Search, objective_of
from charrec.sweep.fitting import Diverged, Fitting
from charrec.sweep.objective import Objective
from charrec.sweep.trainable import Place
from charrec.training.checkpoints import load, read_progress
from charrec.training.interruption import Interrupted
from tests.sweep.tiny import FIT, X, Y, build, building, model
from tests.thorough import some
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

EPOCHS = 2
VALUES = {"units": 4, "rate": 0.01}
LOSS = Objective(name="val_loss", direction="min")


class Thirds(keras.utils.PyDataset):
    """Three batches."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        return X[batch::3], Y[batch::3]


class Wanders(Thirds):
    def on_epoch_end(self) -> None:
        pass


class Counts(keras.callbacks.Callback):
    """A callback of a user's: scales the learning rate by the epochs that it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.seen += 1
        self.model.optimizer.learning_rate = 0.01 / (1 + self.seen)

    def get_state(self) -> dict[str, int]:
        return {"seen": self.seen}

    def set_state(self, state: dict[str, int]) -> None:
        self.seen = state["seen"]


def shuffled(seed: int) -> Any:
    return tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(40, seed=seed).batch(20)


def slow_down() -> list[Any]:
    return [keras.callbacks.ReduceLROnPlateau("loss", patience=1, factor=0.5, min_delta=10.0), Counts()]


DATA: dict[str, dict[str, Any]] = {
    "arrays": {},
    "structures": {"x": {"a": X}, "sample_weight": X[:, 0], "validation_split": 0.25, "validation_data": None},
    "PyDataset": {"x": Thirds(), "y": None, "batch_size": None},
    "a function of a seed": {"x": shuffled, "y": None, "batch_size": None},
    "callbacks": {"callbacks": slow_down()},
}  # fmt: skip


def fitting(change: dict[str, Any] | None = None, made: Callable[[Any], Any] = build, aim: Objective = LOSS) -> Fitting:
    return Fitting(Builder(made, FIT | (change or {})), aim)


def of_structures(hp: Any) -> Any:
    whole = build(hp)
    inputs = {"a": keras.Input((4,), name="a")}
    functional = keras.Model(inputs, whole(inputs["a"]))
    functional.compile(whole.optimizer, whole.loss, run_eagerly=True)
    return functional


def trained(
    place: Place, change: dict[str, Any], stretches: tuple[int, ...], made: Callable[[Any], Any] = build
) -> tuple[list[Any], list[np.ndarray]]:
    """Rows without their seconds, and weights and slots; each stretch is another process's."""
    for epochs in stretches:
        one = fitting(change, of_structures if "sample_weight" in change else made)
        random.seed()
        np.random.seed()
        one.train(VALUES, 7, epochs, place)
    progress = read_progress(place.store, place.key, Fitted)
    assert progress.last
    network = one.built(VALUES, 7).model
    load(network, place.store, progress.last)
    rows = [row.model_dump(exclude={"seconds"}) for row in progress.epochs]
    return rows, [np.asarray(each) for each in (*network.weights, *network.optimizer.variables)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], list[np.ndarray]]:
    """An undisturbed training on arrays."""
    return trained(Place(open_store(str(tmp_path_factory.mktemp("whole"))), "whole"), {}, (EPOCHS,))


@pytest.mark.parametrize("data", some(sorted(DATA), 1))
def test_a_training_that_goes_on_has_the_numbers_of_an_undisturbed_one(
    data: str, store: Store, whole: tuple[list[Any], list[np.ndarray]]
) -> None:
    change = DATA[data]
    rows, weights = trained(Place(store, "whole"), change, (EPOCHS,)) if change else whole
    again, same = trained(Place(store, "parts"), change, (1, EPOCHS))
    assert len(rows) == EPOCHS
    assert again == rows
    assert all(np.array_equal(one, other) for one, other in zip(same, weights, strict=True))


@pytest.mark.long
def test_callbacks_remember_what_they_had_seen(store: Store) -> None:
    rows, _ = trained(Place(store, "t"), DATA["callbacks"], (1, EPOCHS))
    assert [row["callbacks"][1] for row in rows] == [{"seen": 1}, {"seen": 2}]
    assert [row["callbacks"][0]["wait"] for row in rows] == [0, 0]
    assert rows[0]["callbacks"][0]["best"] is not None


def test_a_training_that_stops_early_is_over_for_good(store: Store) -> None:
    early = {"callbacks": [keras.callbacks.EarlyStopping("loss", min_delta=10.0, patience=1)]}
    assert len(fitting(early).train(VALUES, 7, 4, Place(store, "t"))) == 2
    assert len(fitting(early).train(VALUES, 7, 9, Place(store, "t"))) == 2


@pytest.mark.long
def test_an_interrupted_epoch_leaves_nothing_and_goes_on_as_undisturbed(
    store: Store, whole: tuple[list[Any], list[np.ndarray]]
) -> None:
    calls = iter(range(100))
    place = Place(store, "t", interrupt=lambda: next(calls) == 4)  # 2 steps and 1 of validation: in the second epoch
    with pytest.raises(Interrupted):
        fitting().train(VALUES, 7, EPOCHS, place)
    assert len(read_progress(store, "t", Fitted).epochs) == 1
    assert trained(Place(store, "t"), {}, (EPOCHS,))[0] == whole[0]


def test_the_best_epoch_is_kept_in_the_objectives_direction(store: Store) -> None:
    aim = Objective(name="val_loss", direction="max")  # so that it is an early one
    scores = [row.value for row in fitting(aim=aim).train(VALUES, 7, 2, Place(store, "t"))]
    best = read_progress(store, "t", Fitted).best
    assert best
    assert (best.epoch, scores[0]) == (1, max(scores))


def test_initial_weights_do_not_depend_on_what_other_threads_draw() -> None:
    def drawn() -> list[np.ndarray]:
        with seeded(3):
            random.seed()  # as a heartbeat that draws a jitter does
            layer = keras.layers.Dense(4)
            layer.build((None, 4))
        return layer.get_weights()

    busy = threading.Event()
    noise = threading.Thread(target=lambda: [random.random() for _ in iter(busy.is_set, True)])
    noise.start()
    try:
        assert all(np.array_equal(one, other) for one, other in zip(drawn(), drawn(), strict=True))
    finally:
        busy.set()
        noise.join()


def test_what_cannot_be_repeated_is_said() -> None:
    assert examples.unrepeatable(FIT) == examples.unrepeatable({"x": Thirds()}) == ()
    assert examples.unrepeatable({"x": shuffled}) == ()
    (its_own,) = examples.unrepeatable({"x": shuffled(1)})
    assert "whose order is its own; a function of a seed that makes it can be repeated" in its_own
    (wanders,) = examples.unrepeatable({"x": Wanders()})
    assert "test_fitting.Wanders, which changes itself between epochs" in wanders


# Bad input


def once() -> Iterator[Any]:
    yield X, Y


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "no model": (lambda: Builder(lambda hp: hp.Int("a", 1, 9), {}), "builder returns a int; expected a compiled"),
    "no compile": (lambda: Builder(lambda hp: model(hp.Int("a", 1, 9), compiled=False), {}), "that is not compiled"),
    "no space": (lambda: Builder(lambda hp: model(), {}), "a model builder that asks `hp` for nothing"),
    "a fit of its own": (lambda: Builder(Fits(), FIT), "Fits.fit, which would not be called; expected a HyperModel"),
    "another optimizer": (lambda: Builder(lambda hp: twofold(hp), FIT), "another optimizer, critic; expected"),
    "no arguments": (lambda: Builder(lambda hp: model(hp.Int("a", 1, 9)), lambda hp: None), "that are a NoneType; "),
    "targets too many": (
        lambda: require_known({"x": X, "y": np.concatenate([Y, Y])}), "of 40 and 80 examples as y beside x; "
    ),
    "weights too few": (
        lambda: require_known({"x": X, "y": Y, "sample_weight": np.ones(3)}), "as sample_weight beside x"
    ),
    "an average of weights": (lambda: Builder(lambda hp: averaged(hp), {}), "an optimizer with use_ema"),
    "epochs": (lambda: require_known(FIT | {"epochs": 3}), "epochs among the arguments of `fit`; expected"),
    "a misspelt argument": (lambda: require_known(FIT | {"batchsize": 3}), "an argument 'batchsize' of `fit`"),
    "no examples": (lambda: require_known({"y": Y}), "arguments of `fit` without x"),
    "a generator": (lambda: require_known({"x": once()}), "a generator as `x`, which can be read once"),
    "a callback of its own": (
        lambda: callbacks.require_resumable([keras.callbacks.CSVLogger("log")]),
        "the callback CSVLogger, of which is not known what it remembers",
    ),
    "weights that are restored": (
        lambda: callbacks.require_resumable([keras.callbacks.EarlyStopping(restore_best_weights=True)]),
        "EarlyStopping.restore_best_weights=True., whose best weights no checkpoint holds",
    ),
    "an objective of no direction": (
        lambda: objective_of(Search(objective="val_beauty")),
        "'val_beauty', of which it is not known whether more or less is better",
    ),
}  # fmt: skip


class Fits(kt.HyperModel):
    """As Keras Tuner's guide tunes the size of batches."""

    def build(self, hp: Any) -> Any:
        return model(hp.Int("a", 1, 9))

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        return model.fit(*args, batch_size=hp.Choice("batch", [8, 16]), **kwargs)


def twofold(hp: Any) -> Any:
    made = model(hp.Int("a", 1, 9))
    made.critic = keras.optimizers.SGD(momentum=0.9)
    return made


def averaged(hp: Any) -> Any:
    made = model(hp.Int("a", 1, 9))
    made.compile(keras.optimizers.Adam(use_ema=True), "mse")
    return made


@pytest.mark.parametrize("what", WRONG)
def test_bad_input_is_one_clear_error(what: str) -> None:
    wrong, said = WRONG[what]
    with pytest.raises(InputError, match=said) as raised:
        wrong()
    assert "\n" not in str(raised.value)


def test_an_objective_that_is_not_reported_is_no_trials_failure(store: Store) -> None:
    said = "reports accuracy, loss; expected val_loss, .* give `fit` validation_data"
    with pytest.raises(InputError, match=said) as told:
        fitting({"validation_data": None}).train(VALUES, 7, 1, Place(store, "t"))
    assert is_the_machines(told.value)
    assert read_progress(store, "t", Fitted).epochs == ()


def test_a_loss_that_is_no_number_is_the_trials_failure_and_its_earlier_epochs_stay(store: Store) -> None:
    later = {
        "callbacks": [keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate if epoch < 1 else float("nan"))]
    }
    with pytest.raises(Diverged, match="is nan in epoch 2; the earlier epochs are stored") as told:
        fitting(later).train(VALUES, 7, EPOCHS, Place(store, "t"))
    assert not is_the_machines(told.value)
    assert len(read_progress(store, "t", Fitted).epochs) == 1


def test_a_builder_that_changes_its_space_is_told(store: Store) -> None:
    calls = iter([9, 9, 9, 5])
    changing = fitting(made=building(units=lambda hp: hp.Int("units", 2, next(calls))))
    changing.builder.at({"units": 3}, 1)
    with pytest.raises(
        InputError, match=r"asks for hp.Int\(name='units', .*max_value=5, .*, and asked for .*max_value=9"
    ):
        changing.train({"units": 3}, 7, 1, Place(store, "t"))
    assert read_progress(store, "t", Fitted).epochs == ()


def test_weights_that_do_not_fit_the_model_are_told_and_stay(store: Store) -> None:
    fitting().train(VALUES, 7, 1, Place(store, "t"))
    before = read_progress(store, "t", Fitted)
    other = fitting(made=lambda hp: (build(hp), model(9))[1])  # another network by the same hyperparameters
    with pytest.raises(Foreign, match="holds no weights of this network") as told:
        other.train(VALUES, 7, 2, Place(store, "t"))
    assert is_the_machines(told.value)
    after = read_progress(store, "t", Fitted)
    assert (after.epochs, after.last) == (before.epochs, before.last)
    assert len(fitting().train(VALUES, 7, 2, Place(store, "t"))) == 2
