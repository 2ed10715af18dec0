"""What the sweep rests on in Keras Tuner and Keras: a version that moves it fails here, not in a search."""

import inspect
import math
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import keras_tuner as kt
import numpy as np
import pytest
from keras_tuner.src.engine import oracle as keras_tuners
from keras_tuner.src.engine.trial import Trial

from charrec.study import FULL, Search
from charrec.sweep.hyperband import HyperbandProposer
from charrec.sweep.oracle import Oracle
from charrec.sweep.schedule import schedule
from charrec.training.batches import batches
from charrec.training.recipe import Arrays, compiled
from tests.sweep.driving import DECK, DECKS_SPACE, SMALL, alone, oracle_of, points, reborn, taken
from tests.toy import RECIPE, ROOT, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


@pytest.mark.parametrize("package", ["keras", "keras-tuner"])
def test_the_version_is_pinned(package: str) -> None:
    assert f'"{package}=={version(package)}"' in (ROOT / "pyproject.toml").read_text()


# Keras Tuner


class Plain(kt.oracles.HyperbandOracle):
    """Keras Tuner's own oracle for the deck's search, without its files."""

    def __init__(self, seed: int | None = 1, **options: Any) -> None:
        objective = kt.Objective("val_accuracy", "max")
        super().__init__(
            objective=objective, max_epochs=10, factor=3, seed=seed, hyperparameters=DECKS_SPACE.tuner(), **options
        )
        self.verbose = 0

    def save(self) -> None:
        """Nothing."""

    def _save_trial(self, trial: Trial) -> None:
        """Nothing."""


@pytest.fixture
def plain() -> Plain:
    return Plain()


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (keras_tuners.Oracle, "_record_values", ["self", "trial"]),
        (kt.oracles.HyperbandOracle, "populate_space", ["self", "trial_id"]),
        (kt.oracles.HyperbandOracle, "_get_size", ["self", "bracket_num", "round_num"]),
        (kt.oracles.HyperbandOracle, "_get_epochs", ["self", "bracket_num", "round_num"]),
        (kt.oracles.HyperbandOracle, "_get_num_rounds", ["self", "bracket_num"]),
        (kt.oracles.HyperbandOracle, "_get_num_brackets", ["self"]),
        (Trial, "__init__", ["self", "hyperparameters", "trial_id", "status", "message"]),
    ],
)
def test_a_name_that_the_sweep_rests_on_is_there(owner: type, name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trials", {}),
        ("_brackets", [{"bracket_num": 2, "rounds": [[], [], []]}]),
        ("_current_bracket", 2),
        ("_current_iteration", 0),
        ("_seed_state", 1),
        ("_tried_so_far", set()),
        ("_id_to_hash", {}),
    ],
)
def test_an_attribute_that_the_sweep_restores_is_there(name: str, value: object, plain: Plain) -> None:
    assert getattr(plain, name) == value


def test_keras_tuners_oracle_has_no_other_state() -> None:
    """Whatever a new version adds must be looked at: restored by `restore`, or put here."""
    fixed = {  # by the code and the description of the search
        *("objective", "hyperparameters", "max_epochs", "min_epochs", "factor", "hyperband_iterations", "max_trials"),
        *("allow_new_entries", "tune_new_entries", "max_retries_per_trial", "max_consecutive_failed_trials"),
        *("_max_collisions", "seed", "directory", "project_name", "multi_worker", "should_report", "_display"),
    }
    unused = {"ongoing_trials", "start_order", "end_order", "_retry_queue", "tuner_ids", "_run_times"}  # its chief's
    restored = {"trials", "_brackets", "_current_bracket", "_current_iteration", "_seed_state"} | {
        *("_tried_so_far", "_id_to_hash"),
    }
    oracle = oracle_of(SMALL, 1)
    alone(oracle)
    assert set(vars(tuner_of(oracle))) == fixed | unused | restored


def tuner_of(oracle: Oracle) -> kt.oracles.HyperbandOracle:
    assert isinstance(oracle.proposer, HyperbandProposer)
    return oracle.proposer.tuner


NOT_RESTORED = {"seed": "Keras Tuner draws by seed_state, whose first value it is"}
MID_RUNG = 14  # trials of the deck's search: bracket 2 has promoted, one is lost, one failed, two run


def test_every_field_of_keras_tuners_state_is_restored() -> None:
    oracle = oracle_of(DECK, FULL.seed)
    for _ in range(MID_RUNG):
        given = taken(oracle)
        oracle.complete(given, points(given), 1.0)
    oracle.fail(taken(oracle), "an error")
    oracle.lose(taken(oracle, "a").trial, 0)
    taken(oracle, "b")
    other = reborn(oracle)
    assert taken(oracle, "c") == taken(other, "c")
    mine, twins = comparable(oracle), comparable(other)
    assert mine.keys() == twins.keys()
    assert {field for field in mine if mine[field] != twins[field]} == set(NOT_RESTORED)
    for name, trial in tuner_of(oracle).trials.items():
        assert trial.get_state() == tuner_of(other).trials[name].get_state()


