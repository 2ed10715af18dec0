"""Work pools and automations, which a Prefect server needs before charrec is deployed on it.

`python -m deployments.setup` creates the missing ones and updates the others. It keeps manual changes: a pool's limit
or pause, additional settings in its job template, an automation's enabled flag.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from prefect.automations import Automation
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterParentTaskRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.states import Cancelled
from prefect.types import SecretDict
from prefect.workers.process import ProcessWorker
from pydantic import SecretStr

from charrec.errors import InputError
from charrec.variables import require_known
from deployments.automations import (
    BEGINNING,
    FAILED,
    HEARTBEAT,
    LOST,
    PROVISIONING,
    REVIVE,
    REVIVED,
    failures,
    lost_cancellations,
    never_begun,
    revivals,
    silent_runs,
)
from flows.prefect_server import require_answer
from tasks.pages import flow_runs_sync

POOLS = {
    "cpu": "Studies, retrainings, predictions, which mostly wait for other runs",
    "gpu": "Trainings: one worker per GPU, one run at a time on each",
}
FIXED = {
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT),
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",  # says a server whose database restarts, when a run would end
    "PREFECT_RUNNER_AUTO_INSTALL_DEPENDENCIES": "false",  # else `uv run` would build a separate environment
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # the same of JAX
    "TF_CPP_MIN_LOG_LEVEL": "2",
}
# Shared by all workers; credentials are each worker's own.
SHARED = ("CHARREC_STORE", "CHARREC_ENDPOINT", "CHARREC_SWEEP_WORKERS", "AWS_DEFAULT_REGION")
NOTIFY = "charrec-notify"
# What deployments were called until November 27, 2026; the schedule of the last would go on.
FORMER = ("choose-precision/gpu", "train-model/gpu", "sweep-worker/gpu", f"{REVIVE}/cpu", "charrec-watch/cpu")


def set_up(environment: Mapping[str, str]) -> list[str]:
    """Create or update pools and automations; returns a line about each. Raises InputError for a missing setting."""
    require_known(environment)
    settings = FIXED | _shared(environment)
    report = [f"Work pool {name}: {_pool(name, settings)}" for name in POOLS]
    monitors = lost_cancellations(), never_begun(patience(POOLS))
    report += [f"Automation {each.name!r}: {ensure(each)}" for each in monitors]
    report += [f"Deployment {name}: deleted, since it is called otherwise now" for name in FORMER if _deleted(name)]
    if revive := _deployed(f"{REVIVE}/revive"):
        report += [f"Automation {each.name!r}: {ensure(each)}" for each in (silent_runs(revive), revivals(revive))]
    else:
        report += [f"Automation {name!r}: not yet, since {REVIVE}/revive is not deployed" for name in (LOST, REVIVED)]
    if url := environment.get("CHARREC_NOTIFY_URL"):
        report.append(f"Automation {FAILED!r}: {ensure(failures(_webhook(url)))}")
    else:
        report.append(f"Automation {FAILED!r}: not touched, since CHARREC_NOTIFY_URL names no webhook")
    if moved := begin_anew():
        report.append(f"Runs whose work pool had been deleted: {moved} begun anew")
    return report


def begin_anew() -> int:
    """Begin again what waits in a deleted work pool, where its deployment has a pool by now; returns how many.

    Prefect cannot move a run. A study itself begins its children anew; schedules make their runs anew at each deploy.
    """
    wanted = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        tags=FlowRunFilterTags(all_=["charrec"]), parent_task_run_id=FlowRunFilterParentTaskRunId(is_null_=True),
        deployment_id=FlowRunFilterDeploymentId(is_null_=False),
    )  # fmt: skip
    with get_client(sync_client=True) as client:
        moved = 0
        for run in flow_runs_sync(client, wanted):
            if run.work_queue_id or run.auto_scheduled or not run.deployment_id:
                continue
            if not client.read_deployment(run.deployment_id).work_queue_name:
                continue
            again = client.create_flow_run_from_deployment(run.deployment_id, parameters=run.parameters)
            gone: State[None] = Cancelled(message=f"Its work pool was deleted. It goes on as flow run {again.id}.")
            client.set_flow_run_state(run.id, gone)
            moved += 1
        return moved


def _deployed(name: str) -> UUID | None:
    with get_client(sync_client=True) as client:
        try:
            return client.read_deployment_by_name(name).id
        except ObjectNotFound:
            return None


def _deleted(name: str) -> bool:
    """Whether there was one."""
    found = _deployed(name)
    if found:
        with get_client(sync_client=True) as client:
            client.delete_deployment(found)
    return found is not None


def _shared(environment: Mapping[str, str]) -> dict[str, str]:
    store = environment.get("CHARREC_STORE", "")
    if not (urlsplit(store).scheme or Path(store).is_absolute()):
        raise InputError(
            f"CHARREC_STORE is {store!r}",
            "s3://bucket/prefix or an absolute folder path that every worker can reach",
            "Export it (and CHARREC_ENDPOINT unless the server is Amazon's) and try again.",
        )
    return {name: environment[name] for name in SHARED if environment.get(name)}


def _pool(name: str, settings: Mapping[str, str]) -> str:
    with get_client(sync_client=True) as client:
        try:
            pool = client.read_work_pool(name)
        except ObjectNotFound:
            new = WorkPoolCreate(
                name=name, type="process", description=POOLS[name],
                base_job_template=_template(ProcessWorker.get_default_base_job_template(), settings),
            )  # fmt: skip
            client.create_work_pool(new)
            return "created"
        template = _template(pool.base_job_template or ProcessWorker.get_default_base_job_template(), settings)
        if template == pool.base_job_template:
            return "as it should be"
        client.update_work_pool(name, WorkPoolUpdate(base_job_template=template))
        return "renewed"


def patience(pools: Iterable[str]) -> timedelta:
    """The time a run may take to start; longer for pools other than process pools, which may provision a machine."""
    with get_client(sync_client=True) as client:
        types = {client.read_work_pool(name).type for name in pools}
    return BEGINNING if types == {"process"} else PROVISIONING


def _template(current: dict[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """The template with our settings added to the default of its variable `env`; other settings there are kept."""
    template = deepcopy(current)
    variable = template["variables"]["properties"]["env"]
    others = {name: value for name, value in variable.get("default", {}).items() if name not in (*FIXED, *SHARED)}
    variable["default"] = others | dict(settings)
    return template


def ensure(wanted: Automation) -> str:
    """Create the automation, or update it if it differs; returns which."""
    with get_client(sync_client=True) as client:
        named = client.read_automations_by_name(wanted.name)
    if not named:
        wanted.create()
        return "created"
    current = Automation(**named[0].model_dump())
    if _essence(current) == _essence(wanted):
        return "as it should be"
    wanted.id, wanted.enabled = current.id, current.enabled
    wanted.update()
    return "renewed"


def _essence(automation: Automation) -> dict[str, Any]:
    """The compared fields; sets stay sets, because their order in JSON varies."""
    return automation.model_dump(include={"description", "trigger", "actions"})


def _webhook(url: str) -> UUID:
    """The id of a block that posts JSON to this URL and stores it as a secret."""
    block = Webhook(url=SecretStr(url), headers=SecretDict({"Content-Type": "application/json"}))
    saved: UUID = block.save(NOTIFY, overwrite=True)  # type: ignore[assignment]
    return saved


def main() -> int:
    try:
        if not (api := PREFECT_API_URL.value()):
            raise InputError("PREFECT_API_URL is not set", "the URL of Prefect's server", "Run `make up` first.")
        require_answer(str(api), ", or correct its address; `make up` starts the local one")
        print(*set_up(os.environ), sep="\n")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
