"""Runs that no process does, on a real server, and what their workers and processes would say of them."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from anyio import fail_after
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Pending

from flows.watch import TAG
from tasks.lost import held, newest_event
from tests.deployments.test_setup import heartbeat


def made(
    client: SyncPrefectClient, flow: str, state: Any, parent: FlowRun | None = None, deployed: bool = True
) -> FlowRun:
    """A run in this state that no process does; below a task of its parent, as a study's children are."""
    body: dict[str, Any] = {
        "flow_id": str(client.create_flow_from_name(flow)),
        "state": {"type": state.type.value, "name": state.name},
    }
    if deployed:
        body["deployment_id"] = str(client.create_deployment(UUID(body["flow_id"]), "stop"))
        body["tags"] = [TAG]
    if parent:
        task = {"flow_run_id": str(parent.id), "task_key": "child", "dynamic_key": f"{flow} {state.name}"}
        body["parent_task_run_id"] = client.request("POST", "/task_runs/", json=task).json()["id"]
    return FlowRun.model_validate(client.request("POST", "/flow_runs/", json=body).json())


def state(client: SyncPrefectClient, run: FlowRun) -> str | None:
    found = client.read_flow_run(run.id).state
    return found.name if found else None


def a_worker_takes(client: SyncPrefectClient, run: FlowRun, worker: str) -> None:
    """As a worker of the pool cpu says it: Pending, and its labels."""
    labels = {"worker.name": worker, "worker.type": "process", "work-pool.name": "cpu"}
    client.set_flow_run_state(run.id, Pending(), force=True)
    client.update_flow_run_labels(run.id, {f"prefect.{name}": value for name, value in labels.items()})
    body = {"name": worker, "heartbeat_interval_seconds": 30}
    client.request("POST", "/work_pools/cpu/workers/heartbeat", json=body).raise_for_status()


def a_worker_says(client: SyncPrefectClient, event: str, worker: str, run: FlowRun | None = None) -> None:
    about = {"prefect.resource.id": f"prefect.worker.process.{worker}", "prefect.resource.name": worker}
    related = {"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.role": "flow-run"} if run else {}
    said = {"occurred": datetime.now(UTC).isoformat(), "event": f"prefect.worker.{event}", "id": str(uuid4()),
            "resource": about, "related": [related] if run else []}  # fmt: skip
    client.request("POST", "/events", json=[said]).raise_for_status()


async def stored(client: SyncPrefectClient, run: FlowRun) -> None:
    """Until the server has stored a sign of life of the run, and with it whatever it heard before."""
    sign = heartbeat(client, run, "train-model")
    async with get_client() as asking:
        while await newest_event(asking, run.id) != sign:
            await asyncio.sleep(0.2)


async def let_go(*runs: FlowRun) -> None:
    """Until the server has stored that their worker did; it need not store in the order in which it hears."""
    with fail_after(300):
        async with get_client() as asking:
            for run in runs:
                while await held(asking, await asking.read_flow_run(run.id)):
                    await asyncio.sleep(0.2)