def comparable(oracle: Oracle) -> dict[str, Any]:
    state: dict[str, Any] = tuner_of(oracle).get_state()
    return state | {"tried_so_far": set(state["tried_so_far"])}  # a list of a set, in any order


def test_a_new_point_depends_on_the_seeds_state_and_on_what_was_tried(plain: Plain) -> None:
    first = plain.create_trial("a").hyperparameters.values
    assert plain._seed_state == 1 + len(DECKS_SPACE.tuner().space)
    again = Plain()
    assert again.create_trial("b").hyperparameters.values == first
    again._seed_state = 1  # the same draw, which is a collision now
    assert again.create_trial("c").hyperparameters.values != first


def test_what_was_tried_is_known_by_its_values_alone(plain: Plain) -> None:
    values = plain.create_trial("worker").hyperparameters.values
    other = Plain()
    hyperparameters = DECKS_SPACE.tuner()
    hyperparameters.values = values | {"tuner/epochs": 7, "tuner/bracket": 0}
    other._record_values(Trial(hyperparameters, trial_id="0000"))
    assert (other._tried_so_far, other._id_to_hash) == (plain._tried_so_far, plain._id_to_hash)


def test_seed_0_is_any_seed_to_keras_tuner() -> None:
    assert Plain(seed=0).seed != 0
    assert len({Plain(seed=0).seed for _ in range(20)}) > 1


def rung(plain: Plain, scores: list[float], status: str = "COMPLETED") -> list[Any]:
    """Fill bracket 2's first rung with trials of which nothing is known but status, score, name and values."""
    names = [f"{number:04d}" for number in range(len(scores))]
    found = [
        SimpleNamespace(trial_id=name, status=status, score=score, hyperparameters=SimpleNamespace(values={}))
        for name, score in zip(names, scores, strict=True)
    ]
    plain.trials = {trial.trial_id: trial for trial in found}
    plain._brackets[0]["rounds"][0] = [{"id": name, "past_id": None} for name in names]
    return found


def test_the_first_of_the_best_in_a_rung_is_promoted(plain: Plain) -> None:
    """By score alone, and of equals the first place: what the sweep's own order of places rests on."""
    rung(plain, [0.5, 0.7, 0.6, 0.7] + 8 * [0.7])
    places = plain._brackets[0]["rounds"][0]
    assert plain.populate_space("0012")["values"]["tuner/trial_id"] == "0001"
    places.reverse()
    assert plain.populate_space("0013")["values"]["tuner/trial_id"] == "0011"
    assert plain._brackets[0]["rounds"][1] == [{"past_id": "0001", "id": "0012"}, {"past_id": "0011", "id": "0013"}]


def test_a_trial_is_promoted_as_soon_as_it_is_certain_and_only_completed_ones_count(plain: Plain) -> None:
    """12 trials, 4 places: the best of 9 is among the best 4 of 12, whatever the other 3 will have."""
    trials = rung(plain, 12 * [0.5], status="RUNNING")
    for trial in trials[:8]:
        trial.status = "COMPLETED"
    trials[8].status, trials[8].score = "FAILED", 0.9
    assert "tuner/trial_id" not in plain.populate_space("0012")["values"]  # the next bracket instead
    trials[8].status = "COMPLETED"
    assert plain.populate_space("0013")["values"]["tuner/trial_id"] == "0008"


def test_a_promoted_trial_is_told_the_bracket_that_is_begun_and_not_its_own(plain: Plain) -> None:
    """Which the sweep sets right."""
    trials = rung(plain, 12 * [0.5], status="RUNNING")
    plain.populate_space("0012")
    for trial in trials:
        trial.status = "COMPLETED"
    values = plain.populate_space("0013")["values"]
    assert (values["tuner/round"], values["tuner/bracket"]) == (1, 1)


def test_no_trial_is_left_where_none_runs_and_there_is_none_to_wait_for(plain: Plain) -> None:
    plain._brackets, plain._current_bracket = [], 0
    assert plain.populate_space("0030") == {"status": "STOPPED"}
    plain.ongoing_trials = {"worker": SimpleNamespace()}
    assert plain.populate_space("0030") == {"status": "IDLE"}


@pytest.mark.parametrize("factor", [2, 3, 4, 5, 7, 16, 243])
def test_the_schedule_is_keras_tuners(factor: int) -> None:
    for longest in range(1, 244):
        search = Search(max_epochs=longest, factor=factor)
        oracle = kt.oracles.HyperbandOracle(objective="val_accuracy", max_epochs=longest, factor=factor)
        theirs = [
            (b, r, oracle._get_size(b, r), oracle._get_epochs(b, r))
            for b in reversed(range(oracle._get_num_brackets()))
            for r in range(oracle._get_num_rounds(b))
        ]
        assert [(row.bracket, row.rung, row.trials, row.epochs) for row in schedule(search)] == theirs, longest


# Keras


