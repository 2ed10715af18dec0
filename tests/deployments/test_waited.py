"""A child that its study waits for, and that nobody carries out any more, on a real server."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from anyio import fail_after
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Completed, Pending, Running, Scheduled

from deployments.setup import begin_anew
from flows.watch import TAG
from tasks.errors import ChildFailed
from tasks.lost import Silence
from tasks.pool import POLL, SELDOM, Pool, _withdraw, pause
from tasks.waiting import NOT_BEGUN, Waiting
from tests.deployments.unworked import a_worker_says, a_worker_takes, let_go, made, state, stored


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.anyio
async def test_whom_somebody_waits_for_is_lost_only_if_others_were_heard() -> None:
    with get_client(sync_client=True) as client:
        waited, other = made(client, "train-model", Running()), made(client, "train-model", Running())
        await stored(client, waited)
        async with get_client() as asking:
            silence = Silence(waited.id, too_long=0.0)
            assert not await silence.lasts(asking)  # it begins to listen
            a_worker_says(client, "executed-flow-run", "somewhere", waited)  # about it, which is no sign of its own
            await stored(client, other)
            assert await silence.lasts(asking)
            await stored(client, waited)
            assert not await silence.lasts(asking)


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.anyio
async def test_a_silent_child_is_lost_sooner_once_its_worker_has_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also before its first heartbeat."""
    monkeypatch.setattr("tasks.waiting.DESERTED", 0.0)
    with get_client(sync_client=True) as client:
        waited, in_a_pod, other = (made(client, "train-model", Running()) for _ in range(3))
        a_worker_takes(client, waited, "devoted")
        client.set_flow_run_state(waited.id, Running(), force=True)
        await stored(client, in_a_pod)
        async with get_client() as asking:

            async def in_vain(run: FlowRun, waiting: Waiting) -> bool:
                return bool(await waiting.in_vain(asking, await asking.read_flow_run(run.id)))

            waiting, pod = Waiting(waited.id), Waiting(in_a_pod.id)
            assert not await in_vain(waited, waiting)  # it begins to listen
            assert not await in_vain(in_a_pod, pod)
            await stored(client, other)
            assert not await in_vain(waited, waiting)
            a_worker_says(client, "started", "devoted")
            with fail_after(300):
                while not await in_vain(waited, waiting):  # what the server stores late is a sign of life
                    await stored(client, other)
            assert not await in_vain(in_a_pod, pod)  # nobody tells of its process


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.anyio
async def test_a_child_whose_worker_was_lost_before_it_began_is_lost_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no heartbeat yet; a worker that is there may take its time."""
    monkeypatch.setattr("tasks.waiting.DESERTED", 0.0)
    with get_client(sync_client=True) as client:
        waited, withdrawn, slow, other = (made(client, "train-model", Running()) for _ in range(4))
        for run, worker in ((waited, "lost"), (withdrawn, "lost"), (slow, "slow")):
            a_worker_takes(client, run, worker)
        async with get_client() as asking:

            async def in_vain(run: FlowRun, waiting: Waiting) -> str:
                return await waiting.in_vain(asking, await asking.read_flow_run(run.id))

            waiting, patient = Waiting(waited.id), Waiting(slow.id)
            assert not await in_vain(waited, waiting) + await in_vain(slow, patient)  # it begins to listen
            await stored(client, other)
            assert not await in_vain(waited, waiting)
            await _withdraw(withdrawn.id)
            assert state(client, withdrawn) == "Pending"  # it begins, finds nothing to do and ends
            a_worker_says(client, "started", "lost")
            await let_go(waited, withdrawn)
            with fail_after(300):
                while not (why := await in_vain(waited, waiting)):  # what the server stores late is a sign of life
                    await stored(client, other)
            assert (why, await in_vain(slow, patient)) == (NOT_BEGUN, "")
            await _withdraw(withdrawn.id)
            assert state(client, withdrawn) == "Crashed"


@pytest.mark.parametrize(
    ("now", "waited", "seconds"),
    [
        (Scheduled(), 0, POLL),
        (Scheduled(name="Late"), 45, 4.5),
        (Scheduled(name="Late"), 3600, SELDOM),
        (Pending(), 3600, POLL),
        (Running(), 3600, POLL),
    ],
)
def test_a_child_that_waits_long_is_looked_at_seldom(now: State[Any], waited: float, seconds: float) -> None:
    assert pause(FlowRun(flow_id=uuid4(), state=now), waited) == seconds


@flow(name="doomed")
def doomed() -> None: ...


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.anyio
async def test_what_waits_in_a_pool_that_was_deleted_begins_anew_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child by its study, which gives up after ten minutes without one; a study by `make deploy`."""
    monkeypatch.setattr("tasks.waiting.REMADE", 0.0)
    with get_client(sync_client=True) as client:

        def deploy() -> UUID:
            client.create_work_pool(WorkPoolCreate(name="doomed", type="process"))
            flow_id = client.create_flow_from_name("doomed")
            return client.create_deployment(flow_id, "doomed", work_pool_name="doomed", tags=[TAG])

        def waiting(name: str) -> FlowRun | None:
            named = FlowRunFilter(name=FlowRunFilterName(any_=[name]))
            runs = client.read_flow_runs(flow_run_filter=named)
            return next((run for run in runs if run.state and run.state.is_scheduled()), None)

        async def child_of(study: "asyncio.Task[None]") -> FlowRun:
            """In a queue that workers look at."""
            while not (study.done() or ((found := waiting("train model_1")) and found.work_queue_id)):
                await asyncio.sleep(0.1)
            return waiting("train model_1") or pytest.fail("no child")

        study_run = client.create_flow_run_from_deployment(deploy(), name="a study")
        study = asyncio.create_task(Pool(1).run_child(doomed, "train model_1", {}))
        await child_of(study)
        client.delete_work_pool("doomed")
        with pytest.raises(ChildFailed, match="make deploy"):
            await study
        assert begin_anew() == 0  # there is no other pool yet
        deploy()
        assert begin_anew() == 1
        assert state(client, study_run) == "Cancelled"
        study = asyncio.create_task(Pool(1).run_child(doomed, "train model_1", {}))
        first = await child_of(study)
        client.delete_work_pool("doomed")
        deploy()
        second = await child_of(study)
        assert (second.id != first.id, second.work_pool_name) == (True, "doomed")
        assert state(client, first) == "Crashed"
        client.set_flow_run_state(second.id, Completed(), force=True)
        await study
