"""Schedules a study again whose process was lost: an automation runs this when the study is marked Crashed.

If it is Cancelled, its children are cancelled instead, since a study without a process cannot do that itself. A hook of
the study would not help: it runs in the study's own worker, which may be lost as well, and which marks the run Crashed
once more after its hooks.
"""

import asyncio
from uuid import UUID

from prefect import State, flow, get_client
from prefect.states import Completed, Scheduled

from tasks.pool import stop_children

REVIVALS = 5  # of one run; then something kills it that another try will not change
SETTLING = 5.0  # seconds until nobody marks it again
AGAIN = "AwaitingRetry"  # Prefect's own name of a state that waits for another try, whoever asked for it
WHY = "its process was lost"


@flow(name="charrec-revive", flow_run_name="revive {run}", persist_result=False, retries=5, retry_delay_seconds=30)
async def revive(run: UUID) -> State[None]:
    """Schedule the run again if it is still Crashed, at most REVIVALS times; cancel its children if it is Cancelled."""
    await asyncio.sleep(SETTLING)
    async with get_client() as client:
        found = await client.read_flow_run(run)
        if found.state and found.state.is_cancelled():
            await asyncio.to_thread(_stop_children, run)
            return Completed(message=f"{found.name} is cancelled, and with it what it began")
        if not (found.state and found.state.is_crashed()):
            return Completed(message=f"{found.name} is {found.state.name if found.state else 'of no state'}")
        before = [state for state in await client.read_flow_run_states(run) if state.message == WHY]
        if len(before) >= REVIVALS:
            return Completed(name="GivenUp", message=f"{found.name} was lost {len(before) + 1} times")
        again: State[None] = Scheduled(name=AGAIN, message=WHY)
        await client.set_flow_run_state(run, again)  # by Prefect's rules: it may have been revived meanwhile
        return Completed(message=f"{found.name} goes on")


def _stop_children(run: UUID) -> None:
    with get_client(sync_client=True) as client:
        stop_children(client, run)
