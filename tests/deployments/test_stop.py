"""Runs that no process does, on a real server: what a study has begun is stopped, what is lost is found."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient, SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled, Cancelling, Completed, Pending, Running, Scheduled

from flows.revive import revive
from flows.watch import TAG, _there_all_the_while, watch
from tasks.pool import stop_children
from tests.deployments.test_prefect_yaml import DEPLOYMENTS
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


@pytest.mark.usefixtures("prefect_api")
def test_what_runs_is_to_be_cancelled_what_waits_is_and_what_is_over_stays() -> None:
    with get_client(sync_client=True) as client:
        retraining = made(client, "charrec-retraining", Running())
        study = made(client, "charrec", Running(), retraining, deployed=False)  # in the same process
        kinds = (Scheduled(), Pending(), Running(), Completed())
        children = [made(client, "train-model", kind, study) for kind in kinds]
        foreign = made(client, "train-model", Running())
        stop_children(client, retraining.id)
        assert [state(client, child) for child in children] == ["Cancelled", "Cancelling", "Cancelling", "Completed"]
        assert (state(client, study), state(client, foreign)) == ("Running", "Running")


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.anyio
async def test_a_study_that_was_cancelled_without_a_process_leaves_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.revive.SETTLING", 0.0)
    with get_client(sync_client=True) as client:
        study = made(client, "charrec", Cancelled())
        child = made(client, "train-model", Running(), study)
        await revive.fn(study.id)
        assert (state(client, study), state(client, child)) == ("Cancelled", "Cancelling")


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.anyio
async def test_who_is_silent_while_somebody_listens_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.watch.LISTENING", 14.0)  # the server stores what it hears every 5 s
    monkeypatch.setattr("flows.watch.BEGINNING", timedelta(seconds=1))
    with get_client(sync_client=True) as client:
        lost, unstopped, alive = (made(client, "train-model", Running()) for _ in range(3))
        unbegun = made(client, "train-model", Pending())
        below = made(client, "charrec", Running(), made(client, "charrec-retraining", Running()), deployed=False)
        client.set_flow_run_state(unstopped.id, Cancelling())
        await asyncio.sleep(1.5)  # what was heard of them before does not count
        listening = asyncio.create_task(watch.fn())
        await asyncio.sleep(1)
        heartbeat(client, alive, "train-model")
        found = await listening
        assert {lost.id, unstopped.id, unbegun.id} <= set(found) and not {alive.id, below.id} & set(found)
        names = [state(client, run) for run in (lost, unstopped, unbegun, alive, below)]
        assert names == ["Crashed", "Cancelled", "Crashed", "Running", "Running"]


@pytest.mark.anyio
async def test_who_cannot_reach_the_server_takes_nobody_for_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.watch.LISTENING", 0.01)
    async with PrefectClient("http://127.0.0.1:9/api") as client:
        assert not await _there_all_the_while(client)


def test_every_deployment_has_the_tag_by_which_its_runs_are_watched() -> None:
    assert all(TAG in each["tags"] for each in DEPLOYMENTS)
