"""The local stack as a person uses it: up, up again, down; and what a worker does with its runs when it is stopped."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import boto3
import pytest
from prefect import State
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings

from charrec.machine.hardware import Gpu
from infra.local import postgres
from infra.local.postgres import Postgres
from infra.local.process import NotStarted, Process, with_environment
from infra.local.stack import BUCKET, KEYS, MARK, ROOT, Stack, gpu_workers
from infra.local.supervisor import SHORTEST, Pace
from tests.harmed import harmed
from tests.processes import alive, eventually
from tests.stack import stack_folder, working

WAITS = """
import time
from pathlib import Path
from prefect import flow

@flow
def waits(begun: str) -> None:
    Path(begun).touch()
    for _ in range(600):  # not one sleep: Linux may give SIGTERM to another thread, which does not end it
        time.sleep(0.1)
"""

TELLS = """
from prefect import flow
from prefect.artifacts import create_markdown_artifact

@flow
def tells(word: str) -> None:
    create_markdown_artifact(word, key="told")
"""


def call(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "infra.local.stack", "--folder", folder, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with stack_folder() as made:
        yield made
        call(made, "down")


@pytest.fixture
def up(folder: Path) -> Stack:
    """A stack with a worker for each pool, found again in its folder."""
    stack = Stack(folder)
    if not all(pids(stack).values()) or not stack.workers:
        ended = call(folder, "up", "--gpus", "1")
        assert ended.returncode == 0, ended.stderr
    return stack


def pids(stack: Stack) -> dict[str, int | None]:
    return {part.name: part.pid for part in stack.parts}


def files(stack: Stack) -> list[str]:
    s3 = boto3.session.Session(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1")
    bucket = s3.resource("s3", endpoint_url=stack.endpoint).Bucket(BUCKET)
    if not list(bucket.objects.all()):
        bucket.put_object(Key="results/kept", Body=b"")
    return [each.key for each in bucket.objects.all()]


def test_a_process_that_was_killed_is_not_collected_before_its_parent_does_so(tmp_path: Path) -> None:
    """PostgreSQL refuses to start beside a zombie of the last server."""
    process, later = Process("killed", tmp_path), Process("killed", tmp_path)
    assert later.collected()  # there was none
    process.start(["sleep", "600"], os.environ, tmp_path)
    assert not later.collected()
    process.send(signal.SIGKILL)
    assert eventually(lambda: later.pid is None, 300)
    assert not later.collected()
    assert eventually(process.collected, 300)  # asking collects it, once it has ended
    assert later.collected()


CARDS = Gpu("0", "a card"), Gpu("MIG-5d2f", "a part of another")


@pytest.mark.parametrize(("here", "seen"), [((), ["", ""]), (CARDS[:1], ["0", "0"]), (CARDS, ["0", "MIG-5d2f"])])
def test_each_worker_of_the_pool_gpu_has_a_device_that_is_there(
    here: tuple[Gpu, ...], seen: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any other would be refused by each of its runs; without a GPU they use the CPU."""
    monkeypatch.setattr("infra.local.stack.gpus_here", lambda: here)
    starts = Stack(folder).starts(gpus=2, cpu_runs=1)
    told = [starts[f"worker-gpu-gpu{number}"] for number in range(2)]
    assert [each.keywords["environment"]["CUDA_VISIBLE_DEVICES"] for each in told if isinstance(each, partial)] == seen


