"""Runs that no process does, on a real server: what a study has begun is stopped, what is lost is found."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from anyio import fail_after
from prefect.client.orchestration import PrefectClient, SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State, Worker
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Pending, Running, Scheduled

from flows.revive import REVIVALS, revive
from flows.watch import TAG, watch
from tasks.lost import held, listen
from tasks.ownership import Cancellation, lost_to_another, taken_for_lost
from tasks.pool import stop_children
from tests.deployments.test_prefect_yaml import DEPLOYMENTS
from tests.deployments.test_setup import heartbeat
from tests.deployments.unworked import a_worker_says, a_worker_takes, let_go, made, state, stored
from tests.harmed import harmed


class Short(SyncPrefectClient):
    """Of a server that answers with two runs at most, and whose runs end one after the other."""

    def read_flow_runs(self, **asked: Any) -> list[FlowRun]:  # type: ignore[override]
        page = super().read_flow_runs(limit=2, **asked)
        for run in page[:1]:
            self.set_flow_run_state(run.id, Completed(), force=True)
        return page


def test_no_child_is_passed_over_because_another_ended_before_the_next_page(prefect_api: str) -> None:
    with Short(prefect_api) as client:
        study = made(client, "charrec", Running())
        children = [made(client, "train-model", Running(name=f"Running {n}"), study) for n in range(5)]
        stop_children(client, study.id)
        assert not [child for child in children if str(state(client, child)).startswith("Running")]


class Shy(PrefectClient):
    """Of a server that answers with one worker at most."""

    async def read_workers_for_work_pool(self, pool: str, **asked: Any) -> list[Worker]:  # type: ignore[override]
        return await super().read_workers_for_work_pool(pool, **asked, limit=1)


@pytest.mark.anyio
async def test_a_worker_holds_its_run_however_many_others_were_heard_since(prefect_api: str) -> None:
    with get_client(sync_client=True) as client:
        run = made(client, "charrec", Running())
        for worker in ("first", "second", "third"):
            a_worker_takes(client, run if worker == "first" else made(client, "charrec", Running()), worker)
        async with Shy(prefect_api) as asking:
            assert await held(asking, client.read_flow_run(run.id))


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


async def watched(client: SyncPrefectClient, alive: FlowRun) -> set[UUID]:
    """What one watch finds while this run gives signs of life."""
    listening = asyncio.create_task(watch.fn())
    while not listening.done():
        heartbeat(client, alive, "train-model")
        await asyncio.sleep(1)
    return set(await listening)


@harmed("a study's sign of life")
@pytest.mark.usefixtures("prefect_api")
@pytest.mark.anyio
async def test_a_silent_study_is_lost_only_without_its_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a child is lost by its silence, since another takes its place."""
    monkeypatch.setattr("flows.watch.LISTENING", 14.0)  # the server stores what it hears every 5 s
    monkeypatch.setattr("flows.watch.BEGINNING", timedelta(seconds=1))
    with get_client(sync_client=True) as client:
        lost, unstopped, alive, child = (made(client, "train-model", Running()) for _ in range(4))
        kept, exited, anew = (made(client, "charrec", Running()) for _ in range(3))
        for run, worker in ((kept, "there"), (child, "there"), (exited, "there"), (anew, "again")):
            a_worker_takes(client, run, worker)
            client.set_flow_run_state(run.id, Running(), force=True)
        a_worker_says(client, "executed-flow-run", "there", exited)
        a_worker_says(client, "started", "again")
        unbegun = made(client, "train-model", Pending())
        below = made(client, "charrec", Running(), lost, deployed=False)
        client.set_flow_run_state(unstopped.id, Cancelling())
        await stored(client, alive)  # what was heard before does not count
        await let_go(exited, anew)
        silent, found = {run.id for run in (lost, unstopped, unbegun, child, exited, anew)}, set[UUID]()
        with fail_after(300):
            while not silent <= found:  # what the server stores late is a sign of life: found by the next watch
                found |= await watched(client, alive)
        assert not {alive.id, kept.id} & found
        ended = [state(client, run) for run in (lost, unstopped, unbegun, exited, anew, below)]
        assert ended == ["Crashed", "Cancelled", "Crashed", "Crashed", "Crashed", "Crashed"]
        assert [state(client, run) for run in (alive, kept)] == ["Running", "Running"]
        client.delete_flow_run(kept.id)


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.anyio
async def test_a_crashed_study_is_revived_once_its_worker_lets_go_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.revive.SETTLING", 0.1)
    monkeypatch.setattr("flows.revive.RELEASE", 1)
    with get_client(sync_client=True) as client:
        study, reported = made(client, "charrec", Running()), made(client, "charrec", Running())
        task = task_of(client, study)
        for run in (study, reported):
            a_worker_takes(client, run, "holding")
        client.set_flow_run_state(study.id, Crashed(message="somebody erred"), force=True)
        client.set_flow_run_state(reported.id, Crashed(message="Process exited with status code: -9."), force=True)
        assert (await revive.fn(study.id)).name == "Held"
        assert state(client, study) == "Crashed"
        assert client.read_task_run(task).state.is_crashed()  # type: ignore[union-attr]
        await revive.fn(reported.id)
        a_worker_says(client, "started", "holding")
        await stored(client, study)
        await revive.fn(study.id)
        assert (state(client, study), state(client, reported)) == ("AwaitingRetry", "AwaitingRetry")


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.anyio
async def test_a_study_that_nobody_revived_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.revive.SETTLING", 0.0)
    monkeypatch.setattr("flows.watch.REVIVING", timedelta(0))
    monkeypatch.setattr("flows.watch.LISTENING", 0.1)
    with get_client(sync_client=True) as client:
        left, training = made(client, "charrec", Running()), made(client, "train-model", Running())
        task = task_of(client, training)
        for run in (left, training):
            client.set_flow_run_state(run.id, Crashed(), force=True)
        await watch.fn()
        assert [state(client, run) for run in (left, training)] == ["AwaitingRetry", "Crashed"]
        assert client.read_task_run(task).state.is_crashed()  # type: ignore[union-attr]


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.anyio
@harmed("a study again and again")
async def test_a_study_is_given_up_once_it_is_lost_again_and_again_without_getting_any_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flows.revive.SETTLING", 0.0)
    with get_client(sync_client=True) as client:
        study = made(client, "charrec", Running())
        for loss in range(2 * REVIVALS + 1):
            if loss <= REVIVALS:
                task_of(client, study, name=f"train model_{loss}", kind="COMPLETED")
            client.set_flow_run_state(study.id, Crashed(), force=True)
            await revive.fn(study.id)
            assert state(client, study) == ("AwaitingRetry" if loss < 2 * REVIVALS else "Crashed"), loss
        assert (await revive.fn(study.id)).name == "GivenUp"


