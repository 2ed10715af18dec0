"""Judges a run that has fallen silent, and schedules a study again whose process was lost.

Automations run this when a run gives no sign of life, and when a study is marked Crashed. If a study is Cancelled, its
children are cancelled instead, since a study without a process cannot do that itself. A hook of the study would not
help: it runs in the study's own worker, which may be lost as well, and which marks the run Crashed once more after its
hooks.
"""

import asyncio
from uuid import UUID

from prefect import State, flow, get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled, Completed, Crashed, Scheduled

from tasks.advance import advance
from tasks.lost import end_tasks, held, listen, newest_event
from tasks.naming import accompany
from tasks.pool import stop_children

STUDIES = ("charrec", "charrec-retraining")  # flows that begin again where they were
REVIVALS = 5  # of one run without an advance; then something kills it that another try will not change
SETTLING = 5.0  # seconds until nobody marks it again
LISTENING = 45.0  # seconds; a run gives a sign of life every 30, which is stored within 10
HEARINGS = 3  # that may fail because the server is away
RELEASE = 6  # looks, each after SETTLING, at whether a worker whose run has ended has said so
AGAIN = "AwaitingRetry"  # Prefect's own name of a state that waits for another try, whoever asked for it
WHY = "its process was lost"
SILENT = "Nothing was heard of it while somebody listened."


@flow(name="charrec-revive", flow_run_name="revive {run}", persist_result=False, retries=5, retry_delay_seconds=30)
async def revive(run: UUID) -> State[None]:
    """Mark the run if it is lost. Schedule it again if it is a study that crashed, unless it gets nowhere."""
    async with get_client() as client:
        found = await client.read_flow_run(run)
        await accompany(client, found)
        if found.state and (found.state.is_running() or found.state.is_cancelling()):
            if why := await _alive(client, found):
                return Completed(name="Alive", message=f"{found.name}: {why}")
            await mark_lost(client, found)
        else:
            await asyncio.sleep(SETTLING)
        found = await client.read_flow_run(run)
        if found.state and found.state.is_cancelled():
            await asyncio.to_thread(_stop_children, run)
            return Completed(message=f"{found.name} is cancelled, and with it what it began")
        if not (found.state and found.state.is_crashed()):
            return Completed(message=f"{found.name} is {found.state.name if found.state else 'of no state'}")
        return await _again(client, found)


async def mark_lost(client: PrefectClient, run: FlowRun) -> None:
    """Mark a lost run as Crashed, or as Cancelled if that was asked for, with what was at work in its process."""
    asked = run.state and run.state.is_cancelling()
    await client.set_flow_run_state(run.id, Cancelled(message=SILENT) if asked else Crashed(message=SILENT))
    await end_tasks(client, run.id, SILENT)


async def _alive(client: PrefectClient, run: FlowRun) -> str:
    """Why the run is not taken for lost; empty if it is lost."""
    for _ in range(HEARINGS):
        before = await newest_event(client, run.id)
        if not await listen(client, LISTENING):
            continue  # the server was away: its silence says nothing
        if await newest_event(client, run.id) != before:
            return "it gave a sign of life"
        return "it is silent, but its worker has its process" if await held(client, run) else ""
    return "nobody could listen"


async def _again(client: PrefectClient, run: FlowRun) -> State[None]:
    """Schedule a crashed study again, unless its worker still has it: the run would end that worker."""
    await end_tasks(client, run.id, WHY)
    if not (run.deployment_id and (await client.read_flow(run.flow_id)).name in STUDIES):
        return Completed(message=f"{run.name} is Crashed")
    why = f"{WHY} ({await advance(client, run.id)})"
    fruitless = [state for state in await client.read_flow_run_states(run.id) if state.message == why]
    if len(fruitless) >= REVIVALS:
        lost = f"{run.name} was lost {len(fruitless) + 1} times without getting any further"
        return Completed(name="GivenUp", message=lost)
    for _ in range(RELEASE):
        if not await held(client, run):
            break
        await asyncio.sleep(SETTLING)
    else:
        return Completed(name="Held", message=f"{run.name} is Crashed, but its worker has its process")
    again: State[None] = Scheduled(name=AGAIN, message=why)
    await client.set_flow_run_state(run.id, again)  # by Prefect's rules: it may have been revived meanwhile
    return Completed(message=f"{run.name} goes on")


def _stop_children(run: UUID) -> None:
    with get_client(sync_client=True) as client:
        stop_children(client, run)
