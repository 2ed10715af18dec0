"""A whole search, tiny: it can be killed, one of its networks diverges, and the ranking is the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from charrec.results import SearchResult
from charrec.storage import Store, open_store
from charrec.study import Search
from charrec.sweep.space import SPACE
from charrec.sweep.trial import subset, trial_seed
from charrec.training.checkpoints import read_progress
from charrec.training.recipe import Arrays
from tests.toy import (
    DOOMED,
    ON_JAX,
    ON_JAX_TRIALS,
    ROOT,
    SWEEP,
    WARNINGS,
    history,
    kill_in_the_middle,
    search,
    search_arrays,
)

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

Searched = tuple[Store, SearchResult]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    store = open_store(str(tmp_path_factory.mktemp("undisturbed")))
    return store, search(store)


def histories(store: Store, result: SearchResult) -> dict[int, list[dict[str, float]]]:
    numbers = sorted({row.configuration for row in result.trials})
    return {number: history(read_progress(store, f"sweep/configuration-{number:03d}")) for number in numbers}


def test_a_search_has_the_trials_of_its_brackets(undisturbed: Searched) -> None:
    trials = sorted(undisturbed[1].trials, key=lambda row: row.trial)
    assert [(row.bracket, row.rung, row.epochs) for row in trials] == [
        (1, 0, 1),
        (1, 0, 1),
        (1, 1, 2),
        (0, 0, 2),
        (0, 0, 2),
    ]
    assert len({row.configuration for row in trials}) == 4
    assert undisturbed[1].epochs == 1 + 1 + 1 + 2 + 2
    assert undisturbed[1].images == len(search_arrays().training)
    assert undisturbed[1].space == SPACE


def test_trials_are_ranked_and_the_first_is_chosen(undisturbed: Searched) -> None:
    result = undisturbed[1]
    scores = [row.val_accuracy for row in result.trials if row.val_accuracy is not None]
    assert scores == sorted(scores, reverse=True)
    assert result.chosen == result.trials[0].network
    assert result.seconds == pytest.approx(sum(row.seconds for row in result.trials))


def test_a_score_is_the_best_epoch_of_its_stored_history(undisturbed: Searched) -> None:
    found = histories(*undisturbed)
    for row in undisturbed[1].trials:
        if row.state == "COMPLETED":
            epochs = found[row.configuration][: row.epochs]
            assert len(epochs) == row.epochs
            assert row.val_accuracy == max(epoch["val_accuracy"] for epoch in epochs)


def test_a_promoted_trial_goes_on_with_the_training_of_its_configuration(undisturbed: Searched) -> None:
    (promoted,) = [row for row in undisturbed[1].trials if row.rung == 1]
    (parent,) = [row for row in undisturbed[1].trials if row.configuration == promoted.configuration and row.rung == 0]
    assert promoted.network == parent.network
    assert [epoch["epoch"] for epoch in histories(*undisturbed)[promoted.configuration]] == [1, 2]
    rest = [row for row in undisturbed[1].trials if row.bracket == 1 and row.rung == 0]
    assert parent.val_accuracy == max(row.val_accuracy or 0 for row in rest)


def test_a_network_that_diverges_has_failed_with_its_words_and_the_others_go_on(undisturbed: Searched) -> None:
    store, result = undisturbed
    (failed,) = [row for row in result.trials if row.network["units"] == DOOMED]
    assert (failed.state, failed.val_accuracy) == ("FAILED", None)
    assert failed == result.trials[-1]
    assert {row.state for row in result.trials[:-1]} == {"COMPLETED"}
    assert failed.trial < max(row.trial for row in result.trials)  # others came after it
    assert b"loss nan, validation loss nan in epoch 2" in store.get("sweep/oracle.json")
    assert len(histories(store, result)[failed.configuration]) == 1


def test_a_finished_search_is_not_done_again(undisturbed: Searched) -> None:
    store, result = undisturbed
    before = store.list()
    assert search(store, lambda *_: pytest.fail("nothing is left to train")) == result
    assert [entry[:3] for entry in store.list()] == [entry[:3] for entry in before]


def test_a_search_killed_in_the_middle_ends_as_one_that_was_not(undisturbed: Searched, tmp_path: Path) -> None:
    kill_in_the_middle("search", str(tmp_path))
    store = open_store(str(tmp_path))
    assert b'"status":"RUNNING"' in store.get("sweep/oracle.json")
    result = search(store)
    timeless = {"seconds": True, "trials": {"__all__": {"seconds"}}}
    assert result.model_dump(exclude=timeless) == undisturbed[1].model_dump(exclude=timeless)  # type: ignore[arg-type]
    assert histories(store, result) == histories(*undisturbed)


@pytest.mark.parametrize(("asked", "given"), [(None, 160), (160, 160), (1000, 160), (40, 40)])
def test_a_search_trains_on_as_many_images_as_it_asks_for(asked: int | None, given: int) -> None:
    arrays = search_arrays()
    chosen = subset(arrays, Search(images=asked), seed=1)
    assert len(set(chosen.training.tolist())) == given
    assert set(chosen.training) <= set(arrays.training)
    assert np.array_equal(chosen.validation, arrays.validation)
    assert np.array_equal(subset(arrays, Search(images=asked), seed=1).training, chosen.training)


def test_every_configuration_has_a_seed_of_its_own(arrays: Arrays) -> None:
    seeds = {trial_seed(seed, number) for seed in (0, 1, 123) for number in range(30)}
    assert len(seeds) == 90
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert not seeds & {0, 1, 123}


def test_a_search_runs_on_jax(tmp_path: Path) -> None:
    environment = os.environ | ON_JAX
    command = [sys.executable, "-m", "tests.toy", "jax-search", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    trials = json.loads(ran.stdout.splitlines()[-1])
    assert [backend for backend, *_ in trials] == ["jax"] * ON_JAX_TRIALS
    assert {state for _, state, *_ in trials} == {"COMPLETED"}
    for *_, configuration, epochs in trials:
        assert (
            epochs
            == len(read_progress(open_store(str(tmp_path)), SWEEP.training(configuration)).epochs)
            == ON_JAX_TRIALS
        )