def test_random_layers_keep_their_state_in_a_variable_of_this_name() -> None:
    for layer in (keras.layers.Dropout(0.5), keras.layers.RandomRotation(0.1), keras.layers.RandomZoom(0.1)):
        assert [v.name for v in layer.variables] == ["seed_generator_state"]
        assert layer.variables[0].shape == (2,)


def test_optimizer_slots_are_loaded_where_the_optimizer_was_built(tmp_path: Path, arrays: Arrays) -> None:
    one, other = compiled(RECIPE, arrays), compiled(RECIPE.model_copy(update={"seed": 9}), arrays)
    assert one.optimizer.built
    for number, slot in enumerate(one.optimizer.variables):
        slot.assign(keras.ops.full(slot.shape, number + 1, dtype=slot.dtype))
    one.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    assert len(other.optimizer.variables) == 2 + 2 * len(other.trainable_variables)
    for number, slot in enumerate(other.optimizer.variables):
        assert (np.asarray(slot) == number + 1).all(), slot.path


def test_slots_are_not_loaded_into_an_optimizer_that_was_not_built(tmp_path: Path) -> None:
    """Why `compiled` builds it."""

    def dense() -> keras.Sequential:
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(optimizer="adam", loss="mse")
        return model

    one = dense()
    one.optimizer.build(one.trainable_variables)
    one.save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ValueError, match=r"optimizer 'adam_?\d*', because it has 2 variables whereas .* has 6"):
        dense().load_weights(tmp_path / "model.weights.h5")


def test_weight_files_do_not_hold_the_state_of_random_layers(tmp_path: Path, arrays: Arrays) -> None:
    """Why an epoch that goes on must be told it."""
    model = compiled(RECIPE, arrays)
    model.save_weights(tmp_path / "model.weights.h5")
    generators = [variable for variable in model.variables if variable.name == "seed_generator_state"]
    for generator in generators:
        generator.assign([7, 7])
    model.load_weights(tmp_path / "model.weights.h5")
    assert [np.asarray(generator).tolist() for generator in generators] == 3 * [[7, 7]]


class Witness(keras.callbacks.Callback):
    """What there is to see at each call that an epoch's callbacks rest on."""

    def __init__(self, stop: int | None) -> None:
        super().__init__()
        self.stop, self.seen = stop, []

    def note(self, *what: object) -> None:
        self.seen.append((*what, int(self.model.optimizer.iterations)))

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self.note("epoch", max(float(variable) for variable in self.model.metrics_variables))

    def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
        self.note("step", batch)
        if batch == self.stop:
            raise KeyboardInterrupt

    def on_test_begin(self, logs: object = None) -> None:
        self.note("validation")

    def on_test_batch_begin(self, batch: int, logs: object = None) -> None:
        self.note("look", batch)


def test_callbacks_are_called_before_each_step_and_sums_start_at_0_before_an_epoch_begins() -> None:
    model = keras.Sequential([keras.Input((), dtype="int32"), keras.layers.Embedding(9, 2)])
    model.compile(
        optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    positions, labels = np.arange(6), np.arange(6) % 2
    witness = Witness(stop=None)
    for _ in range(2):
        model.fit(
            batches(positions, labels, 4),
            validation_data=batches(positions, labels, 6),
            callbacks=[witness],
            shuffle=False,
            verbose=0,
        )
    first = [("epoch", 0.0, 0), ("step", 0, 0), ("step", 1, 1), ("validation", 2), ("look", 0, 2)]
    assert witness.seen == first + [(*what, steps + 2) for *what, steps in first]
    sums = [float(variable) for variable in model.metrics_variables]
    assert len(sums) == 4  # loss and accuracy, each a sum and a count
    assert sums[1] == sums[3] == 6

    with pytest.raises(KeyboardInterrupt):
        model.fit(batches(positions, labels, 4), callbacks=[Witness(stop=1)], shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == 5
    assert [float(variable) for variable in model.metrics_variables][1::2] == [4, 4]  # of the step that was done
    assert not any(math.isnan(value) for value in sums)


def test_the_sum_over_replicas_is_a_list_of_pairs_where_there_is_one_replica() -> None:
    optimizer = keras.optimizers.Adam()
    assert list(inspect.signature(optimizer._all_reduce_sum_gradients).parameters) == ["grads_and_vars"]
    variable = keras.Variable([1.0, 2.0])
    gradient = keras.ops.convert_to_tensor([3.0, 4.0])
    ((summed, of),) = optimizer._all_reduce_sum_gradients([(gradient, variable)])
    assert of is variable
    assert keras.ops.convert_to_numpy(summed).tolist() == [3.0, 4.0]


def test_a_trained_network_leaves_no_gradient_in_tensorflows_registry(arrays: Arrays) -> None:
    from tensorflow.python.framework.ops import gradient_registry

    before = set(gradient_registry._registry)
    model = compiled(RECIPE.model_copy(update={"model": "model_1"}), arrays)
    model.fit(batches(arrays.training[:8], arrays.labels[:8], 8), shuffle=False, verbose=0)
    assert not {name for name in set(gradient_registry._registry) - before if name.startswith("CustomGradient")}
