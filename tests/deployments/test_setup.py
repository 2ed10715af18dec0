"""What `make deploy` leaves on a server, once and again, and what its automations do there."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from prefect.automations import Automation
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.client.schemas.objects import FlowRun
from prefect.events.schemas.automations import EventTrigger
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling, Completed, Crashed, Pending

from charrec.errors import InputError
from deployments.automations import (
    BEGINNING,
    DESERTED,
    FAILED,
    LOST,
    REVIVE,
    UNBEGUN,
    lost_cancellations,
    never_begun,
    silent_runs,
)
from deployments.setup import FIXED, POOLS, ensure, main, patience, set_up
from infra.local.stack import Stack
from tests.deployments.conftest import deploy
from tests.harmed import harmed
from tests.processes import eventually

SOON = timedelta(seconds=10)  # Prefect's shortest
OFTEN = 0.25  # seconds between two questions to the server


@pytest.fixture
def client(prefect_api: str, stack: Stack) -> Iterator[SyncPrefectClient]:
    """Of the stack's server, which is as it was set up in the end."""
    with get_client(sync_client=True) as made:
        yield made
        for told in made.read_automations_by_name(FAILED):
            made.delete_automation(told.id)
        set_up(stack.settings)


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[str]]]:
    """An address, and the texts that were posted there."""
    texts: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            texts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", texts
        server.shutdown()


def test_a_run_asks_again_where_the_servers_database_is_away() -> None:
    answers = [500, 200]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers.pop(0))
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    code = "from prefect import get_client; get_client(sync_client=True).request('GET', '/health').raise_for_status()"
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        there = {
            "PREFECT_API_URL": f"http://127.0.0.1:{server.server_port}/api",
            "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "0",
        }
        subprocess.run([sys.executable, "-c", code], env=os.environ | FIXED | there, check=True)
        server.shutdown()
    assert answers == []


def test_a_server_that_is_away_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """As after `make down`, whose .stack/env still names it."""
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        assert main() == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("error: Prefect's server at http://127.0.0.1:1/api, which ")
    assert told.endswith("Start it, or correct its address; `make up` starts the local one.")


def objects(client: SyncPrefectClient) -> dict[str, str]:
    """Everything that setting up and deploying makes, by id."""
    kinds = ("work_pools", "automations", "block_documents", "deployments", "concurrency_limits", "flows")
    found = {}
    for kind in kinds:
        for one in client.request("POST", f"/{kind}/filter", json={}).json():
            found[one["id"]] = f"{kind} {one.get('name')}"
            found |= {each["id"]: f"schedule {each['slug']}" for each in one.get("schedules", [])}
    return found


@harmed("what was set up")
def test_setting_up_again_leaves_the_same_objects(client: SyncPrefectClient, deployed: Stack) -> None:
    notified = deployed.settings | {"CHARREC_NOTIFY_URL": "http://127.0.0.1:9/hook"}
    set_up(notified)
    before = objects(client)
    assert {f"automations {LOST}", f"automations {FAILED}", "work_pools cpu", "work_pools gpu"} <= set(before.values())
    said = set_up(notified)
    assert objects(client) == before
    assert all(line.endswith("as it should be") for line in said)


def test_a_deployment_of_a_former_name_is_deleted_with_its_schedule(client: SyncPrefectClient, deployed: Stack) -> None:
    client.create_deployment(client.create_flow_from_name("charrec-watch"), "cpu", entrypoint="flows/watch.py:watch")
    said = set_up(deployed.settings)
    assert "Deployment charrec-watch/cpu: deleted, since it is called otherwise now" in said
    with pytest.raises(ObjectNotFound):
        client.read_deployment_by_name("charrec-watch/cpu")
    assert client.read_deployment_by_name("charrec-watch/watch").schedules


def test_the_webhooks_address_is_shown_nowhere(client: SyncPrefectClient, stack: Stack) -> None:
    address = "http://127.0.0.1:9/secret-hook"
    said = set_up(stack.settings | {"CHARREC_NOTIFY_URL": address})
    shown = client.request("POST", "/block_documents/filter", json={}).text
    automations = client.request("POST", "/automations/filter", json={}).text
    assert address not in shown + automations + "".join(said)


def test_what_a_person_has_set_stays(client: SyncPrefectClient, stack: Stack) -> None:
    template = client.read_work_pool("gpu").base_job_template
    template["variables"]["properties"]["env"]["default"] |= {"THEIRS": "kept", "CHARREC_STORE": "s3://wrong"}
    client.update_work_pool("gpu", WorkPoolUpdate(concurrency_limit=3, is_paused=True, base_job_template=template))
    theirs = Automation.read(name=DESERTED)
    assert isinstance(theirs, Automation) and theirs.disable()
    said = set_up({"CHARREC_STORE": "s3://other/place"})
    pool = client.read_work_pool("gpu")
    env = pool.base_job_template["variables"]["properties"]["env"]["default"]
    try:
        assert (pool.concurrency_limit, pool.is_paused) == (3, True)
        assert (env["THEIRS"], env["CHARREC_STORE"], "CHARREC_ENDPOINT" in env) == ("kept", "s3://other/place", False)
        assert not Automation.read(name=DESERTED).enabled
        assert said[1:3] == ["Work pool gpu: renewed", f"Automation {DESERTED!r}: as it should be"]
    finally:
        client.update_work_pool("gpu", WorkPoolUpdate(concurrency_limit=None, is_paused=False))
        theirs.enable()


