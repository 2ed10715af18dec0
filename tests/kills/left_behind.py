"""What a study leaves at work once it is over: runs, task runs, slots, processes; and what does not work any more."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from unittest.mock import patch

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import StateType

from flows import watch
from flows.revive import mark_lost
from tests.kills.ground import Ground, asked
from tests.processes import command

LIVE = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING]
PAGE = 200  # runs; the server's limit


def at_work(field: Ground) -> list[str]:
    """What may end by itself: runs that are not over, processes of runs, parts that are to be started again."""
    return [
        *asked(lambda: unfinished_runs(field.client)),
        *(f"process {pids[0]} of run {run}" for run, pids in field.runs().items()),
        *(f"{name} does not run" for name, part in field.parts.items() if not part.pid),
    ]


def left_behind(field: Ground) -> list[str]:
    """A line for each that is left."""
    return [*at_work(field), *asked(lambda: list(held(field.client))), *unowned(field)]


def unfinished_runs(client: SyncPrefectClient) -> list[str]:
    """Flow runs that are not over, but for those that a schedule has planned."""
    live = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=LIVE)))
    found = []
    while page := client.read_flow_runs(flow_run_filter=live, offset=len(found), limit=PAGE):
        found += page
    planned = [run for run in found if run.auto_scheduled and run.state and run.state.is_scheduled()]
    return [f"run {run.name} is {run.state and run.state.name}" for run in found if run not in planned]


def held(client: SyncPrefectClient) -> Iterator[str]:
    """Task runs that are not over, and slots of concurrency limits that are held."""
    live = TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=LIVE)))
    for task in client.read_task_runs(task_run_filter=live, limit=PAGE):
        yield f"task run {task.name} is {task.state and task.state.name}"
    for limit in client.read_global_concurrency_limits(limit=PAGE, offset=0):
        if limit.active_slots:
            yield f"{limit.active_slots} of {limit.limit} slots of {limit.name} are held"
    for tag in client.read_concurrency_limits(limit=PAGE, offset=0):
        if tag.active_slots:
            yield f"{len(tag.active_slots)} slots of the tag {tag.tag} are held"


def unowned(field: Ground) -> Iterator[str]:
    """Processes that no part of the stack has below it."""
    owned = field.owned()
    for process in field.processes():
        if process.pid not in owned:
            yield f"process {process.pid} belongs to nobody: {process.flow or command(process.pid)}"


def ended_late(field: Ground) -> int:
    """How many runs only charrec-watch ends; here at once.

    Task runs of runs that are over, as it does after five minutes; and flow runs without a process: those that did not
    begin in half an hour, and those that it has not heard for 150 s, as of a child whose study found all its work done.
    """
    at_work = field.runs()

    async def end() -> None:
        async with get_client() as client:
            await watch._end_left_tasks(client)
            for run in await watch._busy(client):
                if str(run.id) not in at_work:
                    await mark_lost(client, run)

    def live() -> int:
        return sum(line.startswith("task run ") for line in held(field.client)) + len(unfinished_runs(field.client))

    before = asked(live)
    with patch.object(watch, "REVIVING", timedelta(0)), patch.object(watch, "BEGINNING", timedelta(0)):
        asked(lambda: asyncio.run(end()))
    return before - asked(live)
