"""Hyperband by Keras Tuner's own oracle, unmodified: it is told the trials so far, and asked for the next one.

Failed trials rank last in their rung, of equals the earlier configuration is promoted, and a promoted trial says its
own bracket: Keras Tuner's oracle says the one begun last.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from math import inf
from typing import Any

import keras_tuner as kt
from keras_tuner.src.engine.trial import Trial

from charrec.errors import InputError
from charrec.sweep.brackets import Brackets
from charrec.sweep.document import PARENT, Bracket, Document, TrialRecord
from charrec.sweep.objective import Objective
from charrec.sweep.schedule import configurations
from charrec.sweep.space import Space, Value

WORST = {"max": -inf, "min": inf}  # the score of a failed trial when its rung is ranked
CROWDED = 10  # times as many points as configurations; in a smaller space draws may well collide
COLLISIONS = 20  # after which Keras Tuner takes a space to be exhausted
DRAWS = 100  # times the points of a crowded space, after which none of them is taken to be left


class HyperbandProposer:
    """A `Proposer`. Uses private names of Keras Tuner 1.4.8 (tests/sweep/test_contract.py)."""

    def __init__(self, search: Brackets, seed: int, space: Space, objective: Objective) -> None:
        self.tuner = kt.oracles.HyperbandOracle(
            objective=kt.Objective(objective.name, objective.direction),
            max_epochs=search.max_epochs,
            factor=search.factor,
            hyperband_iterations=len(search.offsets),
            seed=seed + 1,  # Keras Tuner reads 0 as "random"
            hyperparameters=space.tuner(),
            allow_new_entries=False,
        )
        self.offsets = search.offsets
        size = space.size(CROWDED * configurations(search.rungs()))
        if size < inf:  # or it takes a space that it nearly fills for one without a point left
            self.tuner._max_collisions = max(COLLISIONS, int(DRAWS * size))

    def propose(self, name: str, trials: Mapping[str, TrialRecord], ended: Sequence[str]) -> dict[str, Value] | None:
        self._tell(trials)
        for bracket in self.tuner._brackets:
            for rung in bracket["rounds"]:  # Keras Tuner's own sort is stable
                rung.sort(key=lambda place: trials[place["id"]].configuration)
        answer = self.tuner.populate_space(name)
        if answer["status"] != "RUNNING":
            return None
        values = answer["values"]
        if PARENT in values:
            values["tuner/bracket"] = trials[values[PARENT]].values["tuner/bracket"]
        else:  # a new point is the latest bracket's
            values["tuner/bracket"] += self.offsets[self.tuner._current_iteration]
        self._add(name, values)
        return dict(self.tuner.trials[name].hyperparameters.values)

    def state(self) -> dict[str, Any]:
        return {
            "brackets": [Bracket.model_validate(bracket) for bracket in self.tuner._brackets],
            "current_bracket": self.tuner._current_bracket,
            "current_iteration": self.tuner._current_iteration,
            "seed_state": self.tuner._seed_state,
        }

    def restore(self, document: Document) -> None:
        if document.brackets is None:
            raise InputError(
                "a stored search by another schedule", "one by Hyperband", "Delete its folder from the store."
            )
        self.tuner._brackets = [bracket.model_dump() for bracket in document.brackets]
        self.tuner._current_bracket = document.current_bracket
        self.tuner._current_iteration = document.current_iteration
        self.tuner._seed_state = document.seed_state
        for known in (self.tuner.trials, self.tuner._tried_so_far, self.tuner._id_to_hash):
            known.clear()

    def _tell(self, trials: Mapping[str, TrialRecord]) -> None:
        """What has become of each trial; Keras Tuner's own rule would wait for the failed ones for ever."""
        for name, record in trials.items():
            if name not in self.tuner.trials:
                self._add(name, record.values)
            told, failed = self.tuner.trials[name], record.status == "FAILED"
            told.status = "COMPLETED" if failed else record.status
            told.score = WORST[self.tuner.objective.direction] if failed else record.score

    def _add(self, name: str, values: Mapping[str, Value]) -> None:
        """The space comes from the code, only the values from the document."""
        hyperparameters = copy(self.tuner.hyperparameters)  # building the space anew would take most of the time
        hyperparameters.values = dict(values)
        trial = self.tuner.trials[name] = Trial(hyperparameters, trial_id=name, status="RUNNING")
        self.tuner._record_values(trial)
