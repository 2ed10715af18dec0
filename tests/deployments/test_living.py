"""Who lives is not taken for lost, and being taken for lost costs nothing: real server, database, workers, processes.

The flow that is harmed is called like a study and looks after its run as one, but only waits.
"""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling, Crashed

from infra.local.process import Process
from infra.local.stack import ROOT, Stack
from tests.harmed import harmed
from tests.processes import eventually, gone
from tests.production.driver import kill, processes_of, send
from tests.stack import working

LIVES = """
import sys
import time
from pathlib import Path

sys.path.insert(0, {root!r})
from prefect import flow, task
from tasks.ownership import own_run

@task
def waits(end: str) -> None:
    while not Path(end).exists():
        time.sleep(0.1)

@flow(name="charrec", persist_result=False)
def lives(end: str) -> None:
    with own_run():
        waits(end)
"""
OFTEN = 0.25  # seconds between two questions to the server


class Life:
    """A study that only waits, and the worker that has it."""

    def __init__(self, client: SyncPrefectClient, run: FlowRun, worker: Process, end: Path) -> None:
        self.client, self.run, self.worker, self.end = client, run, worker, end
        self.born = worker.pid

    @property
    def state(self) -> str:
        found = self.client.read_flow_run(self.run.id).state
        return found.name or "" if found else ""

    def becomes(self, *names: str, seconds: float = 300) -> None:
        assert eventually(lambda: self.state in names, seconds, OFTEN), (self.state, names)

    def judged(self) -> list[str]:
        """What every charrec-revive of this run came to."""
        name = FlowRunFilter(name=FlowRunFilterName(any_=[f"revive {self.run.id}"]))
        found = self.client.read_flow_runs(flow_run_filter=name)
        return [run.state.name or "" for run in found if run.state and run.state.is_final()]

    def states(self) -> list[str | None]:
        return [state.name for state in self.client.read_flow_run_states(self.run.id)]

    def tasks(self) -> list[str]:
        return sorted(
            t.state.name or "" for t in self.client.read_task_runs() if t.flow_run_id == self.run.id and t.state
        )


@pytest.fixture
def begin(deployed: Stack, prefect_api: str, tmp_path: Path) -> Iterator[Callable[[], Life]]:
    """Begins such a study on a worker with room for it and for what judges it."""
    (tmp_path / "lives.py").write_text(LIVES.format(root=str(ROOT)))
    step = {"prefect.deployments.steps.set_working_directory": {"directory": str(tmp_path)}}
    with get_client(sync_client=True) as client, working(deployed, ("cpu", "living"), limit=4) as (worker,):
        deployment = client.create_deployment(
            client.create_flow_from_name("charrec"), "living", work_pool_name="cpu", entrypoint="lives.py:lives",
            pull_steps=[step], tags=["charrec"],
        )  # fmt: skip

        def made() -> Life:
            end = tmp_path / f"end-{len(list(tmp_path.iterdir()))}"
            run = client.create_flow_run_from_deployment(deployment, parameters={"end": str(end)})
            life = Life(client, run, worker, end)
            life.becomes("Running")
            assert eventually(lambda: life.tasks() == ["Running"], 300, OFTEN)
            return life

        yield made


@harmed("stands still on a stack")
def test_a_study_that_stood_still_and_was_marked_goes_on_and_its_worker_lives(begin: Callable[[], Life]) -> None:
    life = begin()
    frozen = processes_of(life.run)
    send(frozen, signal.SIGSTOP)
    try:
        life.client.set_flow_run_state(life.run.id, Crashed(message="somebody erred"))
        assert eventually(life.judged, 300, OFTEN)
        assert (life.judged(), life.state) == (["Held"], "Crashed")
    finally:
        send(frozen, signal.SIGCONT)
    life.becomes("Running")
    life.end.touch()
    life.becomes("Completed")
    assert life.worker.pid == life.born
    assert "AwaitingRetry" not in life.states()


