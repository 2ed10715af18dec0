"""HyperbandOracle as a pure state machine: loaded from one JSON object, run, swapped back."""

import json
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

import keras_tuner as kt
from keras_tuner.src.engine.trial import Trial

from charrec.errors import InputError
from charrec.storage import Conflict, Store
from charrec.study import Search
from charrec.sweep.space import space

Answer = TypeVar("Answer")

VERSION = 1
ATTEMPTS = 50  # conflicts in a row before a transaction gives up


class DurableHyperband(kt.oracles.HyperbandOracle):
    """HyperbandOracle without files: what lasts is the transaction's job.

    Rests on private names of Keras Tuner 1.4.8 (`_save_trial`, `_check_consecutive_failures`), which
    tests/sweep/test_contract.py holds.
    """

    def __init__(self, search: Search, seed: int) -> None:
        super().__init__(
            objective=kt.Objective("val_accuracy", "max"),
            max_epochs=search.max_epochs,
            factor=search.factor,
            seed=seed + 1,  # Keras Tuner takes 0 for "any"
            hyperparameters=space(),
            allow_new_entries=False,
        )
        self.verbose = 0
        self.configurations: dict[str, int] = {}  # trial -> its configuration, counted in order of appearance
        self.seconds: dict[str, float] = {}  # trial -> time spent on it

    def save(self) -> None:
        """Nothing: `dump` is the state."""

    def reload(self) -> None:
        """Nothing: `load` is the way back."""

    def _save_trial(self, trial: Trial) -> None:
        """Nothing: trials are part of `dump`."""

    def _check_consecutive_failures(self) -> None:
        """Failures are data here; whoever reads the search sees them."""

    def dump(self) -> dict[str, Any]:
        """The whole state, JSON-like."""
        return {
            "version": VERSION,
            "oracle": self.get_state(),
            "trials": {name: trial.get_state() for name, trial in self.trials.items()},
            "configurations": self.configurations,
            "seconds": self.seconds,
        }

    def load(self, document: dict[str, Any]) -> None:
        """Become what `dump` wrote."""
        if document.get("version") != VERSION:
            raise InputError(
                f"a search of version {document.get('version')!r}",
                f"version {VERSION}",
                "Go on with the charrec that began it, or delete it from the store.",
            )
        self.trials = {name: Trial.from_state(state) for name, state in document["trials"].items()}
        self.set_state(document["oracle"])
        self.configurations, self.seconds = document["configurations"], document["seconds"]

    def new_trial(self, worker: str) -> Trial:
        """Keras Tuner's `create_trial`; a promoted trial keeps the configuration of its parent."""
        trial = self.create_trial(worker)
        if trial.status == "RUNNING" and trial.trial_id not in self.configurations:
            parent = trial.hyperparameters.values.get("tuner/trial_id")
            new = len(set(self.configurations.values()))
            self.configurations[trial.trial_id] = self.configurations[parent] if parent else new
        return trial


def transact(store: Store, key: str, oracle: DurableHyperband, operation: Callable[[], Answer]) -> Answer:
    """Load, operate, swap; on a conflict all of it again. `operation` acts on `oracle` and may run often."""
    name = f"{key}/oracle.json"
    for attempt in range(ATTEMPTS):
        if store.exists(name):
            data, version = store.read(name)
            oracle.load(json.loads(data))
        else:
            version = None
        answer = operation()
        after = json.dumps(oracle.dump(), sort_keys=True).encode()
        if version and after == data:
            return answer
        try:
            if version:
                store.swap(name, after, version)
            else:
                store.create(name, after)
            return answer
        except Conflict:
            time.sleep(random.uniform(0, min(2.0, 0.05 * 2**attempt)))
    raise TimeoutError(f"{store.url}/{name}: {ATTEMPTS} conflicts in a row; are too many workers at it?")
