"""How far a study has come, on a real Prefect server: what counts, and what another try only repeats."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import PrefectClient, SyncPrefectClient, get_client

from tasks.advance import advance

pytestmark = pytest.mark.usefixtures("prefect_server")


class Tried:
    """A study that has read its glyphs and trains network 1 and a trial, each by a child."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self.client = client
        self.run = self.flow_run("charrec")
        self.task("fetch glyphs"), self.task("pack glyphs")
        self.training, self.worker = self.child("train-model"), self.child("sweep-worker")
        self.epochs = self.artifact(self.training, "progress", "model-1", 40)
        self.search = self.artifact(self.run, "markdown", "search", "a table", "12 of 63 epochs")
        self.task("trial 0000, epochs 1-2", of=self.worker)

    def flow_run(self, flow: str, **more: Any) -> UUID:
        body = {"flow_id": str(self.client.create_flow_from_name(flow)), "state": {"type": "RUNNING"}, **more}
        return self.made("flow_runs", body)

    def child(self, flow: str) -> UUID:
        """Below a task run whose name nobody chose, as arun_deployment makes it."""
        place = self.task(f"nobody's-{uuid4()}", "PENDING")
        return self.flow_run(flow, parent_task_run_id=str(place))

    def task(self, name: str, state: str = "COMPLETED", said: str = "Completed", of: UUID | None = None) -> UUID:
        body = {"flow_run_id": str(of or self.run), "task_key": "task", "dynamic_key": str(uuid4()), "name": name}
        return self.made("task_runs", body | {"state": {"type": state, "name": said}})

    def artifact(self, run: UUID, kind: str, key: str, data: Any, description: str = "") -> UUID:
        body = {"flow_run_id": str(run), "type": kind, "key": key, "data": data, "description": description}
        return self.made("artifacts", body)

    def change(self, artifact: UUID, **values: Any) -> None:
        self.client.request("PATCH", f"/artifacts/{artifact}", json=values).raise_for_status()

    def ended_child(self) -> None:
        """One that found nothing to do."""
        place = self.task(f"nobody's-{uuid4()}")
        self.flow_run("sweep-worker", parent_task_run_id=str(place))

    def made(self, what: str, body: dict[str, Any]) -> UUID:
        return UUID(self.client.request("POST", f"/{what}/", json=body).json()["id"])


@pytest.fixture
def study() -> Iterator[Tried]:
    with get_client(sync_client=True) as client:
        yield Tried(client)


def test_a_study_has_come_further_by_each_step_trial_and_epoch(study: Tried) -> None:
    assert told(study) == "steps and trials: 3; model-1: 40 %; search: 12 of 63 epochs"
    study.task("train model_2")
    study.task("trial 0001, epochs 1-2", of=study.worker)
    assert told(study) == "steps and trials: 5; model-1: 40 %; search: 12 of 63 epochs"
    study.change(study.epochs, data=50, description="8 of 16 epochs")
    study.change(study.search, data="another table", description="13 of 63 epochs")
    assert told(study) == "steps and trials: 5; model-1: 50 %; search: 13 of 63 epochs"
    study.artifact(study.child("train-model"), "progress", "model-1", 75)
    study.artifact(study.run, "markdown", "search", "a table", "14 of 63 epochs")
    assert told(study) == "steps and trials: 5; model-1: 75 %; search: 14 of 63 epochs"


NOTHING: dict[str, Callable[[Tried], object]] = {
    "a step recalled": lambda study: study.task("pack glyphs", said="Cached"),
    "a look at where the data lie, as each try has": lambda study: study.task("fetch glyphs"),
    "a step that was lost": lambda study: study.task("train model_2", "CRASHED"),
    "a trial that failed": lambda study: study.task("trial 0001, epochs 1-2", "FAILED", of=study.worker),
    "a child that found nothing to do": lambda study: study.ended_child(),
    "time that passes": lambda study: study.change(study.epochs, data=40, description="about 3 min left"),
    "another worker of the search": lambda study: study.change(study.search, data="a table with two workers"),
    "a training resumed": lambda study: study.artifact(study.child("train-model"), "progress", "model-1", 40),
    "the search resumed": lambda study: study.artifact(study.run, "markdown", "search", "a table", "12 of 63 epochs"),
}


def test_a_study_that_is_only_tried_again_has_not_come_further(study: Tried) -> None:
    before = told(study)
    for what, happens in NOTHING.items():
        happens(study)
        assert told(study) == before, what


def test_a_retraining_comes_further_with_the_study_within_it(study: Tried) -> None:
    retraining = study.flow_run("charrec-retraining")
    place = study.task("charrec-0", "PENDING", of=retraining)
    study.run = study.flow_run("charrec", parent_task_run_id=str(place))
    study.task("trial 0001, epochs 1-2", of=study.child("sweep-worker"))
    assert told(study, retraining) == "steps and trials: 1"


class OneByOne(PrefectClient):
    """Of a server whose pages have one row."""

    async def read_flow_runs(self, **asked: Any) -> Any:  # type: ignore[override]
        return await super().read_flow_runs(**asked, limit=1)

    async def read_task_runs(self, **asked: Any) -> Any:  # type: ignore[override]
        return await super().read_task_runs(**asked, limit=1)

    async def read_artifacts(self, **asked: Any) -> Any:
        return await super().read_artifacts(**asked, limit=1)


def test_it_is_read_page_by_page(study: Tried) -> None:
    for number in range(3):  # more than a page of each kind
        study.task(f"evaluate model_{number}")
    assert told(study, by=OneByOne) == told(study)


def told(study: Tried, run: UUID | None = None, by: type[PrefectClient] = PrefectClient) -> str:
    async def asked() -> str:
        async with by(str(study.client.api_url)) as client:
            return await advance(client, run or study.run)

    return asyncio.run(asked())