def test_a_run_on_workers_that_are_there_begins_in_minutes(client: SyncPrefectClient) -> None:
    watching = Automation.read(name=UNBEGUN)
    assert isinstance(watching, Automation) and isinstance(watching.trigger, EventTrigger)
    assert watching.trigger.within == patience(POOLS) == BEGINNING


@pytest.mark.parametrize("store", ["", "results"])
def test_a_store_that_not_every_worker_reaches_is_refused(prefect_api: str, store: str) -> None:
    with pytest.raises(InputError, match="CHARREC_STORE"):
        set_up({"CHARREC_STORE": store})


def test_deploying_again_leaves_the_same_objects(client: SyncPrefectClient, deployed: Stack) -> None:
    before = objects(client)
    weekly = next(each for each in client.read_deployments() if each.name == "weekly")
    client.update_deployment_schedule(weekly.id, weekly.schedules[0].id, active=False)
    deploy(deployed)
    assert objects(client) == before
    again = client.read_deployment(weekly.id)
    assert [(each.slug, each.active) for each in again.schedules] == [("weekly", False)]
    assert "{{ $CHARREC_HOME }}" in json.dumps(again.pull_steps)


def run_of(client: SyncPrefectClient, flow: str) -> FlowRun:
    """A run that no process does."""
    named = client.create_flow_from_name(flow)
    made = client.request("POST", "/flow_runs/", json={"flow_id": str(named), "state": {"type": "RUNNING"}}).json()
    return FlowRun.model_validate(made)


def deployed_run_of(client: SyncPrefectClient, deployment: str) -> FlowRun:
    """The same of a deployment."""
    of = client.read_deployment_by_name(deployment)
    body = {"flow_id": str(of.flow_id), "deployment_id": str(of.id), "state": {"type": "RUNNING"}}
    return FlowRun.model_validate(client.request("POST", "/flow_runs/", json=body).json())


def heartbeat(client: SyncPrefectClient, run: FlowRun, flow: str) -> str:
    """The event that Prefect's engine sends every 30 s; returns its id."""
    related = [{"prefect.resource.id": f"prefect.flow.{run.flow_id}", "prefect.resource.role": "flow",
                "prefect.resource.name": flow}]  # fmt: skip
    if run.deployment_id:
        of = {"prefect.resource.id": f"prefect.deployment.{run.deployment_id}", "prefect.resource.role": "deployment"}
        related.append(of)
    event = {
        "occurred": datetime.now(UTC).isoformat(), "event": "prefect.flow-run.heartbeat", "id": str(uuid4()),
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run.id}"}, "related": related,
    }  # fmt: skip
    client.request("POST", "/events", json=[event]).raise_for_status()
    return str(event["id"])


def to_be_revived(client: SyncPrefectClient, *among: FlowRun) -> list[FlowRun]:
    """Those for which an automation has begun charrec-revive; it begins it for runs of other tests too."""
    runs = client.read_flow_runs(deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=["revive"])))
    asked = [each.parameters.get("run") for each in runs]
    return [run for run in among if str(run.id) in asked]


@harmed("any run's sign of life")
def test_a_silent_run_is_judged_what_was_left_is_ended_and_a_crash_is_told(
    client: SyncPrefectClient, deployed: Stack, webhook: tuple[str, list[str]]
) -> None:
    address, texts = webhook
    set_up(deployed.settings | {"CHARREC_NOTIFY_URL": address})
    ensure(silent_runs(client.read_deployment_by_name(f"{REVIVE}/revive").id, SOON))
    ensure(lost_cancellations(SOON))
    ensure(never_begun(SOON))
    time.sleep(2)  # for the server to load them
    silent, finished = (deployed_run_of(client, "charrec/full-study") for _ in range(2))
    child = deployed_run_of(client, "train-model/train-model")  # its study judges it
    cancelled, unbegun = (run_of(client, "train-model") for _ in range(2))
    foreign = run_of(client, "other")
    flows = ("charrec", "charrec", "train-model", "train-model", "train-model", "other")
    runs = silent, finished, child, cancelled, unbegun, foreign
    for run, name in zip(runs, flows, strict=True):
        heartbeat(client, run, name)
    client.set_flow_run_state(finished.id, Completed(name="Promoted"))
    client.set_flow_run_state(cancelled.id, Cancelling())
    for name in ("Pending", "Submitting"):  # as a worker does
        client.set_flow_run_state(unbegun.id, Pending(name=name), force=True)

    def state(run: FlowRun) -> Any:
        return client.read_flow_run(run.id).state

    assert eventually(lambda: to_be_revived(client, *runs) and state(cancelled).is_cancelled(), 300, OFTEN)
    assert eventually(lambda: state(unbegun).is_crashed(), 300, OFTEN)
    assert to_be_revived(client, *runs) == [silent]
    assert state(silent).is_running() and state(finished).name == "Promoted"
    assert state(foreign).is_running() and state(child).is_running()
    client.set_flow_run_state(silent.id, Crashed())
    assert eventually(lambda: any("charrec: " in text and "is Crashed" in text for text in texts), 300), texts
    assert not any("train-model" in text for text in texts)


@pytest.mark.usefixtures("deployed")
def test_a_deployed_study_that_crashed_is_to_be_revived(client: SyncPrefectClient) -> None:
    time.sleep(2)  # for the server to load the automation
    study = client.create_flow_run_from_deployment(client.read_deployment_by_name("charrec/full-study").id)
    runs = study, run_of(client, "charrec")
    for run in runs:
        client.set_flow_run_state(run.id, Crashed(), force=True)
    assert eventually(lambda: to_be_revived(client, *runs), 300, OFTEN)
    assert to_be_revived(client, *runs) == [study]