@pytest.mark.long
def test_a_study_that_stands_still_is_not_marked_and_goes_on_when_its_process_is_ended(
    begin: Callable[[], Life],
) -> None:
    life = begin()
    send(processes_of(life.run), signal.SIGSTOP)
    assert eventually(life.judged, 300, OFTEN)
    assert (life.judged(), life.state, life.worker.pid) == (["Alive"], "Running", life.born)
    kill(life.run)
    assert eventually(lambda: "AwaitingRetry" in life.states(), 300, OFTEN)
    life.becomes("Running")
    life.end.touch()
    life.becomes("Completed")
    assert life.worker.pid == life.born
    assert life.tasks() == ["Completed", "Crashed"]


@pytest.mark.long
def test_a_study_that_is_lost_with_its_worker_is_revived(begin: Callable[[], Life], deployed: Stack) -> None:
    life = begin()
    life.worker.stop(signal.SIGKILL)
    kill(life.run)
    deployed.start_worker("cpu", "living", limit=4)
    assert eventually(lambda: "AwaitingRetry" in life.states(), 300, OFTEN)
    life.becomes("Running")
    life.end.touch()
    life.becomes("Completed")
    assert life.tasks() == ["Completed", "Crashed"]


@pytest.mark.long
def test_a_process_that_was_replaced_while_it_stood_still_ends_without_a_word(
    begin: Callable[[], Life], deployed: Stack
) -> None:
    life = begin()
    frozen = processes_of(life.run)
    send(frozen, signal.SIGSTOP)
    life.worker.stop(signal.SIGKILL)
    deployed.start_worker("cpu", "living", limit=4)
    assert eventually(lambda: "AwaitingRetry" in life.states(), 300, OFTEN)
    life.becomes("Running")
    assert eventually(lambda: life.tasks().count("Running") == 1, 300, OFTEN)
    told = len(life.states())
    send(frozen, signal.SIGCONT)
    assert gone(frozen)
    assert (life.state, len(life.states())) == ("Running", told)
    life.end.touch()
    life.becomes("Completed")


@pytest.mark.long
def test_living_studies_outlast_a_database_that_is_killed_twice(begin: Callable[[], Life], deployed: Stack) -> None:
    lives = [begin(), begin()]
    for pause in (35, 150):
        deployed.database.process.stop(signal.SIGQUIT)  # as `pg_ctl -m immediate`
        deployed.database.start(deployed.environment())
        time.sleep(pause)
    assert [life.state for life in lives] == ["Running", "Running"]
    for life in lives:
        assert not {"Crashed", "AwaitingRetry"} & set(life.states())
        life.end.touch()
        life.becomes("Completed")
    assert lives[0].worker.pid == lives[0].born


@pytest.mark.long
def test_a_study_is_revived_after_a_power_cut_of_minutes(begin: Callable[[], Life], deployed: Stack) -> None:
    """By charrec-revive: Prefect's server remembers that it waits for a sign of life. charrec-watch came much later."""
    life = begin()
    for process in (life.worker, deployed.server.process, deployed.database.process):
        process.stop(signal.SIGKILL)
    kill(life.run)
    time.sleep(200)
    deployed.start_services()
    deployed.start_worker("cpu", "living", limit=4)
    assert eventually(lambda: "AwaitingRetry" in life.states(), 300, OFTEN)
    life.becomes("Running")
    life.end.touch()
    life.becomes("Completed")
    assert life.tasks() == ["Completed", "Crashed"]


@pytest.mark.long
def test_a_living_study_outlasts_a_server_that_is_away_for_minutes(begin: Callable[[], Life], deployed: Stack) -> None:
    """And can still be cancelled, though Prefect's runner does not look for that any more."""
    life, unwanted = begin(), begin()
    deployed.server.process.stop(signal.SIGKILL)
    time.sleep(150)
    deployed.start_services()
    time.sleep(150)  # in which they could be taken for lost
    assert not {"Crashed", "AwaitingRetry"} & {*life.states(), *unwanted.states()}
    processes = processes_of(unwanted.run)
    unwanted.client.set_flow_run_state(unwanted.run.id, Cancelling())
    unwanted.becomes("Cancelled")
    assert gone(processes)
    life.end.touch()
    life.becomes("Completed")
    assert life.worker.pid == life.born
