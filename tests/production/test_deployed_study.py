"""The study as a deployment: PostgreSQL, Prefect's server, an S3 store, workers of both pools; all of it real.

One study runs undisturbed and must find what the same study finds on one machine (`make test` leaves it a network
and the search to compute). Another loses a training, a sweep worker, a Prefect worker and its own process, is cancelled
and retried, and must find the same: `make test-long` does all of it to one study from its beginning, `make test` one of
it, drawn by the seed, to a study that is nearly done.
"""

import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterName,
)
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling, Crashed, Scheduled

from charrec.storage import Store
from charrec.training.checkpoints import Progress
from infra.local.backup import dump, restore
from infra.local.stack import Stack
from tests.desk import EPOCHS, MODELS, TINY, Ran, histories
from tests.harmed import harmed
from tests.production.driver import TRAINED, Production, copy, kill, of, processes_of, send, study_of, until
from tests.stack import stack_folder
from tests.thorough import THOROUGH, some

FINAL = ("Completed", "Cached", "Failed", "Crashed", "Cancelled")
ENDED = ("Alive", "Held", "GivenUp")  # of charrec-revive


def test_it_finds_what_one_machine_finds(production: Production, undisturbed: FlowRun, whole: Ran) -> None:
    result = production.result("undisturbed")
    assert histories(result) == histories(whole.result())
    assert result.evaluations == whole.result().evaluations
    assert result.texts == whole.result().texts
    assert [trial.network for trial in result.search.trials] == [t.network for t in whole.result().search.trials]
    assert re.fullmatch(rf"study {of(undisturbed)}, \d{{4}}-\d\d-\d\d, seed 123", undisturbed.name)


def test_its_children_say_what_they_are(production: Production, undisturbed: FlowRun) -> None:
    names = {child.name for child in production.children(undisturbed)}
    study = of(undisturbed)
    assert {f"train {model}, study {study}" for model in TRAINED} | {f"sweep worker 1, study {study}"} <= names
    assert {child.state.name for child in production.children(undisturbed) if child.state} <= {"Completed", "Cancelled"}
    training = production.child(undisturbed, "train model_2", "Completed")
    assert training
    told = [line for line in production.said(training) if re.match(rf"model_2 epoch \d+/{EPOCHS}: loss", line)]
    assert len(told) == EPOCHS
    trials = production.client.read_task_runs(limit=200)
    assert {run.name for run in trials if run.name.startswith("trial ")} >= {"trial 0002, epochs 2-2"}


def test_its_artifacts_tell_the_result(production: Production, undisturbed: FlowRun) -> None:
    runs = [undisturbed.id, *(child.id for child in production.children(undisturbed))]
    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=runs))
    artifacts = {artifact.key: artifact for artifact in production.client.read_artifacts(artifact_filter=wanted)}
    own = f"study-{of(undisturbed)}-"
    assert artifacts.keys() == {own + name for name in ("report", "search", *(m.replace("_", "-") for m in TRAINED))}
    report = str(artifacts[f"{own}report"].data)
    for model in MODELS:
        assert f"| Model {model[-1]} |" in report
    assert report.count("data:image/png;base64,") == 3
    assert "5 of 5 trials" in str(artifacts[f"{own}search"].data)
    assert artifacts[f"{own}model-2"].data == 100
    assert [line for line in production.said(undisturbed) if re.fullmatch(r"Report: s3://\S+/report.html, .*", line)]


def test_all_that_belongs_to_a_study_is_found_by_its_tag(production: Production, undisturbed: FlowRun) -> None:
    tag = f"study-{of(undisturbed)}"
    runs = [production.again(undisturbed), *production.children(undisturbed)]
    assert [run.name for run in runs if not {tag, "charrec"} <= set(run.tags)] == []


