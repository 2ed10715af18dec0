"""A killed training resumes to the same result as an undisturbed one; one that cannot resume raises an error."""

import gc
import itertools
import math
import re
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from charrec.storage import Store, open_store
from charrec.training import recipe as recipes
from charrec.training.batches import _slices, batches
from charrec.training.checkpoints import (
    Progress,
    load,
    read_progress,
)
from charrec.training.epoch import TrainingDiverged
from charrec.training.interruption import Interrupted
from charrec.training.lookup import resident
from charrec.training.recipe import Arrays, Recipe, compiled, network_of
from charrec.training.seeds import seed_layers
from charrec.training.train import train
from tests.thorough import drawn, some
from tests.toy import (
    EPOCHS,
    HEAVY,
    RECIPE,
    SMALL,
    WARNINGS,
    history,
    kill_in_the_middle,
    needed,
    state,
    toy_arrays,
)

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

Trained = tuple[Store, Progress]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, arrays: Arrays) -> Callable[[str], Trained]:
    """Model 2 trained without interruption, by precision."""
    cache: dict[str, Trained] = {}

    def trained(precision: str) -> Trained:
        if precision not in cache:
            store = open_store(str(tmp_path_factory.mktemp(precision)))
            recipe = RECIPE.model_copy(update={"precision": precision})
            cache[precision] = store, train(recipe, arrays, EPOCHS, store, "t")
        return cache[precision]

    return trained


def assert_same(one: Trained, other: Trained, recipe: Recipe, arrays: Arrays) -> None:
    """Histories, weights and optimizer slots are equal bit for bit."""
    assert history(one[1]) == history(other[1])
    for mine, yours in zip(state(*one, recipe, arrays), state(*other, recipe, arrays), strict=True):
        assert np.array_equal(mine, yours)


