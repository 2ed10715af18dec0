"""The study as a deployment: PostgreSQL, Prefect's server, an S3 store, workers of both pools; all of it real.

One study runs undisturbed and must find what the same study finds on one machine. Another loses a training, a sweep
worker, a Prefect worker and its own process, is cancelled and retried, and must find the same.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
)  # fmt: skip
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling, Scheduled

from charrec.checkpoints import Progress
from charrec.results import StudyResult
from charrec.storage import Store, open_store
from infra.local.process import Process
from infra.local.stack import KEYS, ROOT, Stack
from tests.desk import EPOCHS, MODELS, TINY, Ran, histories
from tests.processes import alive, eventually
from tests.stack import working

LEASE = 8.0  # seconds, of sweep workers
CANCELLED_WITHIN = 15.0
FINAL = ("Completed", "Cached", "Failed", "Crashed", "Cancelled")


def study_of(words: dict[str, str]) -> dict[str, Any]:
    """The options of the command line as a deployment's parameter."""
    given: dict[str, Any] = {}
    for option, text in words.items():
        *path, last = option.removeprefix("--").replace("-", "_").split(".")
        place = given
        for name in path:
            place = place.setdefault(name, {})
        place[last] = int(text) if text.isdigit() else text
    return given


class Production(NamedTuple):
    stack: Stack
    client: SyncPrefectClient
    workers: dict[str, Process]

    def store(self, prefix: str) -> Store:
        return open_store(f"s3://charrec/{prefix}", endpoint=self.stack.endpoint)

    def runtime(self, prefix: str) -> dict[str, Any]:
        url = f"s3://charrec/{prefix}"
        cache = str(self.stack.folder / "cache")
        return {"store": url, "endpoint": self.stack.endpoint, "lease": LEASE, "sweep_workers": 2, "cache": cache}

    def begin(self, deployment: str, **parameters: Any) -> FlowRun:
        found = self.client.read_deployment_by_name(deployment)
        return self.client.create_flow_run_from_deployment(found.id, parameters=parameters)

    def again(self, run: FlowRun) -> FlowRun:
        """The run as it is now."""
        return self.client.read_flow_run(run.id)

    def state(self, run: FlowRun) -> str:
        found = self.again(run).state
        return found.name or "" if found else ""

    def children(self, run: FlowRun) -> list[FlowRun]:
        mine = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run.id]))
        return self.client.read_flow_runs(flow_run_filter=mine, limit=200)

    def child(self, run: FlowRun, name: str, state: str = "Running") -> FlowRun | None:
        return next(
            (c for c in self.children(run) if c.name.startswith(name) and c.state and c.state.name == state), None
        )

    def result(self, prefix: str) -> StudyResult:
        (key,) = [entry.key for entry in self.store(prefix).list("reports/") if entry.key.endswith("study.json")]
        return StudyResult.model_validate_json(self.store(prefix).get(key))

    def said(self, run: FlowRun) -> list[str]:
        filter_ = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))
        return [log.message for log in self.client.read_logs(log_filter=filter_, limit=200)]


@pytest.fixture(scope="module")
def production(stack: Stack) -> Iterator[Production]:
    """Deployed, with a worker of the pool cpu and two of the pool gpu."""
    for _ in range(2):  # safe to run twice
        subprocess.run(
            ["make", "deploy"], cwd=ROOT, check=True, capture_output=True, env=os.environ | stack.settings, timeout=300
        )
    cpu, gpus = ("cpu", "cpu0"), [("gpu", "gpu0"), ("gpu", "gpu1")]
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    with (
        pytest.MonkeyPatch.context() as patch,
        temporary_settings({PREFECT_API_URL: stack.api_url}),
        get_client(sync_client=True) as client,
        working(stack, cpu, limit=4, environment=hidden) as studies,
        working(stack, *gpus, environment=hidden) as devices,
    ):
        for name, value in KEYS.items():
            patch.setenv(name, value)
        yield Production(stack, client, dict(zip(("cpu0", "gpu0", "gpu1"), [*studies, *devices], strict=True)))


