"""What a Prefect server needs before charrec is deployed on it: work pools and automations.

`python -m deployments.setup` creates what is missing and renews what differs. It leaves alone what a person has set
there: a pool's limit or pause, further settings in its job template, whether an automation is enabled.
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
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.types import SecretDict
from prefect.workers.process import ProcessWorker
from pydantic import SecretStr

from charrec.errors import InputError
from deployments.automations import (
    BEGINNING,
    FAILED,
    HEARTBEAT,
    PROVISIONING,
    REVIVE,
    REVIVED,
    failures,
    lost_cancellations,
    lost_runs,
    never_begun,
    revivals,
)

POOLS = {
    "cpu": "Studies, retrainings, predictions: they wait for others most of the time",
    "gpu": "What trains: a worker per GPU, a run at a time on each",
}
FIXED = {
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT),
    "PREFECT_RUNNER_AUTO_INSTALL_DEPENDENCIES": "false",  # or `uv run` would make an environment of its own of ours
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}
# One for all; credentials stay with the workers.
GIVEN = ("CHARREC_STORE", "CHARREC_ENDPOINT", "CHARREC_SWEEP_WORKERS", "AWS_DEFAULT_REGION")
NOTIFY = "charrec-notify"


def set_up(environment: Mapping[str, str]) -> list[str]:
    """The pools and automations; returns what to tell. Raises InputError where a setting is missing."""
    settings = FIXED | _given(environment)
    said = [f"Work pool {name}: {_pool(name, settings)}" for name in POOLS]
    watching = lost_runs(), lost_cancellations(), never_begun(patience(POOLS))
    said += [f"Automation {each.name!r}: {ensure(each)}" for each in watching]
    if revive := _deployed(f"{REVIVE}/cpu"):
        said.append(f"Automation {REVIVED!r}: {ensure(revivals(revive))}")
    else:
        said.append(f"Automation {REVIVED!r}: not yet, since {REVIVE}/cpu is not deployed")
    if url := environment.get("CHARREC_NOTIFY_URL"):
        said.append(f"Automation {FAILED!r}: {ensure(failures(_webhook(url)))}")
    else:
        said.append(f"Automation {FAILED!r}: not touched, since CHARREC_NOTIFY_URL names no webhook")
    return said


def _deployed(name: str) -> UUID | None:
    with get_client(sync_client=True) as client:
        try:
            return client.read_deployment_by_name(name).id
        except ObjectNotFound:
            return None


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    store = environment.get("CHARREC_STORE", "")
    if not (urlsplit(store).scheme or Path(store).is_absolute()):
        raise InputError(
            f"CHARREC_STORE is {store!r}",
            "s3://bucket/prefix, or a folder by its whole path, that every worker reaches",
            "Export it, with CHARREC_ENDPOINT for a server other than Amazon's, and try again.",
        )
    return {name: environment[name] for name in GIVEN if environment.get(name)}


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
    """How long a run may take to begin: where a pool is not of processes, its machine may have to be made first."""
    with get_client(sync_client=True) as client:
        types = {client.read_work_pool(name).type for name in pools}
    return BEGINNING if types == {"process"} else PROVISIONING


def _template(found: dict[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """The template with our settings in the default of its variable `env`, beside those that others put there."""
    template = deepcopy(found)
    variable = template["variables"]["properties"]["env"]
    others = {name: value for name, value in variable.get("default", {}).items() if name not in (*FIXED, *GIVEN)}
    variable["default"] = others | dict(settings)
    return template


def ensure(wanted: Automation) -> str:
    """Create it, or renew it where it differs; returns which."""
    with get_client(sync_client=True) as client:
        named = client.read_automations_by_name(wanted.name)
    if not named:
        wanted.create()
        return "created"
    found = Automation(**named[0].model_dump())
    if _essence(found) == _essence(wanted):
        return "as it should be"
    wanted.id, wanted.enabled = found.id, found.enabled
    wanted.update()
    return "renewed"


def _essence(automation: Automation) -> dict[str, Any]:
    """What is compared: sets as sets, for JSON has them in any order."""
    return automation.model_dump(include={"description", "trigger", "actions"})


def _webhook(url: str) -> UUID:
    """The id of a block that posts JSON to this address, which is among its secrets."""
    block = Webhook(url=SecretStr(url), headers=SecretDict({"Content-Type": "application/json"}))
    saved: UUID = block.save(NOTIFY, overwrite=True)  # type: ignore[assignment]
    return saved


def main() -> int:
    try:
        if not PREFECT_API_URL.value():
            raise InputError("PREFECT_API_URL is not set", "the address of Prefect's server", "Try `make up` first.")
        print(*set_up(os.environ), sep="\n")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