class Pace(keras.callbacks.Callback):
    """Sets another learning rate."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def on_train_begin(self, logs: object = None) -> None:
        self.model.optimizer.learning_rate = self.rate


def set_learning_rate(rate: float, first_epoch: int) -> Callable[..., Pace | None]:
    """For `show`: another learning rate from an epoch on."""
    return lambda _title, epoch, _epochs: Pace(rate) if epoch >= first_epoch else None


def test_the_network_learns(undisturbed: Callable[[str], Trained]) -> None:
    first, *_, last = undisturbed("float32")[1].epochs
    assert first.val_accuracy < 0.5
    assert last.val_accuracy > 0.9
    assert last.val_loss < 0.5 < first.val_loss


@pytest.mark.parametrize(("precision", "stop"), some([("float32", 2), ("mixed_bfloat16", 1)], 1))
def test_a_resumed_training_equals_an_undisturbed_one(
    precision: str, stop: int, undisturbed: Callable[[str], Trained], store: Store, arrays: Arrays
) -> None:
    recipe = RECIPE.model_copy(update={"precision": precision})
    assert len(train(recipe, arrays, stop, store, "t").epochs) == stop
    assert_same((store, train(recipe, arrays, EPOCHS, store, "t")), undisturbed(precision), recipe, arrays)


def test_a_training_killed_in_the_middle_of_an_epoch_resumes_to_the_same_result(
    undisturbed: Callable[[str], Trained], store: Store, arrays: Arrays, tmp_path: Path
) -> None:
    kill_in_the_middle("train", str(tmp_path / "store"))
    assert len(read_progress(store, "t").epochs) == 1
    assert_same((store, train(RECIPE, arrays, EPOCHS, store, "t")), undisturbed("float32"), RECIPE, arrays)


def stop_at(*steps: int) -> Callable[[], Callable[[], bool]]:
    """Successive `interrupt` functions: each is true from its n-th call on; after the last n, it is never true."""
    remaining = iter(steps)

    def interrupt() -> Callable[[], bool]:
        calls, step = itertools.count(), next(remaining, math.inf)
        return lambda: next(calls) >= step

    return interrupt


@pytest.mark.parametrize("precision", some(["float32", "mixed_bfloat16"], 1))
def test_a_training_interrupted_between_steps_equals_an_undisturbed_one(
    precision: str, undisturbed: Callable[[str], Trained], store: Store, arrays: Arrays
) -> None:
    """Interrupted in the first epoch and twice in the second, and resumed in a new network each time."""
    recipe = RECIPE.model_copy(update={"precision": precision})
    begun = []
    interrupt = stop_at(5, 40 + 20, 7)  # the first epoch has 35 steps and a validation call left
    for _ in range(3):
        with pytest.raises(Interrupted, match=r"^interrupted after \d+ steps of an epoch$"):
            train(recipe, arrays, EPOCHS, store, "t", interrupt=interrupt())
        progress = read_progress(store, "t")
        assert progress.last
        begun.append((progress.last.epoch, progress.last.begun.steps))
        assert [entry.key for entry in store.list()] == needed(progress)
    assert begun == [(0, 5), (1, 24), (1, 31)]
    progress = train(recipe, arrays, EPOCHS, store, "t", interrupt=interrupt())
    assert [entry.key for entry in store.list()] == needed(progress)
    assert_same((store, progress), undisturbed(precision), recipe, arrays)


@drawn("model 5, interrupted", HEAVY)
def test_an_interrupted_training_of_model_5_equals_an_undisturbed_one(store: Store, tmp_path: Path) -> None:
    """Its augmentation, its learning rate and the statistics of its normalisation go on where they were."""
    recipe = RECIPE.model_copy(update={"model": "model_5", "batch_size": 16, "precision": "mixed_bfloat16"})
    arrays, undisturbed = toy_arrays(48, 16), open_store(str(tmp_path / "undisturbed"))
    whole = train(recipe, arrays, 2, undisturbed, "t")
    with pytest.raises(Interrupted):
        train(recipe, arrays, 2, store, "t", interrupt=stop_at(5)())
    stopped = read_progress(store, "t").last
    assert stopped and (stopped.epoch, stopped.begun.steps) == (1, 1)
    assert_same((store, train(recipe, arrays, 2, store, "t")), (undisturbed, whole), recipe, arrays)


def test_the_state_of_an_interrupted_epoch_is_stored(store: Store, arrays: Arrays) -> None:
    with pytest.raises(Interrupted) as raised:
        train(RECIPE, arrays, 1, store, "t", interrupt=stop_at(6)())
    stored = read_progress(store, "t")
    assert stored.last
    begun = stored.last.begun
    assert begun == raised.value.begun
    assert stored.epochs == () and stored.best is None
    assert begun.metrics[1] == begun.metrics[3] == begun.steps * RECIPE.batch_size  # images in the sums
    model = compiled(RECIPE, arrays)
    seed_layers(model, RECIPE.seed, epoch=1)
    fresh = [np.asarray(v).tolist() for v in model.variables if v.name == "seed_generator_state"]
    assert [state[0] for state in begun.generators] == [state[0] for state in fresh]
    assert all(now[1] != then[1] for now, then in zip(begun.generators, fresh, strict=True))  # they have advanced
    (row,) = train(RECIPE, arrays, 1, store, "t").epochs
    assert row.seconds > begun.seconds > 0


def test_an_interrupt_in_the_validation_keeps_the_epoch(store: Store, arrays: Arrays) -> None:
    steps = len(arrays.training) // SMALL.batch_size
    with pytest.raises(Interrupted):
        train(SMALL, arrays, 2, store, "t", interrupt=stop_at(steps)())
    progress = read_progress(store, "t")
    assert len(progress.epochs) == 1
    assert progress.last
    assert (progress.last.epoch, progress.last.begun.steps) == (1, 1)


def test_an_interrupt_in_the_last_validation_completes_the_training(store: Store, arrays: Arrays) -> None:
    steps = len(arrays.training) // SMALL.batch_size
    assert len(train(SMALL, arrays, 1, store, "t", interrupt=stop_at(steps)()).epochs) == 1


def test_an_error_between_two_steps_ends_the_epoch_and_stores_nothing(store: Store, arrays: Arrays) -> None:
    calls = itertools.count()

    def interrupt() -> bool:
        if next(calls) == 5:
            raise LookupError("the lease is gone")
        return False

    with pytest.raises(LookupError, match="the lease is gone"):
        train(SMALL, arrays, 1, store, "t", interrupt=interrupt)
    assert [entry.key for entry in store.list()] == ["t/progress.json"]
    assert read_progress(store, "t").last is None


def test_several_steps_in_one_call_of_tensorflow_change_nothing(
    store: Store, arrays: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, with an interruption between two calls; 40 steps are no multiple of 16."""
    plain = open_store(str(tmp_path / "plain"))
    one_by_one = train(SMALL, arrays, 2, plain, "t")
    monkeypatch.setattr(recipes, "on_gpu", lambda backend: True)
    with pytest.raises(Interrupted):
        train(SMALL, arrays, 2, store, "t", interrupt=stop_at(2)())
    stopped = read_progress(store, "t").last
    assert stopped and (stopped.epoch, stopped.begun.steps) == (0, 32)
    assert_same((store, train(SMALL, arrays, 2, store, "t")), (plain, one_by_one), SMALL, arrays)


