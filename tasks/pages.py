"""Everything that Prefect's server has of a kind. It answers with 200 at most, or fewer where its settings say so.

Runs end and begin while they are read. So each request leaves out the runs that are known by then: an offset would skip
one for every run that has ended before it.
"""

from collections.abc import AsyncIterator, Sequence

from prefect.client.orchestration import PrefectClient, SyncPrefectClient
from prefect.client.schemas.filters import ArtifactFilter, FlowRunFilter, FlowRunFilterId, TaskRunFilter
from prefect.client.schemas.objects import Artifact, FlowRun, TaskRun, Worker
from prefect.client.schemas.sorting import ArtifactSort


async def flow_runs(client: PrefectClient, wanted: FlowRunFilter) -> list[FlowRun]:
    """Every flow run that fits; the filter does not name ids."""
    found: list[FlowRun] = []
    while page := await client.read_flow_runs(flow_run_filter=_but(wanted, found)):
        found += page
    return found


def flow_runs_sync(client: SyncPrefectClient, wanted: FlowRunFilter) -> list[FlowRun]:
    """The same for a client that waits."""
    found: list[FlowRun] = []
    while page := client.read_flow_runs(flow_run_filter=_but(wanted, found)):
        found += page
    return found


async def task_runs(client: PrefectClient, of: FlowRunFilter, wanted: TaskRunFilter) -> list[TaskRun]:
    """Every task run that fits; a filter of task runs cannot leave any out."""
    found: list[TaskRun] = []
    while page := await client.read_task_runs(flow_run_filter=of, task_run_filter=wanted, offset=len(found)):
        found += page
    return found


async def artifacts(client: PrefectClient, wanted: ArtifactFilter) -> list[Artifact]:
    """Every artifact that fits, the last changed first."""
    found: list[Artifact] = []
    newest = ArtifactSort.UPDATED_DESC
    while page := await client.read_artifacts(artifact_filter=wanted, sort=newest, offset=len(found)):
        found += page
    return found


async def workers(client: PrefectClient, pool: str) -> AsyncIterator[Worker]:
    """Those that the pool has ever had, the last heard first."""
    count = 0
    while page := await client.read_workers_for_work_pool(pool, offset=count):
        for worker in page:
            yield worker
        count += len(page)


def _but(wanted: FlowRunFilter, found: Sequence[FlowRun]) -> FlowRunFilter:
    if not found:
        return wanted
    return wanted.model_copy(update={"id": FlowRunFilterId(not_any_=[run.id for run in found])})
