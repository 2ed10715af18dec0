"""A worker's heartbeat: a small object that it keeps rewriting, and whose age others read.

The age is measured by the store's clock alone, so workers need not agree on the time.
"""

import logging
import os
import platform
import random
import re
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from pydantic import NonNegativeInt, PositiveFloat

from charrec.errors import InputError
from charrec.storage import Corrupt, NotFound, Store, Unrecorded
from charrec.storage.document import Foreign
from charrec.storage.document import document as told
from charrec.study import Frozen
from charrec.sweep.account import Account, Seconds
from charrec.sweep.document import WorkerId, parsed
from charrec.sweep.plan import Plan

if TYPE_CHECKING:
    from charrec.sweep.oracle import Assignment, Oracle

log = logging.getLogger(__name__)


class Terms(Frozen):
    """The time limits of a search. None of them changes what a network learns."""

    lease: PositiveFloat = 60.0  # seconds without a sign of life after which a worker's trial is another's
    stall: PositiveFloat = 900.0  # seconds without a step after which a worker gives no more signs
    poll: PositiveFloat = 5.0  # seconds between two questions of an idle worker
    idle: PositiveFloat | None = None  # seconds after which an idle worker leaves; none: at the search's end
    outage: PositiveFloat = 900.0  # seconds without the store that a worker waits out
    losses: NonNegativeInt = 5  # workers in a row that a trial may lose without finishing an epoch; then it is to blame


class Beat(Frozen):
    """What a sign of life says."""

    worker: WorkerId
    trial: str | None = None
    epochs: NonNegativeInt = 0  # done by now, of its configuration in all executions
    steps: NonNegativeInt = 0  # done of the next epoch
    seconds: Seconds = 0.0  # since the last epoch that it has stored, or since it took the trial


class LeaseLost(Exception):
    """The trial has passed to another worker; nothing more of it may be stored here."""


class Heartbeat:
    """Beats in a thread of its own during its `with` block, and knows whether the lease still holds."""

    def __init__(self, store: Store, plan: Plan, terms: Terms) -> None:
        self.store, self.plan, self.terms = store, plan, terms
        host = re.sub(r"[^A-Za-z0-9]+", "-", platform.node()).strip("-")[:40] or "worker"
        self.worker = f"{host}-{os.getpid()}-{uuid4().hex[:6]}"
        self.given: Assignment | None = None
        self.account = Account()  # of the search, as it was at the last sign of life
        self._said = Beat(worker=self.worker)
        self._lost = False
        self._stepped = self._beaten = self._stored = time.monotonic()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name=f"heartbeat {self.worker}", daemon=True)

    def __enter__(self) -> Self:
        self._beat()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()
        try:
            self.store.delete(_key(self.plan, self.worker))
        except (OSError, InputError) as failed:
            if error is None:
                raise
            log.warning("the last sign of life stays: %s", failed)  # the worker's own error is the one to tell

    def hold(self, given: "Assignment | None") -> None:
        """From now on, this trial; None: none."""
        self.given, self._lost = given, False
        self._stepped = self._stored = time.monotonic()
        epochs = self.plan.executions * given.first if given else 0
        self._said = Beat(worker=self.worker, trial=given.trial if given else None, epochs=epochs)

    def lap(self) -> float:
        """Seconds since the last call, or since the trial was taken: all that it trained until then is stored."""
        since, self._stored = self._stored, time.monotonic()
        return self._stored - since

    def step(self, epochs: int, steps: int) -> None:
        """Another step is done. Raises LeaseLost if it was in vain."""
        now = time.monotonic()
        self._stepped, self._said = now, self._said.model_copy(update={"epochs": epochs, "steps": steps})
        if now - self._beaten > self.terms.lease:  # this process was frozen, or the store was away
            self._beat()
        self._still()

    @property
    def epochs(self) -> int:
        """Done of the trial's configuration at the last step."""
        return self._said.epochs

    def confirm(self) -> None:
        """Asks the store. Raises LeaseLost if the trial has passed to another worker."""
        self._beat()
        self._still()

    def _still(self) -> None:
        if self._lost:
            raise LeaseLost(self.given.trial if self.given else "")

    def _go_on(self) -> None:
        while not self._end.wait(self.terms.lease / 4 * random.uniform(0.8, 1.0)):
            if self.given and time.monotonic() - self._stepped > self.terms.stall:
                if not self._lost:
                    log.error("no step for %.0f s; another worker may have the trial", self.terms.stall)
                self._lost = True
                continue
            try:
                self._beat()
            except (OSError, InputError) as error:  # the worker itself meets it at its next write
                log.warning("no sign of life could be given: %s", error)

    def _beat(self) -> None:
        """A sign of life; then, whether it is still wanted."""
        given = self.given
        said = self._said.model_copy(update={"seconds": round(time.monotonic() - self._stored, 3)})
        self.store.put(_key(self.plan, self.worker), said.model_dump_json().encode())
        if given:
            try:
                document = parsed(self.store.get(self.plan.oracle), self.store.url, self.plan.space)
            except NotFound:
                document = None
            self.account = document.account if document else Account()
            lease = document.leases.get(given.trial) if document else None
            if self.given == given and (lease is None or lease.token != given.token):
                self._lost = True
        self._beaten = time.monotonic()


