"""When it is in vain to wait for a run: nobody carries it out any more, or nobody will."""

import logging
from time import monotonic
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, StateType

from tasks.lost import Silence, held

log = logging.getLogger("charrec.waiting")  # so `progress.lines` shows it as the run's

SILENCE = 90.0  # seconds without a sign of life after which a child is lost; it gives one every 30
DESERTED = 45.0  # the same, where its worker has begun anew or is gone; as long as charrec-revive listens
REMADE = 600.0  # seconds that a pool which was deleted is waited for
NO_QUEUE = "Its work pool or queue was deleted, so no worker will take it. Run `make deploy`, then the study again."
MOVED = "Its work pool was deleted; another run takes its place in the new one."
NOT_BEGUN = "Its worker was lost before it started."
HEARABLE = "while the server could hear it."


class Waiting:
    """For one run, which is looked at all the while."""

    def __init__(self, run: UUID) -> None:
        self.silence, self.deserted = Silence(run, SILENCE), Silence(run, DESERTED, alone=False)
        self.unqueued: float | None = None

    async def in_vain(self, client: PrefectClient, run: FlowRun) -> str:
        """Why; empty as long as it is not. Ask after each look at the run."""
        if run.state and run.state.is_scheduled():
            return await self._queue_gone(client, run)
        if not run.state or run.state.type not in (StateType.PENDING, StateType.RUNNING):
            return ""
        if run.state.is_running() and await self.silence.lasts(client):
            return f"No sign of life for {SILENCE:.0f} s {HEARABLE}"
        if await self.deserted.lasts(client) and await let_go(client, run):
            if run.state.is_pending():
                return NOT_BEGUN
            return f"Its worker is gone or has begun anew, and no sign of life for {DESERTED:.0f} s {HEARABLE}"
        return ""

    async def _queue_gone(self, client: PrefectClient, run: FlowRun) -> str:
        """MOVED once the run's deployment has another pool, since Prefect cannot move it; NO_QUEUE if none for long."""
        if run.work_queue_id:
            return ""
        if self.unqueued is None:
            self.unqueued = monotonic()
            log.warning("%s waits in a work pool that was deleted; run `make deploy`, and it goes on", run.name)
        if run.deployment_id and (await client.read_deployment(run.deployment_id)).work_queue_name:
            return MOVED
        return NO_QUEUE if monotonic() - self.unqueued >= REMADE else ""


async def let_go(client: PrefectClient, run: FlowRun) -> bool:
    """Whether the worker that took the run has its process no more; workers of Kubernetes do not tell."""
    return run.labels.get("prefect.worker.type") == "process" and not await held(client, run)
