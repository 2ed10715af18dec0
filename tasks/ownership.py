"""A deployed study's process keeps its run, or leaves it to the process that has taken it over.

A run that is taken for lost is marked Crashed and scheduled again. If its process lives all the same, because a machine
stood still or somebody erred, that process notices here: it takes the run back as long as no other has begun it, and
ends without a word to Prefect once one has. Either way nothing is lost, since both work on the same store.
"""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from uuid import UUID

import httpx
from prefect import get_client
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Running

from tasks.pool import deployed

log = logging.getLogger(__name__)

EVERY = 5.0  # seconds between two looks at this process's run
BACK = (StateType.CRASHED, StateType.SCHEDULED)  # nobody else has begun it
OVER = (StateType.PENDING, StateType.CANCELLED, StateType.COMPLETED, StateType.FAILED)
LIVES = "Its process lives and goes on."


@contextmanager
def own_run() -> Iterator[None]:
    """Look after the run of this process while the body runs, if it is a deployment's."""
    run = os.environ.get("PREFECT__FLOW_RUN_ID")
    if not (run and deployed()):
        yield
        return
    ended = threading.Event()
    watching = threading.Thread(target=copy_context().run, args=(_keep, UUID(run), ended), daemon=True)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        watching.join(EVERY)  # not for longer, where the server is slow: it does nothing any more


def _keep(run: UUID, ended: threading.Event) -> None:
    with get_client(sync_client=True) as client:
        mine: int | None = None  # how often the run had been begun, with this process
        while not ended.is_set():
            try:
                found = client.read_flow_run(run)
                if ended.is_set():
                    return
                if mine is None or (found.state and found.state.message == LIVES):
                    mine = found.run_count
                if lost_to_another(found, mine):
                    _say("Another process has taken over %s; this one ends", found.name)
                    os._exit(0)  # any other end would be told to Prefect as the run's
                if taken_for_lost(found):
                    _say("%s was taken for lost: %s", found.name, found.state and found.state.message)
                    client.set_flow_run_state(run, Running(message=LIVES), force=True)
            except httpx.HTTPError as error:
                log.debug("Prefect's server does not answer: %r", error)  # the study itself waits, and says so
            except ObjectNotFound:
                return  # somebody has deleted the run
            ended.wait(EVERY)


def _say(text: str, *values: object) -> None:
    """Log it, where somebody reads it: rich raises SystemExit if the worker that read this process's output is gone."""
    with suppress(SystemExit):
        log.warning(text, *values)


def lost_to_another(run: FlowRun, mine: int) -> bool:
    return run.state is not None and (run.state.type in OVER or run.run_count > mine)


def taken_for_lost(run: FlowRun) -> bool:
    return run.state is not None and run.state.type in BACK