def task_of(client: SyncPrefectClient, run: FlowRun, name: str = "pack glyphs", kind: str = "RUNNING") -> UUID:
    """A task run of it, as its process told last."""
    body = {"flow_run_id": str(run.id), "task_key": "step", "dynamic_key": name, "name": name, "state": {"type": kind}}
    return UUID(client.request("POST", "/task_runs/", json=body).json()["id"])


@pytest.mark.anyio
async def test_who_cannot_reach_the_server_takes_nobody_for_lost() -> None:
    async with PrefectClient("http://127.0.0.1:9/api") as client:
        assert not await listen(client, 0.01)


@pytest.mark.anyio
async def test_a_machine_that_stood_still_while_it_listened_has_heard_nothing(
    prefect_api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = iter(range(0, 10_000, 100))
    monkeypatch.setattr("tasks.lost.monotonic", lambda: next(passing))
    async with PrefectClient(prefect_api) as client:
        assert not await listen(client, 0.01)


@pytest.mark.parametrize(
    ("now", "begun", "back", "over"),
    [
        (Running(), 1, False, False),
        (Running(), 2, False, True),  # by another process
        (Crashed(), 1, True, False),
        (Scheduled(name="AwaitingRetry"), 1, True, False),
        (Pending(), 1, False, True),  # a worker has taken it
        (Cancelling(), 1, False, False),  # Prefect ends it
        (Cancelled(), 1, False, True),
        (Completed(), 2, False, True),
    ],
)
def test_a_process_takes_its_run_back_until_another_has_begun_it(
    now: State[Any], begun: int, back: bool, over: bool
) -> None:
    run = FlowRun(flow_id=uuid4(), state=now, run_count=begun)
    assert (taken_for_lost(run), lost_to_another(run, mine=1)) == (back, over)


def test_a_cancellation_is_unheard_a_minute_after_it_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    cancellation = Cancellation()
    looks = [(0, Running()), (5, Cancelling()), (60, Running()), (65, Cancelling())]
    looks += [(second, Cancelling()) for second in (124, 125, 130, 189, 190)]
    for second, now in looks:
        monkeypatch.setattr("tasks.ownership.monotonic", lambda second=second: float(second))
        if cancellation.unheard(FlowRun(flow_id=uuid4(), state=now)):
            told.append(second)
    assert told == [125, 190]


def test_every_deployment_has_the_tag_by_which_its_runs_are_watched() -> None:
    assert all(TAG in each["tags"] for each in DEPLOYMENTS)