def ages(store: Store, plan: Plan) -> dict[str, float]:
    """Worker -> seconds since its last sign of life."""
    start = f"{plan.key}/workers/"
    return {entry.key.removeprefix(start): entry.age for entry in store.list(start)}


def reap(store: Store, plan: Plan, oracle: "Oracle", terms: Terms) -> None:
    """Revoke the trials of workers that are gone. `oracle` was loaded before this is called.

    In that order a new worker is never taken for a lost one: its heartbeat is older than its first lease. A worker that
    ends by itself deletes its heartbeat, for which a full disk has room, though not for giving the trial back; so a
    lease without any heartbeat is no loss. One that was killed leaves its heartbeat.
    """
    if not oracle.leases:
        return
    seen = ages(store, plan)
    for name, lease in list(oracle.leases.items()):
        age = seen.get(lease.worker)
        if age is None:
            log.warning("trial %s: worker %s ended without giving it back", name, lease.worker)
            oracle.free(name)
        elif age > terms.lease:
            done = plan.trained(store, oracle.records[name].configuration)
            log.warning("trial %s: worker %s is gone, after epoch %d", name, lease.worker, done)
            oracle.lose(name, done, terms.losses, age=age, lost=_lost(store, plan, lease.worker, name))


def pass_time(store: Store, plan: Plan, oracle: "Oracle", terms: Terms) -> None:
    """Count the search's hours, where its budget has a limit for them. `oracle` was loaded before this is called."""
    if not (oracle.account.budget and oracle.account.budget.hours):
        return
    signs = store.list(f"{plan.key}/workers/")
    holders = {_key(plan, lease.worker) for lease in oracle.leases.values()}
    youngest = min((sign.age for sign in signs if sign.key in holders), default=0.0)
    if (now := store.now()) is not None:
        oracle.pass_time(round(now, 3), youngest if youngest > terms.lease else 0.0)


def _lost(store: Store, plan: Plan, worker: str, trial: str) -> float:
    """Seconds that a worker which is gone had trained in vain, as it said last."""
    try:
        beat = told(Beat, store.get(_key(plan, worker)), worker)
    except (NotFound, Corrupt, Unrecorded, Foreign):
        return 0.0
    return beat.seconds if beat.trial == trial else 0.0


def bury(store: Store, plan: Plan, terms: Terms) -> None:
    """Delete the heartbeats left in a finished search; a living worker deletes its own when it leaves."""
    for worker in ages(store, plan):
        store.delete(_key(plan, worker))
    for entry in store.list(f"{plan.key}/proofs/"):
        if entry.age > terms.lease:  # a proof takes seconds: this one's worker was killed
            store.delete(entry.key)


def _key(plan: Plan, worker: str) -> str:
    return f"{plan.key}/workers/{worker}"
