"""Drive a deployed charrec as its user and its enemy do: begin runs, look at them, kill their processes."""

import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
)  # fmt: skip
from prefect.client.schemas.objects import FlowRun

from charrec.results import StudyResult
from charrec.storage import Store, open_store
from charrec.study import Study
from infra.local.process import Process
from infra.local.stack import Stack
from tasks.naming import word
from tests.desk import MODELS
from tests.processes import alive, eventually
from tests.thorough import THOROUGH

LEASE = 8.0  # seconds, of sweep workers
# What the undisturbed study computes beside its search and its report. In `make test` it finds the others' results in
# its store, as one machine has left them.
TRAINED = MODELS if THOROUGH else ("model_2",)


def copy(store: Store, other: Store, *without: str) -> None:
    """All objects whose keys have none of these parts."""
    for entry in store.list():
        if not any(part in entry.key for part in without):
            other.put(entry.key, store.get(entry.key))


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

    def runtime(self, prefix: str, sweep_workers: int = 2) -> dict[str, Any]:
        place = {"store": f"s3://charrec/{prefix}", "endpoint": self.stack.endpoint}
        return {**place, "cache": str(self.stack.folder / "cache"), "lease": LEASE, "sweep_workers": sweep_workers}

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
        """Of the latest report."""
        found = [entry for entry in self.store(prefix).list("reports/") if entry.key.endswith("study.json")]
        return StudyResult.model_validate_json(self.store(prefix).get(max(found, key=lambda e: e.modified).key))

    def said(self, run: FlowRun) -> list[str]:
        filter_ = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))
        return [log.message for log in self.client.read_logs(log_filter=filter_, limit=200)]


def of(run: FlowRun) -> str:
    """The word of its study."""
    return word(Study.model_validate(run.parameters["study"]))


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
    send(processes_of(run), signal.SIGKILL)


def send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def until(holds: Callable[[], Any], seconds: float = 300, every: float = 0.5) -> Any:
    """What comes to hold in time."""
    held: list[Any] = []
    assert eventually(lambda: held.append(found) or True if (found := holds()) else False, seconds, every)
    return held[0]
