"""A search as a pure state machine: load a document, make a transition, dump it again.

Leases with fencing tokens, a queue of trials to go on with, failures, losses, an index for each configuration. Which
trial is next when none waits, its schedule proposes.
"""

from collections.abc import Collection
from math import isfinite
from typing import Any, Literal, NamedTuple

from charrec.sweep.account import Account
from charrec.sweep.document import (
    BELIEVED,
    PARENT,
    STRETCHES,
    Document,
    Failure,
    How,
    Lease,
    Stretch,
    TrialRecord,
    point,
)
from charrec.sweep.extended import extended
from charrec.sweep.extension import NONE
from charrec.sweep.objective import Objective
from charrec.sweep.scheduling import Schedule
from charrec.sweep.space import Space, Value

LOSSES = 5  # consecutive workers that a trial may lose without finishing an epoch
FAILURES = 5  # consecutive failed trials that end the search: the networks are not to blame
COSTLY = 2  # workers that a trial has cost; the next one shows first that it can train, so that its loss counts
TOO_LARGE = (
    f"needs more memory than {BELIEVED} workers had; leave such points out of the space, or try it anew on a larger"
    " machine by `charrec sweep retry`"
)
REMEMBERED = 128  # transactions


class Assignment(NamedTuple):
    """A trial leased to a worker."""

    trial: str
    token: int
    configuration: int
    values: dict[str, Value]  # the point of the space
    first: int  # epochs of its configuration before this trial, in each execution
    epochs: int  # in total after it


