"""How far a study has come, as Prefect's server alone knows it."""

from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType

from tasks import pages


async def advance(client: PrefectClient, run: UUID) -> str:
    """What the study of this run has done, in words that change with each step, trial and epoch, and with nothing else.

    A step that another try recalls bears the name that it had, so it does not count twice.
    """
    below = await _below(client, run)
    runs = [run, *(each.id for each in below)]
    places = {each.parent_task_run_id for each in below}  # of a child in its parent: every try names them anew
    shown = (f"{key}: {value}" for key, value in sorted((await _shown(client, runs)).items()))
    return "; ".join([f"steps and trials: {len(await _done(client, runs, places))}", *shown])


async def _below(client: PrefectClient, run: UUID) -> list[FlowRun]:
    """All that it has begun, and what those have."""
    found: list[FlowRun] = []
    above = [run]
    while above:
        mine = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=above))
        level = await pages.flow_runs(client, mine)
        found += level
        above = [each.id for each in level]
    return found


async def _done(client: PrefectClient, runs: list[UUID], but: set[UUID | None]) -> set[str]:
    """The names of what was completed."""
    wanted = FlowRunFilter(id=FlowRunFilterId(any_=runs))
    completed = TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=[StateType.COMPLETED])))
    return {task.name for task in await pages.task_runs(client, wanted, completed) if task.id not in but}


async def _shown(client: PrefectClient, runs: list[UUID]) -> dict[str, str]:
    """How far the trainings and the search are, by the newest of their artifacts; each try makes its own."""
    newest: dict[str, str] = {}
    for each in await pages.artifacts(client, ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=runs))):
        value = f"{each.data} %" if each.type == "progress" else each.description
        newest.setdefault(str(each.key), str(value))
    return newest
