"""What the sweep rests on in Keras Tuner and Keras: a version that moves it fails here, not in a search."""

import inspect
import json
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import keras_tuner as kt
import pytest
from keras_tuner.src.engine.oracle import Oracle
from keras_tuner.src.engine.trial import Trial

from charrec.errors import InputError
from charrec.recipe import Arrays, compiled
from charrec.storage import open_store
from charrec.study import FULL, Search
from charrec.sweep.oracle import DurableHyperband, transact
from charrec.sweep.space import SPACE, propose, space
from tests.toy import RECIPE, ROOT, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

SMALL = Search(max_epochs=2, factor=2)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def fake_score(trial: Trial) -> float:
    """Of a network and its epochs, no two equal."""
    net, epochs = propose(trial.hyperparameters.values), trial.hyperparameters.values["tuner/epochs"]
    points = net.filters_hp_1 + 3 * net.filters_hp_2 + 7 * net.filters_hp_3 + net.units / 7 - 31 * net.dropout
    score: float = round(0.5 + points / 4000 + epochs / 100, 6)
    return score


def end(oracle: DurableHyperband, trial: Trial) -> None:
    oracle.update_trial(trial.trial_id, {"val_accuracy": fake_score(trial), "val_loss": 1.0})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


def run(
    oracle: DurableHyperband, between: Callable[[DurableHyperband], DurableHyperband] = lambda same: same
) -> list[Trial]:
    """Every trial of the search, scored without training."""
    trials = []
    while (trial := oracle.new_trial("worker")).status == "RUNNING":
        oracle = between(oracle)
        trial = oracle.trials[trial.trial_id]
        end(oracle, trial)
        oracle = between(oracle)
        trials.append(trial)
    assert trial.status == "STOPPED"
    return trials


def reborn(oracle: DurableHyperband) -> DurableHyperband:
    """Another process, that knows the document alone."""
    other = DurableHyperband(SMALL, seed=99)
    other.load(json.loads(json.dumps(oracle.dump())))
    return other


def described(trials: list[Trial]) -> list[tuple[str, dict[str, Any], float]]:
    return [(trial.trial_id, trial.hyperparameters.values, trial.score) for trial in trials]


@pytest.mark.parametrize("package", ["keras", "keras-tuner"])
def test_the_version_is_pinned(package: str) -> None:
    assert f'"{package}=={version(package)}"' in (ROOT / "pyproject.toml").read_text()


# What Hyperband makes of the deck's numbers: (bracket, rung) -> trials, from which epoch to which
SCHEDULE = {
    (2, 0): (12, 0, 2),
    (2, 1): (4, 2, 4),
    (2, 2): (2, 4, 10),
    (1, 0): (6, 0, 4),
    (1, 1): (2, 4, 10),
    (0, 0): (4, 0, 10),
}


def test_the_decks_search_is_30_trials_of_22_configurations_in_120_epochs() -> None:
    oracle = DurableHyperband(FULL.search, FULL.seed)
    values = [trial.hyperparameters.values for trial in run(oracle)]
    counted = Counter(
        (v["tuner/bracket"], v["tuner/round"], v["tuner/initial_epoch"], v["tuner/epochs"]) for v in values
    )
    assert counted == {(*rung, start, stop): count for rung, (count, start, stop) in SCHEDULE.items()}
    assert len(values) == 30
    assert len({propose(v) for v in values}) == 22
    assert sum(v["tuner/epochs"] - v["tuner/initial_epoch"] for v in values) == 120