class Oracle:
    """The search's whole state; knows no schedule."""

    def __init__(self, schedule: Schedule, seed: int, space: Space, objective: Objective) -> None:
        self.schedule, self.seed, self.objective = schedule, seed, objective
        self.space = self.first_space = space
        self.extension = NONE
        self.proposer = schedule.proposer(seed, space, objective)
        self.records: dict[str, TrialRecord] = {}  # in the order of their beginning
        self.ended: list[str] = []
        self.waiting: list[str] = []  # for a worker; the last comes first
        self.leases: dict[str, Lease] = {}
        self.token = 0
        self.aborted: str | None = None
        self.transactions: list[str] = []
        self.now: float | None = None  # by the store's clock, in the transaction at hand
        self.account = Account()

    # Transitions requested by workers

    def take(
        self, worker: str, shown: bool = True, barred: Collection[str] = ()
    ) -> Assignment | Literal["IDLE", "STOPPED", "OVER"]:
        """A trial for this worker; IDLE: every trial is running or for others, ask again later; STOPPED: none is left.

        OVER: some may be left, but the search is stopped or its budget is spent, and no worker has a trial any more.

        No worker gets a trial again that failed on it, or one that is `barred`. One that has not `shown` that it can
        train gets a trial with failures or losses only if there is no other.
        """
        if self.aborted:
            return "STOPPED"
        if self.account.over:
            return "IDLE" if self.leases else "OVER"
        others = {name for name in self.waiting if name in barred or self._failed_on(worker, name)}
        doubtful = set() if shown else {name for name in self.waiting if self.doubtful(name)}
        name = self._next(worker, apart=others | doubtful)
        if name is None and doubtful:
            name = self._next(worker, apart=others)
        if name is None:
            return "IDLE" if others or self.leases else "STOPPED"
        self._note(name, status="RUNNING", score=None)
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

    def complete(self, assignment: Assignment, score: float, seconds: float, executions: int = 1) -> bool:
        """Completes the trial. False, without effect, if the lease was lost."""
        if not self.holds(assignment):
            return False
        epochs = executions * assignment.epochs
        if isfinite(score):
            self._worked(assignment.trial, "completed", epochs)
            self._note(assignment.trial, score=score)
            self._end(assignment.trial, "COMPLETED", None, seconds)
        else:
            self._worked(assignment.trial, "failed", epochs)
            self._end(assignment.trial, "FAILED", f"its score is {score}", seconds)
        return True

    def fail(self, assignment: Assignment, message: str, memory: bool = False, lost: float = 0.0) -> bool:
        """Queues the failed trial for another worker, or ends it as FAILED if it failed on another one before.

        The worker must have shown that it can train. `memory`: memory ended. `lost`: as in `give_back`. False, without
        effect, if the lease was lost.
        """
        if not self.holds(assignment):
            return False
        name, worker = assignment.trial, self.leases[assignment.trial].worker
        before = [failure for failure in self.records[name].failures if failure.worker != worker]
        self._worked(name, "failed", lost=lost)
        self._note(name, failures=[*before, Failure(worker=worker, message=message, memory=memory)])
        if len(before) + 1 < BELIEVED:
            self._queue(name, message)
        else:
            self._end(name, "FAILED", f"{TOO_LARGE}: {message}" if self.records[name].too_large else message, 0.0)
        return True

    def doubt(self, assignment: Assignment, message: str, lost: float = 0.0) -> bool:
        """Queues a trial that failed on a worker which may be to blame itself. False if the lease was lost."""
        if not self.holds(assignment):
            return False
        self._worked(assignment.trial, "failed", lost=lost)
        self._note(assignment.trial, doubts=self.records[assignment.trial].doubts + 1)
        self._queue(assignment.trial, message)
        return True

    def suspect(self, assignment: Assignment, message: str, memory: bool, lost: float) -> bool:
        """Ends the lease of a trial after which its worker cannot train any more. Whether it counts as its failure.

        It does where the worker had shown before that it can train, and the trial had cost others: it may leave any
        process unable to train, and workers would end on it for ever. Else it is a doubt. `lost`: as in `give_back`.
        """
        if self.holds(assignment) and self.leases[assignment.trial].shown and self.costly(assignment.trial, COSTLY):
            return self.fail(assignment, message, memory, lost)
        self.doubt(assignment, message, lost)
        return False

    def proof(self) -> Assignment | None:
        """A trial that has completed, which any machine that can train is able to repeat; None: none has."""
        completed = (name for name in self.ended if self.records[name].status == "COMPLETED")
        name = next(completed, None)
        return self._assignment(name, token=0) if name else None

    def give_back(self, assignment: Assignment, epochs: int | None = None, lost: float = 0.0) -> bool:
        """Releases the trial for the next worker to resume; `epochs` of its configuration are done.

        `lost`: seconds that its worker trained and that are in no stored epoch. False, without effect, if the lease was
        lost.
        """
        if not self.holds(assignment):
            return False
        self._worked(assignment.trial, "given back", epochs, lost=lost)
        self._queue(assignment.trial, None)
        return True

    def free(self, name: str) -> None:
        """Requeues a trial whose worker ended by itself and could not give it back; nothing counts against it."""
        self._worked(name, "given back", age=None)
        self._queue(name, None)

    def lose(self, name: str, epochs: int, most: int = LOSSES, age: float = 0.0, lost: float = 0.0) -> None:
        """Requeues a trial whose worker vanished after `epochs` epochs, and gave its last sign `age` seconds ago.

        After too many losses in a row it is FAILED.

        A worker that had shown nothing counts for nothing: its machine may end every process. `lost`: seconds that it
        had trained since its last stored epoch.
        """
        self._worked(name, "lost", epochs, age, lost)
        self._keep_account(vanished=self.account.vanished + 1)
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

    # What it costs

    def spend(self, assignment: Assignment, seconds: float) -> None:
        """The trial's worker had it for so long since it last said so."""
        if self.account.budget and self.holds(assignment):
            self._keep_account(trained=round(self.account.trained + seconds, 3))

    def pass_time(self, now: float, alone: float = 0.0) -> None:
        """It is `now` by the store's clock; for the last `alone` seconds no worker has lived."""
        before = self.account.until
        worked = max(0.0, now - before - alone) if before is not None and self.leases else 0.0
        self._keep_account(
            worked=round(self.account.worked + worked, 3), until=now if before is None else max(before, now)
        )

    def _keep_account(self, **changes: Any) -> None:
        self.account = self.account.model_copy(update=changes)

    def _assignment(self, name: str, token: int) -> Assignment:
        record = self.records[name]
        return Assignment(
            trial=name,
            token=token,
            configuration=record.configuration,
            values=point(record.values),
            first=record.first,
            epochs=record.epochs,
        )

    def _next(self, worker: str, apart: Collection[str]) -> str | None:
        """The trial that the worker has, one that waits but for those `apart`, or a new one; None: there is none."""
        if held := [name for name, lease in self.leases.items() if lease.worker == worker]:
            return held[0]
        if free := [name for name in self.waiting if name not in apart]:
            self.waiting.remove(free[-1])
            return free[-1]
        name = f"{len(self.records):04d}"
        values = self.proposer.propose(name, self.records, self.ended)
        if values is None:
            return None
        new = len({record.configuration for record in self.records.values()})
        number = self.records[str(values[PARENT])].configuration if PARENT in values else new
        self.records[name] = TrialRecord(configuration=number, values=values, status="RUNNING", best_step=0)
        return name

    def _failed_on(self, worker: str, name: str) -> bool:
        return any(failure.worker == worker for failure in self.records[name].failures)

    # State

    def dump(self) -> Document:
        """The complete state."""
        return Document(
            trials=self.records,
            ended=self.ended,
            waiting=self.waiting,
            leases=self.leases,
            token=self.token,
            aborted=self.aborted,
            transactions=self.transactions[-REMEMBERED:],
            **self.proposer.state(),
            extension=self.extension,
            account=self.account,
        )

    def load(self, document: Document) -> None:
        """Restores a dumped state."""
        self.records, self.leases = dict(document.trials), dict(document.leases)
        self.token, self.aborted, self.transactions = document.token, document.aborted, list(document.transactions)
        self.ended, self.waiting = list(document.ended), list(document.waiting)
        if document.extension != self.extension:
            self.extension, self.space = document.extension, document.extension.space or self.first_space
            self.proposer = extended(self.schedule, self.extension).proposer(self.seed, self.space, self.objective)
        self.proposer.restore(document)
        self.account = document.account

    def _note(self, name: str, **changes: Any) -> None:
        self.records[name] = self.records[name].model_copy(update=changes)

    def _worked(
        self, name: str, how: How, epochs: int | None = None, age: float | None = 0.0, lost: float = 0.0
    ) -> None:
        """Keeps the work of the lease that ends now; it was over `age` seconds ago (None: nobody knows when)."""
        lease = self.leases[name]
        if lost:
            self._keep_account(lost=round(self.account.lost + lost, 3))
        if lease.begun is not None and self.now is not None:
            ended = None if age is None else max(self.now - age, lease.begun)  # the store's clock may have jumped
            stretch = Stretch(
                worker=lease.worker, begun=lease.begun, ended=_tenths(ended), how=how, epochs=epochs,
                lost=round(lost, 3),
            )  # fmt: skip
            self._note(name, stretches=[*self.records[name].stretches, stretch][-STRETCHES:])

    def _queue(self, name: str, message: str | None) -> None:
        """Ends the lease and queues the trial for the next worker."""
        del self.leases[name]
        self._note(name, status="INVALID", message=message)
        self.waiting.append(name)

    def _end(self, name: str, status: str, message: str | None, seconds: float) -> None:
        del self.leases[name]
        self._note(name, status=status, message=message, seconds=round(seconds, 3))
        self.ended.append(name)
        # Of those that need more memory than there is, any number may come in a row, and others go on
        latest = [one for one in self.ended if not self.records[one].too_large][-FAILURES:]
        if len(latest) == FAILURES and all(self.records[one].status == "FAILED" for one in latest):
            why = f"Number of consecutive failures exceeded the limit of {FAILURES}.\n{message or ''}"
            self.aborted = self.aborted or why


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
