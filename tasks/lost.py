"""Whether a flow run is lost, as far as Prefect's server can tell; and the task runs that a lost one leaves behind.

Silence alone proves little: a run cannot be heard while the server or its database is away, and nobody hears it while
the machine that listens stands still. So it counts only while the server answered and stored what others said. And
Prefect's worker knows better: one that has not reported the end of its run still has the run's process.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType, WorkerStatus
from prefect.states import Crashed

from tasks import pages

LOOK = 5.0  # seconds between two looks at whether the server is there
STILL = 4 * LOOK  # seconds between two looks that mean that the server was away or this machine stood still
UNFINISHED = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)
LONG_AGO, AHEAD = "2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z"  # whatever the clocks of other machines say
RECENTLY = timedelta(days=1)
HEARTBEAT = "prefect.flow-run.heartbeat"
# How a worker reports that its run's process has ended or never began; then it lets go.
REPORTED = ("Flow run infrastructure exited", "Process exited", "Failed to submit flow run")


async def newest_event(client: PrefectClient, run: UUID | None = None) -> str | None:
    """The id of the newest event of a run (a heartbeat, a change of state), or of anybody's within a day or so.

    The server counts all that fit before it answers with one, so the question about anybody names a day: in a week of
    a thousand studies it has some 200,000 events. A clock that is a day wrong is not heard, and nothing is proven.
    """
    if run:
        return await _newest(client, _of(run))
    return await _newest(client, {}, (datetime.now(UTC) - RECENTLY).isoformat())


async def listen(client: PrefectClient, seconds: float) -> bool:
    """Listen for so long; returns whether silence meanwhile proves anything.

    It does not if the server was away, if it stored nothing from anybody, or if this machine stood still.
    """
    try:
        before, last = await newest_event(client), monotonic()
        ends = last + seconds
        while (left := ends - monotonic()) > 0:
            await asyncio.sleep(min(left, LOOK))
            await client.read_flow_runs(limit=1)
            if monotonic() - last > STILL:
                return False
            last = monotonic()
        return await newest_event(client) != before
    except httpx.HTTPError:
        return False


class Silence:
    """Tells when a run that somebody looks at all the while has been silent too long.

    `alone`: where nothing but its silence speaks against it, it must have had a heartbeat to lose.
    """

    def __init__(self, run: UUID, too_long: float, alone: bool = True) -> None:
        self.run, self.too_long, self.alone = run, too_long, alone
        self.began: float | None = None
        self.last = 0.0

    async def lasts(self, client: PrefectClient) -> bool:
        """Ask after each look at the run."""
        before, self.last = self.last, monotonic()
        if self.began is None or self.last - before > STILL:
            await self._begin(client)
        elif self.last - self.began >= self.too_long:
            if (
                await newest_event(client, self.run) == self.of_run
                and await newest_event(client) != self.of_anybody
                and (not self.alone or await _newest(client, {**_of(self.run), "event": {"name": [HEARTBEAT]}}))
            ):
                return True
            await self._begin(client)
        return False

    async def _begin(self, client: PrefectClient) -> None:
        self.began = self.last
        self.of_run, self.of_anybody = await newest_event(client, self.run), await newest_event(client)


async def held(client: PrefectClient, run: FlowRun) -> bool:
    """Whether a worker still has the run's process, by what it last reported.

    A worker that is offered a run which it still holds dies of it and takes its other runs along, since its limiter
    raises (Prefect's workers/base.py, _submit_scheduled_flow_runs). It lets go when the process ends or when it begins
    anew itself; one that is gone holds nothing, nor does one without a limit, as on Kubernetes.
    """
    worker, kind, pool = (
        run.labels.get(f"prefect.{each}") for each in ("worker.name", "worker.type", "work-pool.name")
    )
    if kind != "process" or (run.state and str(run.state.message).startswith(REPORTED)):
        return False
    taken = [state.timestamp for state in await client.read_flow_run_states(run.id) if state.type == StateType.PENDING]
    if not taken:
        return False
    since = max(taken).isoformat()  # by the worker's clock, as its events
    ended = {"event": {"name": ["prefect.worker.executed-flow-run"]}, "related": {"id": [f"prefect.flow-run.{run.id}"]}}
    anew = {"event": {"name": ["prefect.worker.started"]},
            "resource": {"labels": {"prefect.resource.name": [str(worker)]}}}  # fmt: skip
    if await _newest(client, ended, since) or await _newest(client, anew, since):
        return False
    async for each in pages.workers(client, str(pool)):
        if each.name == worker:
            return each.status == WorkerStatus.ONLINE
    return False


async def end_tasks(client: PrefectClient, run: UUID, why: str) -> None:
    """Mark what was at work in the run's process as Crashed: its task runs, and flows that it called."""
    for below in await pages.flow_runs(client, in_process_of(run)):
        await end_tasks(client, below.id, why)
        if below.state and below.state.type in UNFINISHED:
            await client.set_flow_run_state(below.id, Crashed(message=why), force=True)
    for task in await unfinished_tasks(client, FlowRunFilter(id=FlowRunFilterId(any_=[run]))):
        await client.set_task_run_state(task, Crashed(message=why), force=True)


def in_process_of(run: UUID) -> FlowRunFilter:
    """Flows that the run called; unlike its children they have no deployment."""
    return FlowRunFilter(
        parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run]),
        deployment_id=FlowRunFilterDeploymentId(is_null_=True),
    )


async def unfinished_tasks(client: PrefectClient, runs: FlowRunFilter) -> list[UUID]:
    """Task runs of these flow runs that claim to be at work."""
    unfinished = TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=list(UNFINISHED))))
    return [task.id for task in await pages.task_runs(client, runs, unfinished)]


def _of(run: UUID) -> dict[str, Any]:
    """Events of the run itself. `any_resource` adds nothing but the server's only index that begins with a resource."""
    itself = {"id": [f"prefect.flow-run.{run}"]}
    return {"resource": itself, "any_resource": itself}


async def _newest(client: PrefectClient, of: dict[str, Any], since: str = LONG_AGO) -> str | None:
    asked = {"occurred": {"since": since, "until": AHEAD}, "order": "DESC", **of}
    answer = await client.request("POST", "/events/filter", json={"filter": asked, "limit": 1})
    answer.raise_for_status()
    events = answer.json()["events"]
    return str(events[0]["id"]) if events else None
