"""Finds what no process carries out any more and nobody noticed, by listening for a while: a scheduled flow.

Automations notice a run that falls silent, but only while Prefect's server is up. After a power cut that took both, the
run would stay Running for ever; and if the flow that revives a study is lost itself, the study would stay Crashed.
"""

import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect import flow, get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.runtime import flow_run
from prefect.states import Crashed

from flows.revive import STUDIES, mark_lost, revive
from tasks.lost import held, listen, newest_event, unfinished_tasks
from tasks.pages import flow_runs

log = logging.getLogger(__name__)

TAG = "charrec"  # of every deployment in prefect.yaml
LISTENING = 150.0  # seconds; a run gives a sign of life every 30
BEGINNING = timedelta(minutes=30)  # that a run may be Pending: a cluster may have to make its machine
REVIVING = timedelta(minutes=5)  # that the automation may need to revive a study
RECENT = timedelta(days=2)  # in which a study that is Crashed is revived; later, somebody has left it so
BUSY = (StateType.RUNNING, StateType.CANCELLING, StateType.PENDING)
OVER = (StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED)
LEFT = "The process of its flow run has ended."


@flow(name="charrec-watch", flow_run_name="watch", persist_result=False)
async def watch() -> list[UUID]:
    """Mark lost runs as Crashed, or as Cancelled if that was requested; return them. Revive studies left Crashed."""
    async with get_client() as client:
        await _end_left_tasks(client)
        for study in await _left_crashed(client):
            await revive(study.id, return_state=True)
        busy = [run for run in await _busy(client) if str(run.id) != flow_run.get_id()]
        if not busy:
            return []
        before = {run.id: await newest_event(client, run.id) for run in busy}
        if not await listen(client, LISTENING):
            log.warning("Prefect's server was away meanwhile: nothing can be said")
            return []
        silent = [run for run in busy if await newest_event(client, run.id) == before[run.id]]
        lost = [run for run in silent if not await _frozen(client, run)]
        for run in lost:
            log.warning("%s is lost", run.name)
            await mark_lost(client, run)
        return [run.id for run in lost]


async def _frozen(client: PrefectClient, run: FlowRun) -> bool:
    """Whether it is a study whose worker has its process: it goes on once that does. A child is begun again instead."""
    if (await client.read_flow(run.flow_id)).name not in STUDIES or not await held(client, run):
        return False
    log.warning("%s is silent, but its worker has its process; end that, and the study goes on", run.name)
    return True


async def _busy(client: PrefectClient) -> list[FlowRun]:
    """Runs of deployments that claim to be running, or have been Pending for long."""
    long_ago = datetime.now(UTC) - BEGINNING
    return [
        run for run in await flow_runs(client, _of_ours(BUSY))
        if run.state and (run.state.type != StateType.PENDING or run.state.timestamp < long_ago)
    ]  # fmt: skip


async def _left_crashed(client: PrefectClient) -> list[FlowRun]:
    """Studies that crashed and were not revived."""
    wanted, now = _of_ours([StateType.CRASHED]), datetime.now(UTC)
    wanted.end_time = FlowRunFilterEndTime(after_=now - RECENT)
    crashed = [run for run in await flow_runs(client, wanted) if run.state and run.state.timestamp < now - REVIVING]
    return [run for run in crashed if (await client.read_flow(run.flow_id)).name in STUDIES]


async def _end_left_tasks(client: PrefectClient) -> None:
    """Task runs that claim to be at work in flow runs that are over."""
    wanted = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(OVER))))
    wanted.end_time = FlowRunFilterEndTime(before_=datetime.now(UTC) - REVIVING)
    for task in await unfinished_tasks(client, wanted):
        await client.set_task_run_state(task, Crashed(message=LEFT), force=True)


def _of_ours(states: list[StateType] | tuple[StateType, ...]) -> FlowRunFilter:
    return FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(is_null_=False), tags=FlowRunFilterTags(all_=[TAG]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))),
    )  # fmt: skip
