"""The job that Prefect's worker posts for a training, executed as a pod: ended as a spot machine would be, then again.

Podman plays the pod. An engine alone has no nodes, GPUs, service accounts, secrets, or hook before SIGTERM, which
the test runs itself.
"""

import json
import os
import queue
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.local.stack import ROOT
from tests.desk import TINY
from tests.images.composed import Composed
from tests.images.engine import Engine
from tests.images.stand_ins.postgres import postgres
from tests.infra.charts import worker_environment
from tests.infra.cluster import cluster
from tests.infra.manifests import FOLDER, THEIRS, Document
from tests.processes import eventually
from tests.production.driver import study_of

EPOCHS = 200  # of model 2, a minute: its pod is ended among them
PLACES = ("/cache", "/tmp")
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]  # of which building is a good part
GRACE = 60


@pytest.fixture(scope="module")
def composed(engine: Engine, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Everything but workers of the pool gpu, which is Kubernetes'."""
    postgres(engine)
    with Composed(engine, tmp_path_factory.mktemp("pods"), "charrec-pods").there() as project:
        project.up("postgres", "store", "prefect")
        project.wait("prefect")
        pool = ["work-pool", "create", "gpu", "--type", "kubernetes", "--base-job-template", "gpu-job-template.json"]
        subprocess.run([ROOT / ".venv/bin/prefect", *pool], check=True, cwd=FOLDER, env=project.environment)
        project.up("deploy", "worker-cpu")
        yield project
        played = engine("pod", "ls", "--format={{.Name}}", f"--filter=name={project.name}-pod-").split()
        engine("pod", "rm", "--force", *played)  # or the network, which they are in, stays


@contextmanager
def worker(composed: Composed, kubeconfig: Path, log: Path) -> Iterator[None]:
    """The pool gpu's, with the chart's settings."""
    more = {"KUBECONFIG": str(kubeconfig), "PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_ENABLED": "false"}
    words = [THEIRS / "python", "-m", "prefect", "worker", "start", "--pool", "gpu", "--type", "kubernetes"]
    with log.open("w") as output:
        begun = subprocess.Popen(
            words, cwd=ROOT, env={**composed.environment, **worker_environment("gpu"), **more}, stdout=output,
            stderr=output,
        )  # fmt: skip
    try:
        yield
    finally:
        begun.terminate()
        try:
            begun.wait(GRACE)
        except subprocess.TimeoutExpired:  # it waits for jobs whose end nobody tells it
            begun.kill()
            begun.wait()


class Pod:
    """A job's, in the project's network; what it may write are folders of this machine."""

    def __init__(self, job: Document, number: int, composed: Composed, folder: Path) -> None:
        self.engine, self.name = composed.engine, f"{composed.name}-pod-{number}"
        self.run = str(job["metadata"]["labels"]["prefect.io/flow-run-id"])
        self.container = f"{self.name}-prefect-job"
        spec = job["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        self.hook = container.pop("lifecycle")["preStop"]["exec"]["command"]
        container |= {"image": "localhost/charrec:cpu", "imagePullPolicy": "Never", "resources": {}}
        given = {
            **composed.secrets,
            "PREFECT_API_URL": composed.services["worker-cpu"]["environment"]["PREFECT_API_URL"],
        }
        named = {each["name"]: each.get("value", "") for each in container["env"]}
        named |= {name: value for name, value in given.items() if name in named or name.startswith("AWS_")}
        container["env"] = [{"name": name, "value": value} for name, value in named.items()]
        container["volumeMounts"] = [each for each in container["volumeMounts"] if each["mountPath"] in PLACES]
        assert {each["mountPath"] for each in container["volumeMounts"]} == set(PLACES)
        volumes = []
        for mount in container["volumeMounts"]:
            place = folder / self.name / mount["name"]
            place.mkdir(parents=True)
            os.chown(place, 10001, 10001)
            volumes.append({"name": mount["name"], "hostPath": {"path": str(place), "type": "Directory"}})
        assert spec["terminationGracePeriodSeconds"] == GRACE
        kept = {name: spec[name] for name in ("restartPolicy", "securityContext", "terminationGracePeriodSeconds")}
        self.file = folder / f"{self.name}.json"
        self.file.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": self.name},
            "spec": {**kept, "containers": [container], "volumes": volumes},
        }))  # fmt: skip

    def play(self, network: str) -> None:
        self.engine("kube", "play", "--network", network, self.file)

    def ended(self) -> bool:
        return self.engine("inspect", "--format={{.State.Status}}", self.container) == "exited"

    def evict(self) -> None:
        """As a node that has to go: the hook, then SIGTERM, both within the grace."""
        hook = subprocess.Popen(["podman", "exec", self.container, *self.hook], env=self.engine.environment)
        eventually(self.ended, GRACE, 0.5)
        self.engine("stop", "--time=10", self.container)
        hook.wait()


def test_a_training_whose_pod_is_evicted_goes_on_in_a_second_one(composed: Composed, tmp_path: Path) -> None:
    posted: queue.Queue[Document] = queue.Queue()
    parameters = {"study": {**study_of(TINY), "epochs_model_2": EPOCHS}}
    composed.ask("prefect", "deployment", "run", "charrec/full-study", "--params", json.dumps(parameters))
    pods: dict[str, list[Pod]] = {}  # by the name of their run
    with cluster(tmp_path / "kubeconfig", posted.put), worker(composed, tmp_path / "kubeconfig", tmp_path / "log"):

        def plays(name: str) -> Pod:
            """The next pod of this run; those of others are played too."""
            known = len(pods.get(name, []))
            while len(pods.get(name, [])) == known:
                pod = Pod(posted.get(timeout=600), sum(map(len, pods.values())), composed, tmp_path)
                pod.play(f"{composed.name}_default")
                pods.setdefault(str(composed.run(pod.run)["name"]).split(", ")[0], []).append(pod)
            return pods[name][-1]

        first = plays("train model_2")
        assert eventually(lambda: len(composed.epochs("model_2", first.run)) > 2, 600, 1), composed.logs("worker-cpu")
        first.evict()
        assert eventually(lambda: composed.run(first.run)["state"]["name"] == "Crashed", 600, 0.5)
        second = plays("train model_2")
        assert eventually(second.ended, 600, 1)
        assert second.run != first.run and composed.run(second.run)["state"]["name"] == "Completed"
    after, runs = composed.went_on(second.run), (first.run, second.run)
    print(f"evicted in epoch {after + 1} of {EPOCHS}")
    assert after > 1 and sorted(composed.epochs("model_2", *runs)) == list(range(1, EPOCHS + 1))  # none twice
