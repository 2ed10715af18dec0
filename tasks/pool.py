"""Children as flow runs on a work pool: started, joined again after a retry, waited for, withdrawn."""

import asyncio
import logging
from itertools import count
from typing import Any
from uuid import UUID

import httpx
from prefect import Flow, State, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import arun_deployment
from prefect.runtime import deployment
from prefect.runtime import flow_run as this_run
from prefect.states import Cancelled, Cancelling

from tasks.devices import DeviceLost

log = logging.getLogger(__name__)

POOL = "pool gpu"
POLL = 2.0  # seconds between two looks at a child
SETTLING = 4.0  # seconds until a crash is believed
OUTAGE = 600.0  # seconds without Prefect's server that are waited out


class ChildFailed(RuntimeError):
    """A child ended with an error of its own; another try would end the same."""


class Pool:
    """Where a deployed study's children run: the deployment `gpu` of each flow."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.parent = this_run.get_root_flow_run_id() or this_run.get_id()

    def __len__(self) -> int:
        """Most sweep workers at once."""
        return self.workers

    async def run_child(self, child: Flow[..., Any], name: str, parameters: dict[str, Any]) -> None:
        """The flow, run to its end under this name; one of this name that this study has begun already is joined.

        Raises DeviceLost if it was killed (the next call starts another), ChildFailed if it failed. Given up
        (CancelledError), a child that has not started is taken back; one that runs is left to its end.
        """
        plain = {key: value.model_dump(mode="json") if hasattr(value, "model_dump") else value
                 for key, value in parameters.items()}  # fmt: skip
        for attempt in count():
            run = await arun_deployment(
                f"{child.name}/gpu", parameters=plain, flow_run_name=name, timeout=0,
                idempotency_key=f"{self.parent}:{name}:{attempt}",
            )  # fmt: skip
            if not (run.state and run.state.is_final() and not run.state.is_completed()):
                break
        try:
            state = await _final(run)
        except asyncio.CancelledError:
            await asyncio.shield(_withdraw(run.id))
            raise
        if state.is_completed():
            return
        said = f"{name} ended {state.name}: {state.message or 'it says no more'}"
        raise DeviceLost(said) if state.is_crashed() else ChildFailed(said)


def deployed() -> bool:
    """Whether the flow that runs here is a deployment's."""
    return deployment.get_id() is not None


async def _final(run: FlowRun) -> State[Any]:
    """The state that the run ends in."""
    lost: float | None = None
    settling = False
    loop = asyncio.get_running_loop()
    async with get_client() as client:
        while True:
            try:
                state = (await client.read_flow_run(run.id)).state
                lost = None
            except httpx.TransportError as error:
                lost = lost or loop.time()
                if loop.time() - lost > OUTAGE:
                    raise ConnectionError(f"Prefect's server is away: {error!r}") from None
                log.warning("Prefect's server does not answer: %r", error)
                state = None
            if state and state.is_crashed() and not settling:
                settling = True  # a run that is being cancelled is Crashed for a moment
                await asyncio.sleep(SETTLING)
            elif state and state.is_final():
                return state
            else:
                settling = False
                await asyncio.sleep(POLL)


async def _withdraw(run: UUID) -> None:
    async with get_client() as client:
        state = (await client.read_flow_run(run)).state
        if state and (state.is_scheduled() or state.is_pending()):
            await client.set_flow_run_state(run, Cancelled(message="not needed any more"))


def cancel_children(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Stop the children of a study that was cancelled; Prefect itself would take minutes."""
    mine = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run.id]))
    with get_client(sync_client=True) as client:
        for child in client.read_flow_runs(flow_run_filter=mine):
            if not child.deployment_id:  # it runs in the process of its parent
                cancel_children(flow, child, state)
            elif child.state and not child.state.is_final():
                runs = child.state.is_running()
                client.set_flow_run_state(child.id, Cancelling() if runs else Cancelled(), force=not runs)