@pytest.mark.parametrize(("here", "workers"), [((), 2), (CARDS[:1], 1), (CARDS + CARDS[:1], 3)])
def test_there_is_a_worker_for_each_gpu_and_two_without_one(
    here: tuple[Gpu, ...], workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.stack.gpus_here", lambda: here)
    assert gpu_workers() == workers


def test_up_starts_everything_and_says_where(up: Stack) -> None:
    told = call(up.folder, "status")
    assert (told.returncode, set(pids(up))) == (
        0, {"postgres", "s3", "prefect-server", "worker-cpu-cpu0", "worker-gpu-gpu0"},
    )  # fmt: skip
    assert up.ui_url in told.stdout and f"s3://{BUCKET}/results at {up.endpoint}" in told.stdout
    assert f"export PREFECT_API_URL={up.api_url}\n" in (up.folder / "env").read_text()


def test_up_again_changes_nothing_but_forgets_a_former_worker(up: Stack) -> None:
    before = pids(up)
    up.process("worker-gpu-gpu1").note.write_text("1 long-ago")  # of an earlier `up --gpus 2`
    again = call(up.folder, "up", "--gpus", "1")
    assert again.returncode == 0 and f"UI      {up.ui_url}" in again.stdout, again.stdout + again.stderr
    assert pids(up) == before


def test_whatever_ends_by_itself_is_started_again(up: Stack) -> None:
    before = pids(up)
    lost = ("postgres", "worker-gpu-gpu0")
    for name in lost:
        up.process(name).send(signal.SIGKILL)
    assert eventually(lambda: all(up.process(name).pid not in (None, before[name]) for name in lost), 300, 0.1)
    up.wait_for_worker(up.process("worker-gpu-gpu0"))  # so the server has its database, too
    after = pids(up)
    assert {name for name in before if after[name] != before[name]} == set(lost)


def test_a_part_that_ends_again_and_again_is_started_ever_more_slowly() -> None:
    now = 0
    pace, starts = Pace(lambda: now), []
    for now in (*range(600), *range(1000, 1010)):  # well in between
        if pace.may_start():
            starts.append(now)
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert gaps[:7] == [4, 8, 16, 32, 60, 60, 60]
    assert starts[-3:] == [1000, 1000 + SHORTEST, 1000 + SHORTEST + 2 * SHORTEST]


@harmed("the database")
def test_deployments_schedules_runs_and_artifacts_outlive_the_loss_of_the_database(up: Stack, tmp_path: Path) -> None:
    (tmp_path / "tells.py").write_text(TELLS)
    weekly = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 3 * * 1"), active=True)
    step = {"prefect.deployments.steps.set_working_directory": {"directory": str(tmp_path)}}
    with temporary_settings({PREFECT_API_URL: up.api_url}), get_client(sync_client=True) as client:
        deployment = client.create_deployment(
            client.create_flow_from_name("tells"), "kept", work_pool_name="cpu", entrypoint="tells.py:tells",
            pull_steps=[step], schedules=[weekly],
        )  # fmt: skip

        def run(word: str) -> UUID:
            begun = client.create_flow_run_from_deployment(deployment, parameters={"word": word}).id
            assert eventually(lambda: state(begun).is_final(), 300, 0.5)
            assert state(begun).is_completed(), state(begun)
            return begun

        def state(run: UUID) -> State[None]:
            found = client.read_flow_run(run).state
            assert found
            return found

        def told() -> list[object]:
            return [each.data for each in client.read_artifacts() if each.key == "told"]

        before = run("before the dump")
        automations = {each.name for each in client.read_automations()}
        assert backup(up.folder, "dump", tmp_path / "a.dump").returncode == 0
        after = run("after the dump")
        assert backup(up.folder, "restore", tmp_path / "a.dump", "--replace").returncode == 2  # it is at work
        assert call(up.folder, "down").returncode == 0
        shutil.rmtree(up.database.folder)
        restored = backup(up.folder, "restore", tmp_path / "a.dump")
        assert restored.returncode == 0, restored.stderr
        again = call(up.folder, "up", "--gpus", "1")
        assert again.returncode == 0, again.stderr

        assert state(before).is_completed() and told() == ["before the dump"]
        with pytest.raises(ObjectNotFound):
            client.read_flow_run(after)
        assert [each.active for each in client.read_deployment(deployment).schedules] == [True]
        assert {each.name for each in client.read_automations()} == automations
        run("later")
        assert sorted(map(str, told())) == ["before the dump", "later"]
        client.delete_deployment(deployment)


def backup(folder: Path, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "infra.local.backup", "--folder", folder, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_down_ends_every_process_and_keeps_the_data(up: Stack) -> None:
    stored = files(up)
    with temporary_settings({PREFECT_API_URL: up.api_url}), get_client(sync_client=True) as client:
        client.update_work_pool("gpu", WorkPoolUpdate(concurrency_limit=7))
    everything = [pid for pid in pids(up).values() if pid] + with_environment(f"{MARK}={up.folder}")
    url = up.api_url
    assert call(up.folder, "down").returncode == 0
    assert not any(alive(pid) for pid in everything)
    assert call(up.folder, "status").returncode == 1
    up.start_services()
    assert up.api_url == url
    with temporary_settings({PREFECT_API_URL: up.api_url}), get_client(sync_client=True) as client:
        assert client.read_work_pool("gpu").concurrency_limit == 7
    assert files(up) == stored
    assert call(up.folder, "down", "--clean").returncode == 0
    assert not up.folder.exists()
    up.folder.mkdir(mode=0o711)


def test_a_scheduled_run_begins_and_says_so_when_its_worker_is_stopped(
    stack: Stack, prefect_api: str, tmp_path: Path
) -> None:
    (tmp_path / "waits.py").write_text(WAITS)
    begun = tmp_path / "begun"
    soon = DeploymentScheduleCreate(schedule=IntervalSchedule(interval=timedelta(seconds=5)), active=True)
    step = {"prefect.deployments.steps.set_working_directory": {"directory": "{{ $CHARREC_HOME }}"}}
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(
            client.create_flow_from_name("waits"), "stopped", work_pool_name="cpu", entrypoint="waits.py:waits",
            pull_steps=[step], schedules=[soon], parameters={"begun": str(begun)},
        )  # fmt: skip
        with working(stack, ("cpu", "short"), environment={"CHARREC_HOME": str(tmp_path)}):
            assert eventually(begun.exists, 300)
            client.delete_deployment_schedule(deployment, client.read_deployment(deployment).schedules[0].id)
        mine = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
        states = [run.state for run in client.read_flow_runs(deployment_filter=mine) if run.start_time]
    assert len(states) == 1 and states[0] and states[0].is_crashed(), states


def test_a_process_that_ends_while_it_starts_is_reported_with_its_last_words(tmp_path: Path) -> None:
    process = Process("brief", tmp_path)
    process.start(["sh", "-c", "echo no such planet; exit 3"], {}, tmp_path)
    with pytest.raises(NotStarted, match="brief ended while it was starting(.|\n)*no such planet"):
        process.wait(lambda: False, 300)


BUSY = """
import mmap, socket, sys, threading, time
held = socket.create_server(("127.0.0.1", int(sys.argv[1])))
memory = mmap.mmap(-1, 1 << 28)  # which takes a while to give back
memory.write(bytes(1 << 28))
for _ in range(20):
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
print("ready", flush=True)
time.sleep(600)
"""


def test_what_was_killed_keeps_its_port_and_is_waited_for(tmp_path: Path) -> None:
    """Its memory, its threads and so its sockets are there for a while."""
    process = Process("killed", tmp_path)
    port, before = process.port, None
    for _ in range(2):
        process.start([sys.executable, "-c", BUSY, str(process.port)], dict(os.environ), tmp_path)
        process.wait(lambda: b"ready" in process.log.read_bytes(), 300)
        assert process.pid and process.pid != before and process.port == port and not process.leaving()
        before = process.pid
        os.kill(before, signal.SIGKILL)
        assert (process.pid, process.port) == (None, port)
        process.log.write_bytes(b"")
    process.await_end()
    assert not process.leaving()
    with socket.create_server(("127.0.0.1", port)):
        assert process.port != port  # another program has it


def test_a_process_with_a_recycled_number_is_left_alone(tmp_path: Path) -> None:
    process = Process("old", tmp_path)
    process.note.parent.mkdir()
    process.note.write_text(f"{os.getpid()} 1@an-earlier-boot")
    process.stop(signal.SIGKILL)
    assert process.pid is None


def test_without_postgresql_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "PACKAGED", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotStarted, match="apt-get install postgresql"):
        Postgres(tmp_path).start({})


def test_a_socket_with_too_long_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotStarted, match="nearer to the root"):
        Postgres(tmp_path / ("deep" * 25)).start({})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_a_folder_that_postgresql_may_not_enter_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(NotStarted, match="may not enter"):
        Postgres(tmp_path).start({})