def test_configurations_are_numbered_by_appearance_and_promoted_trials_keep_theirs() -> None:
    oracle = DurableHyperband(FULL.search, FULL.seed)
    trials = run(oracle)
    numbers = [oracle.configurations[trial.trial_id] for trial in trials]
    assert list(dict.fromkeys(numbers)) == list(range(22))
    networks = {number: propose(t.hyperparameters.values) for number, t in zip(numbers, trials, strict=True)}
    for trial, number in zip(trials, numbers, strict=True):
        values = trial.hyperparameters.values
        assert propose(values) == networks[number]
        if values["tuner/round"]:
            parent = oracle.trials[values["tuner/trial_id"]]
            assert oracle.configurations[parent.trial_id] == number
            assert parent.hyperparameters.values["tuner/epochs"] == values["tuner/initial_epoch"]
        else:
            assert "tuner/trial_id" not in values


def test_the_best_of_a_rung_are_promoted() -> None:
    trials = run(DurableHyperband(FULL.search, FULL.seed))
    in_bracket = [t for t in trials if t.hyperparameters.values["tuner/bracket"] == 2]
    first = [t for t in in_bracket if t.hyperparameters.values["tuner/round"] == 0]
    promoted = {
        t.hyperparameters.values["tuner/trial_id"] for t in in_bracket if t.hyperparameters.values["tuner/round"] == 1
    }
    assert promoted == {t.trial_id for t in sorted(first, key=lambda t: -t.score)[:4]}


def test_a_search_that_changes_process_at_every_step_is_the_same() -> None:
    whole = run(DurableHyperband(FULL.search, FULL.seed))
    assert described(run(DurableHyperband(FULL.search, FULL.seed), reborn)) == described(whole)


def test_another_seed_proposes_other_networks_and_seed_0_is_one() -> None:
    zero, again, one = (run(DurableHyperband(SMALL, seed)) for seed in (0, 0, 1))
    assert described(zero) == described(again) != described(one)


def test_the_state_survives_json() -> None:
    oracle = DurableHyperband(SMALL, 1)
    end(oracle, oracle.new_trial("worker"))
    oracle.new_trial("worker")
    document = json.loads(json.dumps(oracle.dump()))
    assert reborn(oracle).dump() == oracle.dump()
    assert json.loads(json.dumps(reborn(oracle).dump())) == document
    assert set(document) == {"version", "oracle", "trials", "configurations", "seconds"}


def test_a_trial_survives_json() -> None:
    oracle = DurableHyperband(SMALL, 1)
    trial = oracle.new_trial("worker")
    end(oracle, trial)
    back = Trial.from_state(json.loads(json.dumps(trial.get_state())))
    assert back.get_state() == trial.get_state()
    assert (back.trial_id, back.score, back.status) == (trial.trial_id, fake_score(trial), "COMPLETED")
    assert back.hyperparameters.values == trial.hyperparameters.values


def test_a_worker_that_comes_back_gets_its_trial_again() -> None:
    oracle = DurableHyperband(SMALL, 1)
    first = oracle.new_trial("worker")
    assert reborn(oracle).new_trial("worker").trial_id == first.trial_id
    assert reborn(oracle).new_trial("another").trial_id != first.trial_id