def test_a_dump_of_the_database_holds_all_that_the_server_knows_of_it(
    production: Production, undisturbed: FlowRun, tmp_path: Path
) -> None:
    """While the server and its workers are up; tests/infra/test_stack.py has a server on such a dump."""
    runs = ",".join(f"'{run.id}'" for run in (undisturbed, *production.children(undisturbed)))
    digest = "SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM"
    questions = [f"{digest} {table} AS t WHERE {column} IN ({runs})" for table, column in (
        ("flow_run", "id"), ("flow_run_state", "flow_run_id"), ("task_run", "flow_run_id"), ("log", "flow_run_id"),
        ("artifact", "flow_run_id"),
    )]  # fmt: skip
    questions += [
        f"{digest} (SELECT name, entrypoint, parameters FROM deployment) AS t",
        f"{digest} (SELECT deployment_id, schedule, active FROM deployment_schedule) AS t",
        f"{digest} (SELECT name, base_job_template FROM work_pool) AS t",
        f"{digest} (SELECT name, trigger, actions FROM automation) AS t",
    ]

    def answers(stack: Stack) -> list[list[list[str]]]:
        return [stack.database.ask(question) for question in questions]

    def settled() -> list[list[list[str]]] | None:
        """Unless more was written meanwhile: logs arrive every 2 s, events every 5."""
        before = answers(production.stack)
        time.sleep(6)
        return before if before == answers(production.stack) else None

    known: list[list[list[str]]] = until(settled)
    assert [int(count) > 0 for ((count, _),) in known] == [True] * len(known)
    dump(production.stack, tmp_path / "a.dump")
    with stack_folder() as folder:
        lost = Stack(folder, durable=False)
        restore(lost, tmp_path / "a.dump")
        with lost.database.serving(lost.environment()):
            assert answers(lost) == known


class Disturbed(NamedTuple):
    """A study at work, to be harmed."""

    production: Production
    store: Store
    run: FlowRun

    def epochs(self) -> int:
        """How many of model 2 are stored."""
        keys = [e.key for e in self.store.list("trainings/model_2-") if e.key.endswith("progress.json")]
        return len(Progress.model_validate_json(self.store.get(keys[0])).epochs) if keys else 0

    def state(self) -> str:
        return self.production.state(self.run)

    def ended(self) -> None:
        until(lambda: self.state() in ("Completed", "Failed", "Crashed"), 300)
        assert self.state() == "Completed", self.production.said(self.run)

    def retry(self) -> None:
        """As the button in Prefect's UI does."""
        self.production.client.set_flow_run_state(self.run.id, Scheduled(name="AwaitingRetry"), force=True)


def lose_a_training(study: Disturbed) -> None:
    training = until(lambda: study.production.child(study.run, "train model_2"))
    until(study.epochs, every=0.05)
    kill(training)
    assert study.epochs() < EPOCHS
    assert until(lambda: study.production.state(training) in FINAL) and study.production.state(training) == "Crashed"


def lose_a_sweep_worker(study: Disturbed) -> None:
    worker = until(lambda: study.production.child(study.run, "sweep worker"))
    kill(worker)
    until(lambda: study.production.state(worker) in FINAL)


def lose_a_worker_of_prefect(study: Disturbed) -> None:
    """Its run, if it has one, is left without it."""
    production = study.production
    production.workers["gpu1"].stop(signal.SIGKILL)
    production.workers["gpu1"] = production.stack.start_worker("gpu", "gpu1", environment={"CUDA_VISIBLE_DEVICES": ""})


def lose_the_study(study: Disturbed) -> None:
    kill(study.run)
    states = study.production.client.read_flow_run_states
    until(lambda: any(state.name == "AwaitingRetry" for state in states(study.run.id)))
    until(lambda: study.state() == "Running")


def freeze(study: Disturbed) -> None:
    """A living process stands still, and everybody errs about it: first a listener, then somebody who marks it."""
    production, run = study.production, study.run
    worker = production.workers["cpu0"].pid
    frozen = processes_of(run)
    send(frozen, signal.SIGSTOP)
    try:
        judged = production.begin("charrec-revive/revive", run=str(run.id))
        until(lambda: production.state(judged) in FINAL + ENDED, 300)
        assert (production.state(judged), study.state()) == ("Alive", "Running")
        production.client.set_flow_run_state(run.id, Crashed(message="somebody erred"))
        erred = until(lambda: [run for run in revivals(study) if production.state(run) in (*FINAL, "Held")], 300)[0]
        assert (production.state(erred), study.state()) == ("Held", "Crashed")
    finally:
        send(frozen, signal.SIGCONT)
    until(lambda: study.state() in ("Running", "Completed"))
    assert production.workers["cpu0"].pid == worker
    assert set(frozen) <= set(processes_of(run))  # it may have begun others by now


def revivals(study: Disturbed) -> list[FlowRun]:
    """Runs that an automation began for it."""
    name = FlowRunFilter(name=FlowRunFilterName(any_=[f"revive {study.run.id}"]))
    runs = study.production.client.read_flow_runs(flow_run_filter=name)
    return [run for run in runs if run.state and run.state.name != "Alive"]


def cancel(study: Disturbed) -> None:
    production, run = study.production, study.run
    production.client.set_flow_run_state(run.id, Cancelling())
    until(lambda: study.state() == "Cancelled")
    until(lambda: not any(map(processes_of, [run, *production.children(run)])))
    ended = {"COMPLETED", "CANCELLED", "CRASHED"}
    until(lambda: {c.state.type.value for c in production.children(run) if c.state} <= ended)
    study.retry()


