"""A worker takes trials until there are none. Trials of one configuration are one training that goes on."""

import logging
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from charrec.epoch import TrainingDiverged
from charrec.recipe import Arrays, Recipe
from charrec.results import SearchResult
from charrec.storage import Store
from charrec.study import Search
from charrec.sweep.oracle import DurableHyperband, transact
from charrec.sweep.space import propose
from charrec.sweep.status import summarise
from charrec.training import train

log = logging.getLogger(__name__)

POLL = 5.0  # seconds
WORKER = "worker-1"  # a restarted worker gets its trial back by its name


def work(
    store: Store,
    key: str,
    search: Search,
    recipe: Recipe,
    arrays: Arrays,
    show: Callable[..., Any] | None = None,
) -> SearchResult:
    """Run the whole search, or what is left of it, stored under `key`.

    `recipe` gives what all trials share. A trial's numbers depend on the study's seed, the index of its
    configuration and the epoch, so not on who ran it or how often it was interrupted.
    """
    oracle = DurableHyperband(search, recipe.seed)
    arrays = subset(arrays, search, recipe.seed)
    while True:
        trial = transact(store, key, oracle, lambda: oracle.new_trial(WORKER))
        if trial.status == "IDLE":  # another worker's trial must end first
            time.sleep(POLL)
            continue
        if trial.status != "RUNNING":
            return summarise(oracle, len(arrays.training))
        start = time.perf_counter()
        values, index = trial.hyperparameters.values, oracle.configurations[trial.trial_id]
        trial_recipe = recipe.model_copy(update={"network": propose(values), "seed": trial_seed(recipe.seed, index)})
        metrics: dict[str, float] = {}
        try:
            progress = train(
                trial_recipe, arrays, values["tuner/epochs"], store, f"{key}/configuration-{index:03d}", show
            )
            best = max(progress.epochs, key=lambda row: row.val_accuracy)
            metrics, trial.status = (
                {"val_accuracy": best.val_accuracy, "val_loss": best.val_loss},
                "COMPLETED",
            )
        except TrainingDiverged as error:
            trial.status, trial.message = "FAILED", str(error)
        keras.backend.clear_session()
        seconds = time.perf_counter() - start
        transact(store, key, oracle, lambda t=trial, m=metrics, s=seconds: _end(oracle, t, m, s))  # type: ignore[misc]
        log.info("trial %s, configuration %d: %s %s", trial.trial_id, index, trial.status, metrics)


def _end(oracle: DurableHyperband, trial: Any, metrics: dict[str, float], seconds: float) -> None:
    if metrics:
        oracle.update_trial(trial.trial_id, metrics)
    oracle.end_trial(trial)
    oracle.seconds[trial.trial_id] = round(seconds, 3)


def subset(arrays: Arrays, search: Search, seed: int) -> Arrays:
    """The arrays with as many training images as the search asks for, drawn at random."""
    if search.images is None or search.images >= len(arrays.training):
        return arrays
    chosen = np.random.default_rng(seed).permutation(arrays.training)[: search.images]
    return Arrays(arrays.images, arrays.labels, chosen, arrays.validation)


def trial_seed(seed: int, configuration: int) -> int:
    """One seed per configuration, far from all others."""
    return int(np.random.SeedSequence([seed, configuration]).generate_state(1)[0]) >> 1