def test_a_finished_training_is_not_changed(undisturbed: Callable[[str], Trained], arrays: Arrays) -> None:
    store, progress = undisturbed("float32")
    before = store.list()
    assert train(RECIPE, arrays, EPOCHS, store, "t") == progress
    assert train(RECIPE, arrays, 1, store, "t") == progress
    assert store.list()[0][:3] == before[0][:3]


def test_another_seed_changes_the_history(store: Store, undisturbed: Callable[[str], Trained], arrays: Arrays) -> None:
    other = train(RECIPE.model_copy(update={"seed": 2}), arrays, 1, store, "t")
    assert history(other) != history(undisturbed("float32")[1])[:1]


def test_the_history_records_epochs_and_speed(undisturbed: Callable[[str], Trained], arrays: Arrays) -> None:
    progress = undisturbed("float32")[1]
    assert [row.epoch for row in progress.epochs] == [1, 2, 3]
    for row in progress.epochs:
        assert row.seconds > len(arrays.training) / row.images_per_second > 0
    assert progress.parameters == network_of(compiled(RECIPE, arrays)).count_params()


def test_the_best_checkpoint_has_the_highest_validation_accuracy(
    undisturbed: Callable[[str], Trained], arrays: Arrays
) -> None:
    store, progress = undisturbed("float32")
    best = max(progress.epochs, key=lambda row: row.val_accuracy)
    assert progress.best
    assert progress.best.epoch == best.epoch
    model = compiled(RECIPE, arrays)
    load(model, store, progress.best)
    scored = model.evaluate(arrays.validation.astype(np.int32), arrays.labels[arrays.validation], verbose=0)
    assert scored == pytest.approx([best.val_loss, best.val_accuracy], rel=1e-5)


def test_only_the_last_and_the_best_checkpoint_are_kept(store: Store, arrays: Arrays) -> None:
    progress = train(SMALL, arrays, 4, store, "t", set_learning_rate(0.0, first_epoch=2))
    assert progress.best
    assert progress.last
    # The learning rate is 0 after epoch 1, and the earliest of equal epochs is the best.
    assert (progress.best.epoch, progress.last.epoch) == (1, 4)
    assert [entry.key for entry in store.list()] == [progress.best.key, progress.last.key, "t/progress.json"]


def test_the_next_epoch_deletes_a_killed_processs_leftovers(store: Store, arrays: Arrays) -> None:
    train(SMALL, arrays, 1, store, "t")
    store.put("t/epoch-002-of-one-that-died.weights.h5", b"never committed")
    progress = train(SMALL, arrays, 2, store, "t")
    needed = {checkpoint.key for checkpoint in (progress.best, progress.last) if checkpoint}
    assert {entry.key for entry in store.list("t/epoch-")} == needed


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch, arrays: Arrays) -> list[list[int]]:
    """The positions passed to Keras, epoch by epoch."""
    recorded_orders: list[list[int]] = []
    fit = keras.Sequential.fit

    def recorded(self: Any, x: Any, **rest: Any) -> Any:
        positions, labels = (np.concatenate(column) for column in zip(*x.as_numpy_iterator(), strict=True))
        assert np.array_equal(labels, arrays.labels[positions])
        assert rest["shuffle"] is False
        recorded_orders.append(positions.tolist())
        return fit(self, x, **rest)

    monkeypatch.setattr(keras.Sequential, "fit", recorded)
    return recorded_orders


def test_the_order_of_images_depends_on_the_seed_and_the_epoch_only(
    orders: list[list[int]], store: Store, arrays: Arrays
) -> None:
    train(SMALL, arrays, 2, store, "a")
    train(SMALL.model_copy(update={"precision": "mixed_bfloat16"}), arrays, 2, store, "b")
    train(SMALL.model_copy(update={"seed": 2}), arrays, 1, store, "c")
    first, second, same_first, same_second, other = orders
    assert (first, second) == (same_first, same_second)
    assert len({tuple(order) for order in (first, second, other)}) == 3
    assert sorted(first) == sorted(second) == sorted(other) == arrays.training.tolist()


