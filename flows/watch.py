"""Finds runs that no process carries out any more, by listening for a while: a scheduled flow.

An automation notices a run that falls silent, but only while Prefect's server is up. After a power cut that took both,
the run would stay Running for ever.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from prefect import flow, get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.runtime import flow_run
from prefect.states import Cancelled, Crashed

log = logging.getLogger(__name__)

TAG = "charrec"  # of every deployment in prefect.yaml
LISTENING = 150.0  # seconds; a run gives a sign of life every 30
STEPS = 10  # looks at whether the server is there all the while
BEGINNING = timedelta(minutes=30)  # that a run may be Pending: a cluster may have to make its machine
BUSY = (StateType.RUNNING, StateType.CANCELLING, StateType.PENDING)
PAGE = 200  # runs; the server's limit
WHY = "Nothing was heard of it while somebody listened."


@flow(name="charrec-watch", flow_run_name="watch", persist_result=False)
async def watch() -> list[UUID]:
    """Mark silent runs as Crashed, or as Cancelled if that was requested; return them."""
    async with get_client() as client:
        began = datetime.now(UTC)
        busy = [run for run in await _busy(client) if str(run.id) != flow_run.get_id()]
        if not busy:
            return []
        if not await _there_all_the_while(client):
            log.warning("Prefect's server was away meanwhile: nothing can be said")
            return []
        lost = [run for run in busy if await _silent(client, run, began)]
        for run in lost:
            asked = run.state and run.state.type == StateType.CANCELLING
            log.warning("%s is lost", run.name)
            await client.set_flow_run_state(run.id, Cancelled(message=WHY) if asked else Crashed(message=WHY))
        return [run.id for run in lost]


async def _busy(client: PrefectClient) -> list[FlowRun]:
    """Runs of deployments that claim to be running, or have been Pending for long."""
    wanted = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(is_null_=False), tags=FlowRunFilterTags(all_=[TAG]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(BUSY))),
    )  # fmt: skip
    found: list[FlowRun] = []
    while len(page := await client.read_flow_runs(flow_run_filter=wanted, offset=len(found))) == PAGE:
        found += page
    long_ago = datetime.now(UTC) - BEGINNING
    return [
        run for run in (*found, *page)
        if run.state and (run.state.type != StateType.PENDING or run.state.timestamp < long_ago)
    ]  # fmt: skip


async def _there_all_the_while(client: PrefectClient) -> bool:
    """Listen, and return whether the server answered throughout; if not, silence proves nothing."""
    try:
        for _ in range(STEPS):
            await asyncio.sleep(LISTENING / STEPS)
            await client.read_flow_runs(limit=1)
    except httpx.HTTPError:
        return False
    return True


async def _silent(client: PrefectClient, run: FlowRun, since: datetime) -> bool:
    """Whether the run has had no event since then: no heartbeat, no change of state."""
    asked = {"occurred": {"since": since.isoformat()}, "resource": {"id": [f"prefect.flow-run.{run.id}"]}}
    answer = await client.request("POST", "/events/filter", json={"filter": asked, "limit": 1})
    answer.raise_for_status()
    return not answer.json()["events"]