def test_keras_tuner_writes_through_the_names_that_are_overridden() -> None:
    calls = []

    class Spy(kt.oracles.HyperbandOracle):
        def save(self) -> None:
            calls.append("save")

        def _save_trial(self, trial: Trial) -> None:
            calls.append("_save_trial")

        def _check_consecutive_failures(self) -> None:
            calls.append("_check_consecutive_failures")

    spy = Spy(objective=kt.Objective("val_accuracy", "max"), max_epochs=2, factor=2, seed=1, hyperparameters=space())
    spy.verbose = 0
    trial = spy.create_trial("worker")
    assert calls == ["_save_trial", "save"]
    spy.update_trial(trial.trial_id, {"val_accuracy": 0.5})
    trial.status = "COMPLETED"
    spy.end_trial(trial)
    assert calls[2:] == ["_save_trial", "_check_consecutive_failures", "_save_trial", "save"]


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (Oracle, "_save_trial", ["self", "trial"]),
        (Oracle, "_check_consecutive_failures", ["self"]),
        (Oracle, "save", ["self"]),
        (Oracle, "reload", ["self"]),
        (kt.oracles.HyperbandOracle, "get_state", ["self"]),
        (kt.oracles.HyperbandOracle, "set_state", ["self", "state"]),
        (Trial, "get_state", ["self"]),
        (Trial, "from_state", ["state"]),
    ],
)
def test_a_name_that_the_sweep_rests_on_is_there(owner: type, name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_a_search_writes_no_files_and_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(DurableHyperband(SMALL, 1))
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_failures_in_a_row_do_not_raise() -> None:
    oracle = DurableHyperband(FULL.search, 1)
    for _ in range(5):
        trial = oracle.new_trial("worker")
        trial.status, trial.message = "FAILED", "the loss is not a number"
        oracle.end_trial(trial)
    states = [(t.status, t.message, t.score) for t in reborn(oracle).trials.values()]
    assert states == [("FAILED", "the loss is not a number", None)] * 5


@pytest.mark.parametrize("found", [0, 2, "1", None])
def test_a_document_of_another_version_is_refused(found: object) -> None:
    document = DurableHyperband(SMALL, 1).dump() | {"version": found}
    with pytest.raises(
        InputError, match=rf"a search of version {found!r}; expected version 1\. Go on with the charrec"
    ):
        DurableHyperband(SMALL, 1).load(document)


def test_a_transaction_that_comes_late_is_done_again_on_what_is_there(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    mine, yours = DurableHyperband(SMALL, 1), DurableHyperband(SMALL, 1)
    asked = []

    def slow() -> Trial:
        asked.append(1)
        if len(asked) == 1:
            transact(store, "s", yours, lambda: yours.new_trial("yours"))
        return mine.new_trial("mine")

    trial = transact(store, "s", mine, slow)
    assert len(asked) == 2
    stored = json.loads(store.get("s/oracle.json"))
    assert stored["oracle"]["ongoing_trials"] == {"yours": "0000", "mine": "0001"}
    assert trial.trial_id == stored["oracle"]["ongoing_trials"]["mine"]
    assert stored["configurations"] == {"0000": 0, "0001": 1}


def test_a_transaction_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    oracle = DurableHyperband(SMALL, 1)
    transact(store, "s", oracle, lambda: oracle.new_trial("worker"))
    before = store.list()[0].modified
    transact(store, "s", oracle, lambda: oracle.new_trial("worker"))
    assert store.list()[0].modified == before


def test_every_value_of_the_space_can_be_drawn() -> None:
    drawn: dict[str, set[float]] = {name: set() for name in SPACE}
    for seed in range(8):
        for trial in run(DurableHyperband(FULL.search, seed)):
            for name in SPACE:
                drawn[name].add(trial.hyperparameters.values[name])
    assert {name: tuple(sorted(values)) for name, values in drawn.items()} == SPACE


# Keras


def test_random_layers_keep_their_state_in_a_variable_of_this_name() -> None:
    for layer in (keras.layers.Dropout(0.5), keras.layers.RandomRotation(0.1), keras.layers.RandomZoom(0.1)):
        assert [v.name for v in layer.variables] == ["seed_generator_state"]
        assert layer.variables[0].shape == (2,)


def test_optimizer_slots_are_loaded_where_the_optimizer_was_built(tmp_path: Path, arrays: Arrays) -> None:
    recipe = RECIPE.model_copy(update={"model": "model_1"})
    one, other = compiled(recipe, arrays), compiled(recipe.model_copy(update={"seed": 9}), arrays)
    assert one.optimizer.built
    for number, slot in enumerate(one.optimizer.variables):
        slot.assign(keras.ops.full(slot.shape, number + 1, dtype=slot.dtype))
    one.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    assert len(other.optimizer.variables) == 2 + 2 * len(other.trainable_variables)
    for number, slot in enumerate(other.optimizer.variables):
        assert (keras.ops.convert_to_numpy(slot) == number + 1).all(), slot.path
