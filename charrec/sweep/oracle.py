"""Keras Tuner's HyperbandOracle as a pure state machine: load a document, make a transition, dump it again.

It adds leases with fencing tokens, an index for each configuration, a tie-breaking rule, and failed trials that rank
last in their rung.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from copy import copy
from math import inf
from typing import Any, Literal, NamedTuple

import keras_tuner as kt
from keras_tuner.src.engine.metrics_tracking import MetricsTracker
from keras_tuner.src.engine.trial import Trial

from charrec.sweep.document import (
    BELIEVED,
    PARENT,
    STRETCHES,
    Bracket,
    Document,
    Failure,
    How,
    Lease,
    Stretch,
    TrialRecord,
    point,
)
from charrec.sweep.objective import Objective
from charrec.sweep.schedule import Hyperband, configurations
from charrec.sweep.space import Space, Value

LOSSES = 5  # consecutive workers that a trial may lose without finishing an epoch
WORST = {"max": -inf, "min": inf}  # the score of a failed trial when its rung is ranked
FAILURES = 5  # consecutive failed trials that end the search: the networks are not to blame
REMEMBERED = 128  # transactions
CROWDED = 10  # times as many points as configurations; in a smaller space draws may well collide
COLLISIONS = 20  # after which Keras Tuner takes a space to be exhausted
DRAWS = 100  # times the points of a crowded space, after which none of them is taken to be left


class Assignment(NamedTuple):
    """A trial leased to a worker."""

    trial: str
    token: int
    configuration: int
    values: dict[str, Value]  # the point of the space
    first: int  # epochs of its configuration before this trial
    epochs: int  # in total after it


class DurableHyperband(kt.oracles.HyperbandOracle):
    """HyperbandOracle without files. Uses private names of Keras Tuner 1.4.8 (tests/sweep/test_contract.py)."""

    def __init__(self, search: Hyperband, seed: int, space: Space, objective: Objective) -> None:
        super().__init__(
            objective=kt.Objective(objective.name, objective.direction),
            max_epochs=search.max_epochs,
            factor=search.factor,
            seed=seed + 1,  # Keras Tuner reads 0 as "random"
            hyperparameters=space.tuner(),
            allow_new_entries=False,
            max_consecutive_failed_trials=FAILURES,
        )
        self.space = space
        self.verbose = 0
        size = space.size(CROWDED * configurations(search))
        if size < inf:  # or it takes a space that it nearly fills for one without a point left
            self._max_collisions: int = max(COLLISIONS, int(DRAWS * size))
        self._retry_queue: list[str] = []
        self.records: dict[str, TrialRecord] = {}  # current only in fields that Keras Tuner's Trial lacks
        self.leases: dict[str, Lease] = {}
        self.token = 0
        self.aborted: str | None = None
        self.transactions: list[str] = []
        self.now: float | None = None  # by the store's clock, in the transaction at hand

    # Transitions requested by workers

    def take(
        self, worker: str, shown: bool = True, barred: Collection[str] = ()
    ) -> Assignment | Literal["IDLE", "STOPPED"]:
        """A trial for this worker; IDLE: every trial is running or for others, ask again later; STOPPED: none is left.

        No worker gets a trial again that failed on it, or one that is `barred`. One that has not `shown` that it can
        train gets a trial with failures or losses only if there is no other.
        """
        if self.aborted:
            return "STOPPED"
        others = {name for name in self._retry_queue if name in barred or self._failed_on(worker, name)}
        doubtful = set() if shown else {name for name in self._retry_queue if self.doubtful(name)}
        trial = self._create(worker, apart=others | doubtful)
        if trial.status != "RUNNING" and doubtful:
            trial = self._create(worker, apart=others)
        if trial.status != "RUNNING":
            return "IDLE" if others or trial.status == "IDLE" else "STOPPED"
        name, values = trial.trial_id, trial.hyperparameters.values
        trial.metrics, trial.score = MetricsTracker(), None  # discards earlier attempts
        if name not in self.records:
            parent = values.get(PARENT)
            new = len({record.configuration for record in self.records.values()})
            number = self.records[parent].configuration if parent else new
            self.records[name] = TrialRecord(configuration=number, values=values, status="RUNNING")
        self.token += 1
        self.leases[name] = Lease(worker=worker, token=self.token, shown=shown, begun=_tenths(self.now))
        return self._assignment(name, self.token)

    def holds(self, assignment: Assignment) -> bool:
        """Whether the assignment's lease is still current."""
        lease = self.leases.get(assignment.trial)
        return lease is not None and lease.token == assignment.token

    def doubtful(self, name: str) -> bool:
        """Whether the trial has failed or lost its worker; the trial or a machine is to blame."""
        return bool(self.records[name].failures) or self.costly(name, 1)

    def costly(self, name: str, workers: int) -> bool:
        """Whether the trial has cost so many workers, in a row or without their having shown anything."""
        return self.records[name].losses + self.records[name].doubts >= workers

    def vouch(self, assignment: Assignment) -> bool:
        """Notes that the trial's worker can train. False, without effect, if the lease was lost."""
        if not self.holds(assignment):
            return False
        lease = self.leases[assignment.trial]
        self.leases[assignment.trial] = lease.model_copy(update={"shown": True})
        return True

    def complete(self, assignment: Assignment, score: float, seconds: float) -> bool:
        """Completes the trial. False, without effect, if the lease was lost."""
        if not self.holds(assignment):
            return False
        self._worked(assignment.trial, "completed", assignment.epochs)
        self.update_trial(assignment.trial, {self.objective.name: score})
        self._end(assignment.trial, "COMPLETED", None, seconds)
        return True

    def fail(self, assignment: Assignment, message: str) -> bool:
        """Queues the failed trial for another worker, or ends it as FAILED if it failed on another one before.

        The worker must have shown that it can train. False, without effect, if the lease was lost.
        """
        if not self.holds(assignment):
            return False
        name, worker = assignment.trial, self.leases[assignment.trial].worker
        before = [failure for failure in self.records[name].failures if failure.worker != worker]
        self._worked(name, "failed")
        self._note(name, failures=[*before, Failure(worker=worker, message=message)])
        if len(before) + 1 < BELIEVED:
            self._queue(name, message)
        else:
            self._end(name, "FAILED", message, 0.0)
        return True

    def doubt(self, assignment: Assignment, message: str) -> bool:
        """Queues a trial that failed on a worker which may be to blame itself. False if the lease was lost."""
        if not self.holds(assignment):
            return False
        self._worked(assignment.trial, "failed")
        self._note(assignment.trial, doubts=self.records[assignment.trial].doubts + 1)
        self._queue(assignment.trial, message)
        return True

    def proof(self) -> Assignment | None:
        """A trial that has completed, which any machine that can train is able to repeat; None: none has."""
        completed = (name for name in self.end_order if self.trials[name].status == "COMPLETED")
        name = next(completed, None)
        return self._assignment(name, token=0) if name else None

    def give_back(self, assignment: Assignment, epochs: int | None = None) -> bool:
        """Releases the trial for the next worker to resume; `epochs` of its configuration are done.

        False, without effect, if the lease was lost.
        """
        if not self.holds(assignment):
            return False
        self._worked(assignment.trial, "given back", epochs)
        self._queue(assignment.trial, None)
        return True

    def free(self, name: str) -> None:
        """Requeues a trial whose worker ended by itself and could not give it back; nothing counts against it."""
        self._worked(name, "given back", age=None)
        self._queue(name, None)

    def lose(self, name: str, epochs: int, most: int = LOSSES, age: float = 0.0) -> None:
        """Requeues a trial whose worker vanished after `epochs` epochs, and gave its last sign `age` seconds ago.

        After too many losses in a row it is FAILED.

        A worker that had shown nothing counts for nothing: its machine may end every process.
        """
        self._worked(name, "lost", epochs, age)
        record = self.records[name]
        if not self.leases[name].shown:
            self._note(name, doubts=record.doubts + 1)
            self._queue(name, f"lost worker {self.leases[name].worker}")
            return
        losses = record.losses + 1 if epochs == record.losses_at else 1
        self._note(name, losses=losses, losses_at=epochs)
        if losses > most:
            self._end(name, "FAILED", f"lost {losses} workers in a row in epoch {epochs + 1}", 0.0)
        else:
            self._queue(name, f"lost worker {self.leases[name].worker}")

    def _assignment(self, name: str, token: int) -> Assignment:
        values = self.trials[name].hyperparameters.values
        return Assignment(
            trial=name,
            token=token,
            configuration=self.records[name].configuration,
            values=point(values),
            first=values["tuner/initial_epoch"],
            epochs=values["tuner/epochs"],
        )

    def _create(self, worker: str, apart: Collection[str]) -> Trial:
        """Keras Tuner's next trial for the worker, as if those `apart` were not waiting."""
        waiting = self._retry_queue
        self._retry_queue = [name for name in waiting if name not in apart]
        trial = self.create_trial(worker)
        self._retry_queue = [name for name in waiting if name in apart or name in self._retry_queue]
        return trial

    def _failed_on(self, worker: str, name: str) -> bool:
        return any(failure.worker == worker for failure in self.records[name].failures)

    # State

    def dump(self) -> Document:
        """The complete state."""
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
        """Restores a dumped state."""
        self.records, self.leases = dict(document.trials), dict(document.leases)
        self.token, self.aborted, self.transactions = document.token, document.aborted, list(document.transactions)
        points = self.space.tuner()  # built once, since this takes most of the time
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

    def _worked(self, name: str, how: How, epochs: int | None = None, age: float | None = 0.0) -> None:
        """Keeps the work of the lease that ends now; it was over `age` seconds ago (None: nobody knows when)."""
        lease = self.leases[name]
        if lease.begun is not None and self.now is not None:
            ended = None if age is None else max(self.now - age, lease.begun)  # the store's clock may have jumped
            stretch = Stretch(worker=lease.worker, begun=lease.begun, ended=_tenths(ended), how=how, epochs=epochs)
            self._note(name, stretches=[*self.records[name].stretches, stretch][-STRETCHES:])

    def _queue(self, name: str, message: str | None) -> None:
        """Ends the lease and queues the trial for the next worker."""
        self.ongoing_trials.pop(self.leases.pop(name).worker)
        self.trials[name].status, self.trials[name].message = "INVALID", message
        self._retry_queue.append(name)

    def _end(self, name: str, status: str, message: str | None, seconds: float) -> None:
        trial = self.trials[name]
        trial.status, trial.message = status, message
        self.end_trial(trial)
        del self.leases[name]
        self._note(name, seconds=round(seconds, 3))

    # Hooks called by Keras Tuner

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Keras Tuner's choice of the next point, with three differences: failed trials rank last, ties promote the
        earlier configuration regardless of finishing order, and a promoted trial records its own bracket.
        """
        for bracket in self._brackets:
            for rung in bracket["rounds"]:  # Keras Tuner's own sort is stable
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
            trial.status, trial.score = "COMPLETED", WORST[self.objective.direction]
        try:
            yield
        finally:
            for trial in failed:
                trial.status, trial.score = "FAILED", None

    def _check_consecutive_failures(self) -> None:
        """Records too many failures in the document; an exception would reach one worker only."""
        try:
            super()._check_consecutive_failures()
        except RuntimeError as error:
            self.aborted = self.aborted or str(error)

    def save(self) -> None:
        """Does nothing; `dump` returns the state."""

    def reload(self) -> None:
        """Does nothing; `load` restores the state."""

    def _save_trial(self, trial: Trial) -> None:
        """Does nothing; `dump` includes the trials."""


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _trial(name: str, record: TrialRecord, points: kt.HyperParameters) -> Trial:
    """The record as a Keras Tuner trial; the space comes from the code, only the values from the document."""
    hyperparameters = copy(points)
    hyperparameters.values = dict(record.values)
    trial = Trial(hyperparameters, trial_id=name, status=record.status, message=record.message)
    trial.score, trial.best_step = record.score, record.best_step
    return trial
