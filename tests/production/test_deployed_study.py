"""The study as a deployment: PostgreSQL, Prefect's server, an S3 store, workers of both pools; all of it real.

One study runs undisturbed and must find what the same study finds on one machine. Another loses a training, a sweep
worker, a Prefect worker and its own process, is cancelled and retried, and must find the same.
"""

import re
import signal
from collections import Counter

from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling, Scheduled

from charrec.training.checkpoints import Progress
from tests.desk import EPOCHS, MODELS, TINY, Ran, histories
from tests.production.driver import Production, kill, processes_of, study_of, until

CANCELLED_WITHIN = 60.0  # seconds, on a machine that does much else; docs/performance.md has how long it takes
FINAL = ("Completed", "Cached", "Failed", "Crashed", "Cancelled")


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
    until(epochs, every=0.005)
    kill(training)
    killed["training"] += 1
    assert epochs() < EPOCHS
    assert until(lambda: production.state(training) in FINAL) and production.state(training) == "Crashed"

    worker = until(lambda: production.child(run, "sweep worker"))
    kill(worker)
    killed["sweep worker"] += 1
    until(lambda: production.state(worker) in FINAL)
    production.workers["gpu1"].stop(signal.SIGKILL)  # Prefect's own; its run, if it has one, is left without it
    production.workers["gpu1"] = production.stack.start_worker("gpu", "gpu1", environment={"CUDA_VISIBLE_DEVICES": ""})

    kill(run)
    killed["study"] += 1
    until(lambda: any(s.name == "AwaitingRetry" for s in production.client.read_flow_run_states(run.id)))
    until(lambda: production.state(run) == "Running")

    production.client.set_flow_run_state(run.id, Cancelling())
    until(lambda: production.state(run) == "Cancelled", CANCELLED_WITHIN)
    until(lambda: not any(map(processes_of, [run, *production.children(run)])), CANCELLED_WITHIN)
    ended = {"COMPLETED", "CANCELLED", "CRASHED"}
    until(lambda: {c.state.type.value for c in production.children(run) if c.state} <= ended)

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
    assert again <= sum(killed.values()) + 1, trained  # at most the epoch that each kill and the cancelling hit

    for entry in store.list("trainings/model_1-"):  # as if the code had changed, and with it the training's key
        store.delete(entry.key)
    production.client.set_flow_run_state(run.id, Scheduled(name="AwaitingRetry"), force=True)
    until(lambda: production.state(run) in ("Running", "Failed", "Crashed"))
    until(lambda: production.state(run) in ("Completed", "Failed", "Crashed"), 240)
    assert production.state(run) == "Completed", production.said(run)
    assert histories(production.result("disturbed")) == histories(whole.result())


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