def processes_of(run: FlowRun) -> list[int]:
    """The processes in which a flow run runs here."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"PREFECT__FLOW_RUN_ID={run.id}".encode() in environment and alive(int(folder.name)):
            found.append(int(folder.name))
    return found


def kill(run: FlowRun) -> None:
    """kill -9 of all its processes at once, as a machine that is gone."""
    for pid in processes_of(run):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def until(holds: Callable[[], Any], seconds: float = 120) -> Any:
    """What comes to hold in time."""
    held: list[Any] = []
    assert eventually(lambda: held.append(found) or True if (found := holds()) else False, seconds)
    return held[0]


@pytest.fixture(scope="module")
def undisturbed(production: Production) -> FlowRun:
    """A study that ran from the command line, watched to its end."""
    parameters = json.dumps({"study": study_of(TINY), "runtime": production.runtime("undisturbed")})
    watched = subprocess.run(
        [sys.executable, "-m", "prefect", "deployment", "run", "charrec/full-study", "--params", parameters, "--watch"],
        env=os.environ | production.stack.settings, capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert watched.returncode == 0, watched.stdout[-3000:] + watched.stderr[-3000:]
    assert "Completed" in watched.stdout
    deployment = production.client.read_deployment_by_name("charrec/full-study")
    runs = [run for run in production.client.read_flow_runs(limit=200) if run.deployment_id == deployment.id]
    return max(runs, key=lambda run: str(run.created))


def test_it_finds_what_one_machine_finds(production: Production, undisturbed: FlowRun, whole: Ran) -> None:
    result = production.result("undisturbed")
    assert histories(result) == histories(whole.result())
    assert result.evaluations == whole.result().evaluations
    assert result.texts == whole.result().texts
    assert [trial.network for trial in result.search.trials] == [t.network for t in whole.result().search.trials]
    assert re.fullmatch(r"study \d{4}-\d\d-\d\d seed 123", undisturbed.name)


def test_its_children_say_what_they_are(production: Production, undisturbed: FlowRun) -> None:
    names = {child.name for child in production.children(undisturbed)}
    assert {f"train {model}" for model in MODELS} | {"sweep worker 1"} <= names
    assert {child.state.name for child in production.children(undisturbed) if child.state} <= {"Completed", "Cancelled"}
    training = production.child(undisturbed, "train model_2", "Completed")
    assert training
    told = [line for line in production.said(training) if re.match(r"model_2 epoch \d/8: loss", line)]
    assert len(told) == EPOCHS
    trials = production.client.read_task_runs(limit=200)
    assert {run.name for run in trials if run.name.startswith("trial ")} >= {"trial 0002, epochs 2-2"}


def test_its_artifacts_tell_the_result(production: Production, undisturbed: FlowRun) -> None:
    runs = [undisturbed.id, *(child.id for child in production.children(undisturbed))]
    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=runs))
    artifacts = {artifact.key: artifact for artifact in production.client.read_artifacts(artifact_filter=wanted)}
    assert artifacts.keys() == {"study-report", "sweep-status", *(f"training-{m.replace('_', '-')}" for m in MODELS)}
    report = str(artifacts["study-report"].data)
    for model in MODELS:
        assert f"| Model {model[-1]} |" in report
    assert report.count("data:image/png;base64,") == 3
    assert "5 of 5 trials" in str(artifacts["sweep-status"].data)
    assert artifacts["training-model-2"].data == 100


def test_a_study_that_loses_everything_once_and_is_cancelled_finds_the_same(production: Production, whole: Ran) -> None:
    store = production.store("disturbed")
    killed: Counter[str] = Counter()

    def epochs() -> int:
        keys = [e.key for e in store.list("trainings/model_2-") if e.key.endswith("progress.json")]
        return len(Progress.model_validate_json(store.get(keys[0])).epochs) if keys else 0

    run = production.begin("charrec/full-study", study=study_of(TINY), runtime=production.runtime("disturbed"))
    training = until(lambda: production.child(run, "train model_2"))
    until(epochs)
    kill(training)
    killed["training"] += 1
    assert epochs() < EPOCHS
    assert until(lambda: production.state(training) in FINAL) and production.state(training) == "Crashed"

    worker = until(lambda: production.child(run, "sweep worker"))
    kill(worker)
    killed["sweep worker"] += 1
    production.workers["gpu1"].stop(signal.SIGKILL)  # Prefect's own; its run is left without it
    until(lambda: production.state(worker) in FINAL)
    production.stack.start_worker("gpu", "gpu1", environment={"CUDA_VISIBLE_DEVICES": ""})

    kill(run)
    killed["study"] += 1
    until(lambda: any(s.name == "AwaitingRetry" for s in production.client.read_flow_run_states(run.id)))
    until(lambda: production.state(run) == "Running")

    production.client.set_flow_run_state(run.id, Cancelling())
    began = time.monotonic()
    until(lambda: production.state(run) == "Cancelled", CANCELLED_WITHIN)
    until(lambda: not any(map(processes_of, [run, *production.children(run)])), CANCELLED_WITHIN)
    assert time.monotonic() - began < CANCELLED_WITHIN
    assert {c.state.type.value for c in production.children(run) if c.state} <= {"COMPLETED", "CANCELLED", "CRASHED"}

    production.client.set_flow_run_state(run.id, Scheduled(name="AwaitingRetry"), force=True)
    until(lambda: production.state(run) in ("Completed", "Failed", "Crashed"), 240)
    assert production.state(run) == "Completed", production.said(run)
    result = production.result("disturbed")
    assert histories(result) == histories(whole.result())
    assert result.evaluations == whole.result().evaluations
    assert [trial.val_accuracy for trial in result.search.trials] == [
        trial.val_accuracy for trial in whole.result().search.trials
    ]
    trained = Counter(
        line.split(":")[0]
        for child in production.children(run)
        if child.name.startswith("train ")
        for line in production.said(child)
        if re.match(r"model_\d epoch \d+/\d+: loss", line)
    )
    again = sum(trained.values()) - sum(len(training.epochs) for training in result.trainings)
    assert 0 <= again <= sum(killed.values()) + 1, trained  # at most the epoch that each kill and the cancelling hit


def test_a_retraining_that_overlaps_another_is_skipped(production: Production) -> None:
    study = study_of(TINY | {"--split": "font", "--epochs-model-2": "1000"})
    runtime = production.runtime("overlap")
    first = production.begin("charrec-retraining/weekly", study=study, runtime=runtime)
    until(lambda: production.state(first) == "Running")
    second = production.begin("charrec-retraining/weekly", study=study, runtime=runtime)
    until(lambda: production.state(second) == "Cancelled", 60)
    assert production.state(first) == "Running"
    production.client.set_flow_run_state(first.id, Cancelling())
    until(lambda: production.state(first) == "Cancelled", CANCELLED_WITHIN)
    study_below = production.children(first)
    until(
        lambda: not any(processes_of(c) for below in study_below for c in production.children(below)), CANCELLED_WITHIN
    )
