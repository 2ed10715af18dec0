"""Children as flow runs on a work pool: started, joined again after a retry, waited for, withdrawn."""

import asyncio
import logging
from collections.abc import Iterable
from functools import partial
from itertools import count
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
from prefect import Flow, State, get_client
from prefect.client.orchestration import PrefectClient, SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.deployments import arun_deployment
from prefect.runtime import deployment
from prefect.runtime import flow_run as this_run
from prefect.states import Cancelled, Cancelling, Crashed

from tasks.errors import ChildFailed, DeviceLost
from tasks.lost import end_tasks, in_process_of
from tasks.naming import current_tags, within
from tasks.pages import flow_runs_sync
from tasks.patience import patiently
from tasks.waiting import MOVED, NO_QUEUE, NOT_BEGUN, Waiting, let_go

log = logging.getLogger("charrec.pool")  # so `progress.lines` shows it as the run's

POOL = "pool gpu"
POLL = 2.0  # seconds between two looks at a child
SELDOM = 10.0  # seconds between two looks at one that has waited long: of 100 that wait, only one can begin next
SETTLING = 4.0  # seconds until a crash is believed
LIVE = (StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED)


class Pool:
    """Runs a deployed study's children: of each flow the deployment that is called as the flow."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.parent = this_run.get_root_flow_run_id() or this_run.get_id()

    def __len__(self) -> int:
        """Most sweep workers at once."""
        return self.workers

    async def run_child(self, child: Flow[..., Any], name: str, parameters: dict[str, Any]) -> None:
        """Run the flow to its end under this name, or join the run of this name that this study started before.

        A run that has ended is not joined, since its result is not in the store. Raises DeviceLost if the child was
        killed (the next call starts another) and ChildFailed if it failed. On CancelledError, a child that no worker
        has taken is cancelled; any other runs to its end.
        """
        plain = {key: value.model_dump(mode="json") if hasattr(value, "model_dump") else value
                 for key, value in parameters.items()}  # fmt: skip
        shown = f"{name}, study {of}" if (of := within()) else name
        for attempt in count():
            begin = partial(
                arun_deployment, f"{child.name}/{child.name}", parameters=plain, flow_run_name=shown, timeout=0,
                idempotency_key=f"{self.parent}:{name}:{attempt}", tags=current_tags(),
            )  # fmt: skip
            run = await patiently(begin)
            if run.state and run.state.is_final():
                continue
            try:
                state = await _final(run)
            except asyncio.CancelledError:
                await asyncio.shield(_withdraw(run.id))
                raise
            if state.message != MOVED:
                break
        if state.is_completed():
            return
        said = f"{name} ended {state.name}: {state.message or 'it says no more'}"
        raise DeviceLost(said) if state.is_crashed() and state.message != NO_QUEUE else ChildFailed(said)


def deployed() -> bool:
    """Whether the flow that runs here is a deployment's."""
    return deployment.get_id() is not None


async def _final(run: FlowRun) -> State[Any]:
    """The state that the run ends in; Crashed if it is lost."""
    settling, waiting, asked_at = False, Waiting(run.id), monotonic()
    async with get_client() as client:
        while True:
            now = await patiently(lambda: client.read_flow_run(run.id))
            state = now.state
            if not (state and state.is_final()):
                settling = False
                if why := await patiently(partial(waiting.in_vain, client, now)):
                    await _mark_lost(client, run.id, why)
                else:
                    await asyncio.sleep(pause(now, monotonic() - asked_at))
            elif not state.is_crashed():
                return state
            elif not settling:
                settling = True  # a run that is being cancelled is Crashed for a moment
                await asyncio.sleep(SETTLING)
            else:
                await patiently(lambda: end_tasks(client, run.id, "The process of its flow run was lost."))
                states = await patiently(lambda: client.read_flow_run_states(run.id))
                asked = any(each.type == StateType.CANCELLING for each in states)
                return Cancelled(message="it was cancelled") if asked else state


def pause(run: FlowRun, waited: float) -> float:
    """Seconds until the next look at it: for one that no worker has taken yet a tenth of what it has waited."""
    return min(max(POLL, waited / 10), SELDOM) if run.state and run.state.is_scheduled() else POLL


async def _mark_lost(client: PrefectClient, run: UUID, why: str) -> None:
    lost: State[Any] = Crashed(message=why)
    await patiently(lambda: client.set_flow_run_state(run, lost))


async def _withdraw(run: UUID) -> None:
    """Cancel a run that no worker has taken. A taken one begins, finds nothing to do and ends, unless it was lost."""
    async with get_client() as client:
        child = await patiently(lambda: client.read_flow_run(run))
        if child.state and child.state.is_scheduled():
            withdrawn: State[Any] = Cancelled(message="not needed any more")
            await patiently(lambda: client.set_flow_run_state(run, withdrawn))
        elif child.state and child.state.is_pending() and await patiently(partial(let_go, client, child)):
            await _mark_lost(client, run, NOT_BEGUN)


def cancel_children(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Stop the children of a study that was cancelled; Prefect itself would take minutes."""
    with get_client(sync_client=True) as client:
        stop_children(client, flow_run.id)


def stop_children(client: SyncPrefectClient, run: UUID) -> None:
    """Cancel every child of the run that is not over; one that cannot be reached does not spare the others."""
    for below in flow_runs_sync(client, in_process_of(run)):
        stop_children(client, below.id)
    begun = FlowRunFilter(
        parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run]),
        deployment_id=FlowRunFilterDeploymentId(is_null_=False),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(LIVE))),
    )
    _cancel(client, flow_runs_sync(client, begun))


def _cancel(client: SyncPrefectClient, runs: Iterable[FlowRun]) -> None:
    """A run that a worker has taken becomes Cancelling first: Prefect would still start a Cancelled one."""
    for run in runs:
        waits = run.state is None or run.state.is_scheduled()
        try:
            client.set_flow_run_state(run.id, Cancelled() if waits else Cancelling())
        except httpx.HTTPError as error:
            log.warning("%s could not be cancelled: %r", run.name, error)
