"""A deployed run's process looks after its run: whether it still has it, and whether somebody wants it to end.

A run that is taken for lost is marked Crashed and scheduled again. If its process lives all the same, because a machine
stood still or somebody erred, that process notices here: it takes the run back as long as no other has begun it, and
ends without a word to Prefect once one has. Either way nothing is lost, since both work on the same store.

A run that is to be cancelled is ended by Prefect's runner, in its worker. Once that could not reach the server for half
a minute, it looks no more ("Flow run cancellation disabled"), and no setting changes that: the process ends itself.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from time import monotonic
from uuid import UUID

import httpx
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Running

from tasks.pool import deployed, stop_children

log = logging.getLogger(__name__)

EVERY = 5.0  # seconds between two looks at a study's run
SELDOM = 30.0  # and at a child's, of which there are many
PATIENCE = 60.0  # seconds that Prefect's runner has to end a run; it gives the process 30
BACK = (StateType.CRASHED, StateType.SCHEDULED)  # nobody else has begun it
OVER = (StateType.PENDING, StateType.CANCELLED, StateType.COMPLETED, StateType.FAILED)
LIVES = "Its process lives and goes on."
ENDED = "Its process has ended itself, since Prefect's runner did not end it."

Look = Callable[[SyncPrefectClient, FlowRun], None]  # does what the state of the run asks for


@contextmanager
def own_run() -> Iterator[None]:
    """Look after the run of this process, a study's or a retraining's, while the body runs."""
    with _looked_after(_Study(), EVERY):
        yield


@contextmanager
def own_child() -> Iterator[None]:
    """The same for a study's child. Its run is not taken back: if it was taken for lost, another has its work."""
    with _looked_after(_Child(), SELDOM):
        yield


@contextmanager
def _looked_after(look: Look, every: float) -> Iterator[None]:
    run = os.environ.get("PREFECT__FLOW_RUN_ID")
    if not (run and deployed()):
        yield
        return
    ended = threading.Event()
    watching = threading.Thread(target=copy_context().run, args=(_keep, UUID(run), look, every, ended), daemon=True)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        watching.join(EVERY)  # not for longer, where the server is slow: it does nothing any more


def _keep(run: UUID, look: Look, every: float, ended: threading.Event) -> None:
    with get_client(sync_client=True) as client:
        while not ended.is_set():
            try:
                found = client.read_flow_run(run)
                if ended.is_set():
                    return
                look(client, found)
            except httpx.HTTPError as error:
                log.debug("Prefect's server does not answer: %r", error)  # the run itself waits, and says so
            except ObjectNotFound:
                return  # somebody has deleted the run
            ended.wait(every)


class _Study:
    def __init__(self) -> None:
        self.mine: int | None = None  # how often the run had been begun, with this process
        self.cancellation = Cancellation()

    def __call__(self, client: SyncPrefectClient, run: FlowRun) -> None:
        if self.mine is None or (run.state and run.state.message == LIVES):
            self.mine = run.run_count
        if lost_to_another(run, self.mine):
            _say("Another process has taken over %s; this one ends", run.name)
            os._exit(0)  # any other end would be told to Prefect as the run's
        if taken_for_lost(run):
            _say("%s was taken for lost: %s", run.name, run.state and run.state.message)
            client.set_flow_run_state(run.id, Running(message=LIVES), force=True)
        if self.cancellation.unheard(run):
            _say("%s is to be cancelled, and nobody ends it; it ends itself", run.name)
            stop_children(client, run.id)
            client.set_flow_run_state(run.id, Cancelled(message=ENDED))
            os._exit(0)


class _Child:
    def __init__(self) -> None:
        self.cancellation = Cancellation()

    def __call__(self, client: SyncPrefectClient, run: FlowRun) -> None:
        if self.cancellation.unheard(run):
            _say("%s is to be cancelled, and nobody ends it; it ends itself", run.name)
            os.kill(os.getpid(), signal.SIGTERM)  # as the runner would: it stores what it has


class Cancellation:
    """Tells, once a minute, that a run should have been cancelled long ago."""

    def __init__(self) -> None:
        self.since: float | None = None

    def unheard(self, run: FlowRun) -> bool:
        """Ask after each look at the run."""
        if not (run.state and run.state.is_cancelling()):
            self.since = None
        elif self.since is None:
            self.since = monotonic()
        elif monotonic() - self.since >= PATIENCE:
            self.since = None
            return True
        return False


def _say(text: str, *values: object) -> None:
    """Log it, where somebody reads it: rich raises SystemExit if the worker that read this process's output is gone."""
    with suppress(SystemExit):
        log.warning(text, *values)


def lost_to_another(run: FlowRun, mine: int) -> bool:
    return run.state is not None and (run.state.type in OVER or run.run_count > mine)


def taken_for_lost(run: FlowRun) -> bool:
    return run.state is not None and run.state.type in BACK
