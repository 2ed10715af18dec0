"""Keras Tuner's HyperbandOracle as a pure state machine: loaded from a document, asked, dumped again.

What is added: leases with fencing tokens, the index of a configuration, a rule for ties, and failed trials that
count as the worst of their rung.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, Literal, NamedTuple

import keras_tuner as kt
from keras_tuner.src.engine.metrics_tracking import MetricsTracker
from keras_tuner.src.engine.trial import Trial

from charrec.models.convnet import ConvNet
from charrec.study import Search
from charrec.sweep.document import PARENT, Bracket, Document, Lease, TrialRecord
from charrec.sweep.space import propose, space

OBJECTIVE = "val_accuracy"
WORST = -1.0  # the score of a failed trial among those of its rung
RETRIES = 2  # of a trial that fails
LOSSES = 5  # workers in a row that a trial may lose without finishing an epoch
FAILURES = 5  # failed trials in a row that end the search: then it is not the networks
REMEMBERED = 128  # transactions


class Assignment(NamedTuple):
    """A trial that a worker holds."""

    trial: str
    token: int
    configuration: int
    network: ConvNet
    first: int  # epochs that its configuration was trained for before this trial
    epochs: int  # in all after it


class DurableHyperband(kt.oracles.HyperbandOracle):
    """HyperbandOracle without files. Rests on private names of Keras Tuner 1.4.8 (tests/sweep/test_contract.py)."""

    def __init__(self, search: Search, seed: int) -> None:
        super().__init__(
            objective=kt.Objective(OBJECTIVE, "max"),
            max_epochs=search.max_epochs,
            factor=search.factor,
            seed=seed + 1,  # Keras Tuner takes 0 for "any"
            hyperparameters=space(),
            allow_new_entries=False,
            max_consecutive_failed_trials=FAILURES,
        )
        self.verbose = 0
        self.records: dict[str, TrialRecord] = {}  # what Keras Tuner's Trial does not hold; the rest is stale here
        self.leases: dict[str, Lease] = {}
        self.token = 0
        self.aborted: str | None = None
        self.transactions: list[str] = []

    # What a worker asks

    def take(self, worker: str) -> Assignment | Literal["IDLE", "STOPPED"]:
        """A trial for this worker. IDLE: all that could run does, ask again. STOPPED: nothing is left."""
        if self.aborted:
            return "STOPPED"
        trial = self.create_trial(worker)
        if trial.status != "RUNNING":
            return "IDLE" if trial.status == "IDLE" else "STOPPED"
        name, values = trial.trial_id, trial.hyperparameters.values
        trial.metrics, trial.score = MetricsTracker(), None  # nothing of a former try
        if name not in self.records:
            parent = values.get(PARENT)
            new = len({record.configuration for record in self.records.values()})
            number = self.records[parent].configuration if parent else new
            self.records[name] = TrialRecord(configuration=number, values=values, status="RUNNING")
        self.token += 1
        self.leases[name] = Lease(worker=worker, token=self.token)
        return Assignment(
            trial=name,
            token=self.token,
            configuration=self.records[name].configuration,
            network=propose(values),
            first=values["tuner/initial_epoch"],
            epochs=values["tuner/epochs"],
        )

    def holds(self, given: Assignment) -> bool:
        """Whether the lease still stands."""
        lease = self.leases.get(given.trial)
        return lease is not None and lease.token == given.token

    def complete(self, given: Assignment, score: float, seconds: float) -> bool:
        """The trial is done. False, and nothing, if it is another's by now."""
        if not self.holds(given):
            return False
        self.update_trial(given.trial, {OBJECTIVE: score})
        self._end(given.trial, "COMPLETED", None, seconds)
        return True

    def fail(self, given: Assignment, message: str) -> bool:
        """The trial failed: it is tried again, or FAILED. False, and nothing, if it is another's by now."""
        if not self.holds(given):
            return False
        attempts = self.records[given.trial].attempts + 1
        self._note(given.trial, attempts=attempts)
        if attempts <= RETRIES:
            self._queue(given.trial, message)
        else:
            self._end(given.trial, "FAILED", message, 0.0)
        return True

    def give_back(self, given: Assignment) -> bool:
        """The worker leaves; whoever comes next goes on. False, and nothing, if the trial is another's by now."""
        if not self.holds(given):
            return False
        self._queue(given.trial, None)
        return True

    def lose(self, name: str, epochs: int, most: int = LOSSES) -> None:
        """The worker of a trial is gone, after so many epochs. A trial that always kills its workers is FAILED."""
        record = self.records[name]
        losses = record.losses + 1 if epochs == record.losses_at else 1
        self._note(name, losses=losses, losses_at=epochs)
        if losses > most:
            self._end(name, "FAILED", f"lost {losses} workers in a row in epoch {epochs + 1}", 0.0)
        else:
            self._queue(name, f"lost worker {self.leases[name].worker}")

    # What lasts

    def dump(self) -> Document:
        """The whole state."""
        return Document(
            trials={name: self._record(name) for name in self.start_order},
            ended=list(self.end_order),
            waiting=list(self._retry_queue),
            leases=dict(self.leases),
            token=self.token,
            brackets=[Bracket.model_validate(bracket) for bracket in self._brackets],
            current_bracket=self._current_bracket,
            current_iteration=self._current_iteration,
            seed_state=self._seed_state,
            aborted=self.aborted,
            transactions=self.transactions[-REMEMBERED:],
        )

    def load(self, document: Document) -> None:
        """Become what was dumped."""
        self.records, self.leases = dict(document.trials), dict(document.leases)
        self.token, self.aborted, self.transactions = document.token, document.aborted, list(document.transactions)
        points = space()  # once: building it is most of the work
        self.trials = {name: _trial(name, record, points) for name, record in self.records.items()}
        self.ongoing_trials = {lease.worker: self.trials[name] for name, lease in self.leases.items()}
        self.start_order, self.end_order = list(self.trials), list(document.ended)
        self._retry_queue = list(document.waiting)
        self._brackets = [bracket.model_dump() for bracket in document.brackets]
        self._current_bracket, self._current_iteration = document.current_bracket, document.current_iteration
        self._seed_state = document.seed_state
        self._tried_so_far.clear()
        self._id_to_hash.clear()
        for trial in self.trials.values():
            self._record_values(trial)

    def _record(self, name: str) -> TrialRecord:
        trial = self.trials[name]
        return self.records[name].model_copy(
            update={
                "status": trial.status,
                "score": trial.score,
                "best_step": trial.best_step,
                "message": trial.message,
            }
        )

    def _note(self, name: str, **changes: Any) -> None:
        self.records[name] = self.records[name].model_copy(update=changes)

    def _queue(self, name: str, message: str | None) -> None:
        """Take the trial from its worker, for the next that asks."""
        self.ongoing_trials.pop(self.leases.pop(name).worker)
        self.trials[name].status, self.trials[name].message = "INVALID", message
        self._retry_queue.append(name)

    def _end(self, name: str, status: str, message: str | None, seconds: float) -> None:
        trial = self.trials[name]
        trial.status, trial.message = status, message
        self.end_trial(trial)
        del self.leases[name]
        self._note(name, seconds=round(seconds, 3))

    # What Keras Tuner calls

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Keras Tuner's choice of the next point, but that failed trials take part as the worst, that of equals the
        earlier configuration is promoted, whoever came first, and that a promoted trial is told its own bracket.
        """
        for bracket in self._brackets:
            for rung in bracket["rounds"]:  # Keras Tuner's sort is stable
                rung.sort(key=lambda place: self.records[place["id"]].configuration)
        with self._failed_as_worst():
            answer: dict[str, Any] = super().populate_space(trial_id)
        values = answer.get("values", {})
        if PARENT in values:
            values["tuner/bracket"] = self.records[values[PARENT]].values["tuner/bracket"]
        return answer

    @contextmanager
    def _failed_as_worst(self) -> Iterator[None]:
        failed = [trial for trial in self.trials.values() if trial.status == "FAILED"]
        for trial in failed:
            trial.status, trial.score = "COMPLETED", WORST
        try:
            yield
        finally:
            for trial in failed:
                trial.status, trial.score = "FAILED", None

    def _check_consecutive_failures(self) -> None:
        """Too many failures end the search as data; raising here would be one worker's alone."""
        try:
            super()._check_consecutive_failures()
        except RuntimeError as error:
            self.aborted = self.aborted or str(error)

    def save(self) -> None:
        """Nothing: `dump` is the state."""

    def reload(self) -> None:
        """Nothing: `load` is the way back."""

    def _save_trial(self, trial: Trial) -> None:
        """Nothing: trials are part of `dump`."""


def _trial(name: str, record: TrialRecord, points: kt.HyperParameters) -> Trial:
    """Keras Tuner's form of it; the space is the code's, only the values are the document's."""
    hyperparameters = copy(points)
    hyperparameters.values = dict(record.values)
    trial = Trial(hyperparameters, trial_id=name, status=record.status, message=record.message)
    trial.score, trial.best_step = record.score, record.best_step
    return trial