@pytest.mark.parametrize("rate", [1e9, math.nan])
def test_a_diverging_loss_ends_the_training_and_keeps_the_earlier_epochs(
    rate: float, store: Store, arrays: Arrays
) -> None:
    with pytest.raises(TrainingDiverged) as raised:
        train(SMALL, arrays, EPOCHS, store, "t", set_learning_rate(rate, first_epoch=2))
    message = str(raised.value)
    assert re.match(r"model_1: loss \S+, validation loss \S+ in epoch 2; guessing gives 4\.13\.", message)
    assert "The earlier epochs are stored; try float32 or another seed." in message
    progress = read_progress(store, "t")
    assert len(progress.epochs) == 1
    assert progress.last
    load(compiled(SMALL, arrays), store, progress.last)


def test_nan_weights_from_the_last_step_of_an_epoch_end_the_training_too(store: Store, arrays: Arrays) -> None:
    def show(_title: str, _epoch: int, _epochs: int) -> Any:
        class Lose(keras.callbacks.Callback):
            def on_train_batch_end(self, batch: int, logs: object = None) -> None:
                if batch == self.params["steps"] - 1:
                    kernel = self.model.trainable_weights[-1]
                    kernel.assign(np.full(kernel.shape, np.nan))

        return Lose()

    with pytest.raises(TrainingDiverged):
        train(SMALL, arrays, 1, store, "t", show)
    assert read_progress(store, "t").last is None


def test_weight_files_hold_weights_and_slots_but_no_images(tmp_path: Path, arrays: Arrays) -> None:
    sizes = []
    for count in (40, 4000):
        model = compiled(SMALL, toy_arrays(count, 80))
        model.save_weights(tmp_path / "model.weights.h5")
        sizes.append((tmp_path / "model.weights.h5").stat().st_size)
    assert sizes[0] == sizes[1]
    values = 3 * network_of(model).count_params()  # each weight with Adam's two moments
    assert 4 * values < sizes[0] < 4 * values + 100_000


def test_all_networks_of_a_process_share_one_copy_of_the_images(arrays: Arrays) -> None:
    images = resident(arrays.images)
    assert np.array_equal(np.asarray(images), arrays.images)
    coloured = RECIPE.model_copy(update={"image_channels": 3})
    networks = [compiled(recipe, arrays) for recipe in (SMALL, RECIPE, coloured)]
    keras.backend.clear_session()
    networks.append(compiled(SMALL, arrays))
    for network in networks:
        assert network.layers[0].images is images
        assert np.asarray(network(np.array([0, 5], np.int32))).shape == (2, 62)


def test_the_copy_is_freed_with_the_images_and_networks_are_freed_before(tmp_path: Path) -> None:
    def use(arrays: Arrays) -> weakref.ref[Any]:
        train(SMALL, arrays, 1, open_store(str(tmp_path)), "t")
        return weakref.ref(network_of(compiled(SMALL, arrays)))

    own = toy_arrays(16, 16)
    network, images, copy = use(own), weakref.ref(own.images), weakref.ref(resident(own.images))
    keras.backend.clear_session()
    gc.collect()
    assert network() is None
    assert images() is not None and copy() is not None
    del own
    gc.collect()
    assert images() is None
    assert copy() is None


def test_batches_keep_the_order_and_the_last_one_is_the_remainder() -> None:
    positions, labels = np.array([5, 3, 9, 1, 7]), np.array([50, 30, 90, 10, 70])
    tensorflow = [(x.tolist(), y.tolist()) for x, y in batches(positions, labels, 2).as_numpy_iterator()]
    assert tensorflow == [([5, 3], [50, 30]), ([9, 1], [90, 10]), ([7], [70])]
    slices = _slices(positions, labels, 2)  # the data set of the other backends
    assert [(x.tolist(), y.tolist()) for x, y in (slices[n] for n in range(len(slices)))] == tensorflow


def test_tensorflows_autotuning_is_off() -> None:
    """Autotuning sleeps for up to a minute at the end of an epoch."""
    options = batches(np.arange(3), np.arange(3), 2).options()
    assert options.autotune.enabled is False


def test_every_random_layer_is_seeded_by_seed_epoch_and_position(arrays: Arrays) -> None:
    model = compiled(RECIPE, arrays)
    states = [v for v in model.variables if v.name == "seed_generator_state"]
    assert len(states) == 3  # rotation, zoom, dropout

    def seeded(seed: int, epoch: int) -> list[tuple[int, ...]]:
        seed_layers(model, seed, epoch)
        return [tuple(np.asarray(state).tolist()) for state in states]

    drawn = seeded(1, 1)
    assert seeded(1, 1) == drawn
    assert len({*drawn, *seeded(1, 2), *seeded(2, 1)}) == 9