class Loss(NamedTuple):
    """What happens to a study, and what of a finished one is to be done again to have that to lose."""

    happens: Callable[[Disturbed], None]
    undone: str = "/model_2-"


LOSSES = {
    "a training": Loss(lose_a_training),
    "a sweep worker": Loss(lose_a_sweep_worker, "sweeps/"),
    "a worker of Prefect": Loss(lose_a_worker_of_prefect),
    "its own process": Loss(lose_the_study),
    "the leave to run": Loss(cancel),
}
if THOROUGH:  # tests/deployments/test_living.py has a sample
    LOSSES["its time"] = Loss(freeze)


def assert_the_same(production: Production, prefix: str, whole: Ran) -> None:
    result = production.result(prefix)
    assert histories(result) == histories(whole.result())
    assert result.evaluations == whole.result().evaluations
    assert [trial.val_accuracy for trial in result.search.trials] == [
        trial.val_accuracy for trial in whole.result().search.trials
    ]


def trained_again(study: Disturbed, stored: dict[str, int]) -> int:
    """Epochs that the study trained beyond those that were missing."""
    said = [line for child in study.production.children(study.run) if child.name.startswith("train ")
            for line in study.production.said(child)]  # fmt: skip
    told = [line for line in said if re.match(r"model_\d epoch \d+/\d+: loss", line)]
    return len(told) + sum(stored.values()) - sum(trained(study.store).values())


def trained(store: Store) -> dict[str, int]:
    """Training -> its stored epochs."""
    keys = [entry.key for entry in store.list("trainings/") if entry.key.endswith("progress.json")]
    return {key: len(Progress.model_validate_json(store.get(key)).epochs) for key in keys}


def begun(production: Production, prefix: str) -> Disturbed:
    run = production.begin("charrec/full-study", study=study_of(TINY), runtime=production.runtime(prefix))
    return Disturbed(production, production.store(prefix), run)


@pytest.mark.long
def test_a_study_that_loses_everything_once_and_is_cancelled_finds_the_same(production: Production, whole: Ran) -> None:
    study = begun(production, "disturbed")
    for loss in LOSSES.values():
        loss.happens(study)
    study.ended()
    assert_the_same(production, "disturbed", whole)
    assert trained_again(study, {}) <= len(LOSSES)  # at most the epoch that each of them hit

    until(lambda: not processes_of(study.run))
    for entry in study.store.list("trainings/model_1-"):  # as if the code had changed, and with it the training's key
        study.store.delete(entry.key)
    study.retry()
    until(lambda: study.state() in ("Running", "Failed", "Crashed"))
    study.ended()
    assert_the_same(production, "disturbed", whole)


@harmed("loses something on a stack")
@pytest.mark.parametrize("name", some(list(LOSSES), 1))
def test_a_study_that_loses_one_thing_finds_the_same(
    name: str, production: Production, undisturbed: FlowRun, whole: Ran
) -> None:
    """It begins nearly done, on a copy of the undisturbed one's store."""
    loss, prefix = LOSSES[name], f"without {name}".replace(" ", "-")
    store = production.store(prefix)
    copy(production.store("undisturbed"), store, loss.undone, "reports/")
    stored = trained(store)
    study = begun(production, prefix)
    until(lambda: production.child(study.run, ""))
    loss.happens(study)
    study.ended()
    assert_the_same(production, prefix, whole)
    assert trained_again(study, stored) <= 1


@harmed("a retraining beside another")
def test_a_retraining_that_overlaps_another_is_skipped(production: Production) -> None:
    study = study_of(TINY | {"--split": "font", "--epochs-model-2": "1000"})
    runtime = production.runtime("overlap")
    first = production.begin("charrec-retraining/weekly", study=study, runtime=runtime)
    until(lambda: production.state(first) == "Running")
    second = production.begin("charrec-retraining/weekly", study=study, runtime=runtime)
    until(lambda: production.state(second) == "Cancelled")
    assert production.state(first) == "Running"
    production.client.set_flow_run_state(first.id, Cancelling())
    until(lambda: production.state(first) == "Cancelled")
    study_below = production.children(first)
    until(lambda: not any(processes_of(c) for below in study_below for c in production.children(below)))


def test_the_servers_log_tells_of_no_error(production: Production, undisturbed: FlowRun) -> None:
    """Deployed, with schedules, for as long as the tests above took."""
    log = (production.stack.folder / "logs" / "prefect-server.log").read_text()
    assert [line for line in log.splitlines() if re.search(r"\bERROR\b|^Traceback", line)] == []
