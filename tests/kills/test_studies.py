"""What the harness for whole studies must see: a planted loss of each kind, and nothing in what may differ."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.states import Completed

from charrec.memo.outcome import Outcome, name_of, outcome_of
from charrec.report.page import render
from charrec.results import ReportResult, Stored
from charrec.storage import Store, open_store
from charrec.training.checkpoints import Checkpoint, Progress
from infra.local.stack import MARK, Stack
from tests.hostile.documents import PROVENANCE, ROW, STUDY
from tests.kills.ground import Ground
from tests.kills.left_behind import held, unfinished_runs, unowned
from tests.kills.study_losses import differences, nameless, orphans, timeless_page, told
from tests.processes import eventually
from tests.report import sample_result as sample

TRAINING, REPORT = "trainings/model_2-0123456789abcdef", "reports/0123456789abcdef"


def study(folder: Path, owner: str = "11223344", seconds: float = 1.5, accuracy: float = 0.5) -> Store:
    """A store with a training and a report; `owner` trained it, in so many seconds."""
    store = open_store(str(folder))
    row = ROW.model_copy(update={"seconds": seconds, "accuracy": accuracy})
    key = f"{TRAINING}/epoch-001-{owner}.weights.h5"
    store.put(key, b"weights")
    weights = Stored(key=key, sha256=hashlib.sha256(b"weights").hexdigest())
    last = Checkpoint(epoch=1, key=key, sha256=weights.sha256)
    progress = Progress(owner=owner, epochs=(row,), parameters=9, last=last, best=last)
    store.put(f"{TRAINING}/progress.json", progress.model_dump_json().encode())
    result = STUDY.trainings[0].model_copy(update={"epochs": (row,), "weights": weights})
    remember(store, TRAINING, result, seconds)
    files = {
        "tables/models.csv": f"model,seconds,val_loss\nmodel_2,{seconds},1.5\n",
        "report.html": f"<dt>Total time</dt><dd>{seconds}\N{NO-BREAK SPACE}s</dd> <td>98.3 %</td> {key}",
    }
    for name, text in files.items():
        store.put(f"{REPORT}/{name}", text.encode())
    pointed = [
        Stored(key=f"{REPORT}/{name}", sha256=hashlib.sha256(text.encode()).hexdigest()) for name, text in files.items()
    ]
    remember(store, REPORT, ReportResult(files=tuple(pointed)), seconds)
    return store


def remember(store: Store, key: str, value: Any, seconds: float) -> None:
    provenance = PROVENANCE.model_copy(update={"seconds": seconds, "started": f"2026-11-28T00:00:{seconds:04.1f}"})
    outcome: Outcome[Any] = outcome_of(type(value))(key=key, value=value, provenance=provenance)
    store.put(name_of(key, type(value)), outcome.model_dump_json(exclude={"cached"}).encode())


def test_the_token_of_a_lease_is_a_name_and_the_step_of_a_checkpoint_is_not() -> None:
    names = [f"sweeps/a/configuration-000/epoch-002-{rest}.weights.h5" for rest in ("0003-host-1-ab", "0012-box-77-cd")]
    assert nameless(names[0]) == nameless(names[1])
    assert nameless("epoch-002-5-ab12.weights.h5") != nameless("epoch-002-6-ab12.weights.h5")
    assert nameless("epoch-002-11223344.weights.h5") == nameless("epoch-002-ffffffff.weights.h5")


def test_what_may_differ_is_no_loss(tmp_path: Path) -> None:
    one, other = study(tmp_path / "one"), study(tmp_path / "other", owner="55667788", seconds=73.25)
    assert list(differences(told(one), told(other))) == []
    assert list(orphans(other)) == []


def page(factor: float, accuracy: float = 0.25) -> str:
    """The report's page where all took so many times as long, trials were begun in another order, and the best of them
    reached this accuracy.
    """
    at = {"seconds": 70 * factor}
    slower = [row.model_copy(update=at | {"images_per_second": 900 / factor}) for row in STUDY.trainings[0].epochs]
    trials = [
        row.model_copy(update=at | {"trial": f"{int(row.trial) + 10 * factor:04.0f}"}) for row in STUDY.search.trials
    ]
    trials[0] = trials[0].model_copy(update={"val_accuracy": accuracy})
    changed = {
        "trainings": tuple(one.model_copy(update={"epochs": tuple(slower)}) for one in STUDY.trainings),
        "search": STUDY.search.model_copy(update=at | {"trials": tuple(trials)}),
        "durations": dict.fromkeys(STUDY.durations, 100 * factor),
        "started": f"2026-11-28T0{factor:.0f}:0{factor:.0f}:00+00:00",
        "code": f"{factor:.0f}07dc10",
    }
    study = STUDY.model_copy(update=changed)
    return render(study, sample.pictures(STUDY.study), [])


def test_the_page_of_a_slower_study_is_the_same_and_that_of_a_better_one_is_not() -> None:
    before = page(1)
    for factor in (3, 0.05):  # 70 s, 210 s and 3.5 s, which French writes otherwise
        assert page(factor) != before and timeless_page(page(factor)) == timeless_page(before)
    assert timeless_page(page(1, accuracy=0.26)) != timeless_page(before)


def change(key: str, old: str, new: str) -> Callable[[Store], None]:
    def planted(store: Store) -> None:
        (found,) = [entry.key for entry in store.list() if entry.key.startswith(key)]
        data = store.get(found)
        assert old.encode() in data
        store.put(found, data.replace(old.encode(), new.encode()))

    return planted


class Planted(NamedTuple):
    loss: Callable[[Store], object]
    seen: str  # in one of the lines, as is every other word


LOSSES = {
    "a score in a result": Planted(change(f"{TRAINING}/result-", '"val_accuracy":0.6', '"val_accuracy":0.7'), "0.7"),
    "an epoch of a history": Planted(change(f"{TRAINING}/progress", '"epoch":1,"loss"', '"epoch":2,"loss"'), "epoch"),
    "a cell of a table": Planted(change(f"{REPORT}/tables", "1.5\n", "1.4\n"), "1.4"),
    "a number on the page": Planted(change(f"{REPORT}/report", "98.3 %", "98.4 %"), "98.4"),
    "other weights": Planted(change(f"{TRAINING}/epoch", "weights", "weighty"), "weights.h5"),
    "a result that is gone": Planted(lambda store: store.delete(f"{TRAINING}/progress.json"), "0 of 1"),
    "a checkpoint that is left": Planted(
        lambda store: store.put(f"{TRAINING}/epoch-001-ffffffff.weights.h5", b"weights"), "2 of 1"
    ),
    "an object of nobody": Planted(lambda store: store.put("sweeps/0/workers/a", b""), "sweeps/0/workers/a: 1 of 0"),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_store_that_lost_something_differs(name: str, tmp_path: Path) -> None:
    before, store = told(study(tmp_path / "one")), study(tmp_path / "other", owner="55667788", seconds=2.0)
    LOSSES[name].loss(store)
    found = list(differences(told(store), before))
    assert any(LOSSES[name].seen in line for line in found), found


ORPHANS = {
    "a checkpoint that nothing points at": (
        lambda store: store.put(f"{TRAINING}/epoch-001-ffffffff.weights.h5", b"weights"),
        f"nothing points at {TRAINING}/epoch-001-ffffffff.weights.h5",
    ),
    "weights that are gone": (
        lambda store: store.delete(f"{TRAINING}/epoch-001-11223344.weights.h5"),
        f"{TRAINING}/epoch-001-11223344.weights.h5 is missing",
    ),
    "weights of other bytes": (
        change(f"{TRAINING}/epoch", "weights", "weighty"),
        f"{TRAINING}/epoch-001-11223344.weights.h5 is damaged",
    ),
}


@pytest.mark.parametrize("name", ORPHANS)
def test_what_points_at_nothing_and_what_nothing_points_at_is_seen(name: str, tmp_path: Path) -> None:
    store = study(tmp_path / "store")
    planted, line = ORPHANS[name]
    planted(store)
    assert [found for found in orphans(store) if found.startswith(line)]


@pytest.fixture
def client(prefect_server: None) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


def left(client: SyncPrefectClient) -> set[str]:
    return {*unfinished_runs(client), *held(client)}


def test_runs_tasks_and_slots_that_are_left_are_seen(client: SyncPrefectClient) -> None:
    before = left(client)
    flow = client.create_flow_from_name("left-behind")
    made = {"flow_id": str(flow), "state": {"type": "RUNNING", "name": "Running"}}
    run = client.request("POST", "/flow_runs/", json=made | {"name": "left-running"}).json()["id"]
    waiting = made | {"name": "left-waiting", "state": {"type": "SCHEDULED", "name": "Late"}}
    late = client.request("POST", "/flow_runs/", json=waiting).json()["id"]
    task = {"flow_run_id": run, "task_key": "t", "dynamic_key": "t", "name": "left-task", "state": made["state"]}
    working = client.request("POST", "/task_runs/", json=task).json()["id"]
    client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name="left-slots", limit=2))
    slots = {"names": ["left-slots"], "slots": 1, "mode": "concurrency"}
    client.request("POST", "/v2/concurrency_limits/increment", json=slots).raise_for_status()
    assert left(client) - before == {
        "run left-running is Running", "run left-waiting is Late", "task run left-task is Running",
        "1 of 2 slots of left-slots are held",
    }  # fmt: skip
    client.set_task_run_state(UUID(working), Completed(), force=True)
    for each in (run, late):
        client.set_flow_run_state(UUID(each), Completed(), force=True)
    client.request("POST", "/v2/concurrency_limits/decrement", json=slots).raise_for_status()
    assert left(client) <= before


def test_a_process_that_no_part_has_below_it_is_seen(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    field = Ground(stack, None, None, None)  # type: ignore[arg-type]
    waits, ours = [sys.executable, "-c", "input()"], os.environ | {MARK: str(stack.folder)}
    part = stack.process("worker-cpu-cpu0")
    part.start([sys.executable, "-c", "import time; time.sleep(600)"], ours, tmp_path)
    with subprocess.Popen(waits, env=ours, stdin=subprocess.PIPE) as orphan:
        found = eventually(lambda: list(unowned(field)), 300) and list(unowned(field))
        assert found == [f"process {orphan.pid} belongs to nobody: {' '.join(waits)} "]
        orphan.kill()
    assert list(unowned(field)) == []
    part.stop()
