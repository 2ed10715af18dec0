"""What a worker on Kubernetes submits for each deployment, held to Kubernetes' own schemas; what SIGTERM does in a pod.

The worker, the server and the deployments are real; the cluster is a stand-in that notes down what is posted to it.
"""

import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import prefect
import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.testing.cli import invoke_and_assert

from deployments.automations import PROVISIONING
from deployments.setup import FIXED, POOLS, _pool, patience
from infra.local.process import kill
from infra.local.server import REMEMBERS
from infra.local.stack import ROOT, Stack
from tasks.devices import PUTTING_AWAY
from tests.infra.charts import worker_environment
from tests.infra.cluster import cluster
from tests.infra.dockerfile import stages
from tests.infra.manifests import FOLDER, THEIRS, VERSIONS, documents, invalid, template, values
from tests.processes import descendants, eventually
from tests.thorough import some

DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text())["deployments"]
POOLS_WITH_JOBS = some(list(POOLS), 1)  # a worker of each submits the jobs of its deployments
SUBMITTED = [each for each in DEPLOYMENTS if each["work_pool"]["name"] in POOLS_WITH_JOBS]
Jobs = dict[tuple[str, str], dict[str, Any]]  # by entrypoint and deployment
Submitted = tuple[str, dict[str, Any]]  # a pool, and a job of a run in it
IMAGES = {"cpu": "cpu", "gpu": "cuda"}  # the pool's target of the Dockerfile
SIGTERM = "PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR"
STORE = ("CHARREC_STORE", "CHARREC_ENDPOINT")
CANARY = "canary-6f1d"  # in every secret that a worker has
PRIVATE = {each["name"] for each in DEPLOYMENTS[::2]}  # whose image a registry gives to who has its credentials alone
CREDENTIALS = [{"name": "registry"}]
FLOWS = """
import time
from pathlib import Path
from prefect import flow
from charrec.machine.termination import Terminated, until_terminated
from flows.children import _terminable

@flow
def trains(folder: Path) -> None:
    with _terminable(), until_terminated() as asked:
        (folder / "trains-begun").touch()
        while not asked():
            time.sleep(0.1)
        time.sleep(2)
        (folder / "trains-stored").touch()
        raise Terminated("all is stored")

@flow
def waits(folder: Path) -> None:
    (folder / "waits-begun").touch()
    for _ in range(600):  # not one sleep: Linux may give the signal to another thread, which does not end it
        time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def server(stack: Stack) -> Iterator[Stack]:
    """Prefect's server, with the README's pools and every deployment beside those of the local stack."""
    with temporary_settings({PREFECT_API_URL: stack.api_url}), get_client(sync_client=True) as client:
        for pool in POOLS:
            create(pool)
            _pool(ours(pool), FIXED | {name: stack.settings[name] for name in STORE})  # as `make deploy` does
        made = [deploy(client, each) for each in DEPLOYMENTS]
        yield stack
        for deployment in made:
            client.delete_deployment(deployment)
        for pool in POOLS:
            client.delete_work_pool(ours(pool))


def ours(name: str) -> str:
    return f"kubernetes-{name}"


def create(pool: str) -> None:
    """By the README's command, in this process, where Prefect is imported already."""
    (found,) = re.findall(rf"(?m)^prefect (work-pool create {pool} .*)$", (FOLDER / "README.md").read_text())
    with contextlib.chdir(ROOT):
        invoke_and_assert(found.replace(f"create {pool} ", f"create {ours(pool)} ").split(), expected_code=0)


def deploy(client: SyncPrefectClient, deployment: dict[str, Any]) -> UUID:
    """Without its schedule."""
    file, _, function = deployment["entrypoint"].partition(":")
    flow = getattr(import_module(file.removesuffix(".py").replace("/", ".")), function)
    return client.create_deployment(
        client.create_flow_from_name(flow.name), ours(deployment["name"]), entrypoint=deployment["entrypoint"],
        work_pool_name=ours(deployment["work_pool"]["name"]),
        job_variables=deployment["work_pool"].get("job_variables"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def jobs(server: Stack) -> Jobs:
    """What the workers post for a run of each deployment in their pools."""
    posted: list[dict[str, Any]] = []
    with get_client(sync_client=True) as client:
        runs = {
            str(client.create_flow_run_from_deployment(each.id, job_variables=variables(each.name)).id): (
                each.entrypoint,
                each.name.removeprefix(ours("")),
            )
            for each in client.read_deployments()
            if each.entrypoint and each.work_pool_name in map(ours, POOLS_WITH_JOBS)
        }
    kubeconfig = server.folder / "kubeconfig"
    with cluster(kubeconfig, posted.append), ThreadPoolExecutor() as threads:
        list(threads.map(lambda pool: submit(server, pool, kubeconfig), POOLS_WITH_JOBS))
    return {runs[job["metadata"]["labels"]["prefect.io/flow-run-id"]]: job for job in posted}


def variables(deployment: str) -> dict[str, Any]:
    """What a run of it is given beside the pool's defaults."""
    return {"image_pull_secrets": CREDENTIALS} if deployment.removeprefix(ours("")) in PRIVATE else {}


def test_the_server_remembers_as_long_as_the_local_one_that_it_waits_for_a_sign_of_life() -> None:
    given = {each["name"]: each["value"] for each in values("server")["global"]["prefect"]["env"]}
    assert given["PREFECT_SERVER_EVENTS_EXPIRED_BUCKET_BUFFER"] == REMEMBERS


def submit(stack: Stack, pool: str, kubeconfig: Path) -> None:
    """What a worker with the chart's settings does with the runs that wait in its pool."""
    given = worker_environment(pool)
    secrets = {"PREFECT_API_AUTH_STRING": f"admin:{CANARY}", "AWS_SECRET_ACCESS_KEY": CANARY}
    ours_too = {"KUBECONFIG": str(kubeconfig), "PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_ENABLED": "false"}
    worker = [THEIRS / "python", "-m", "prefect", "worker", "start", "--pool", ours(pool), "--type", "kubernetes"]
    environment = stack.environment({**given, **secrets, **ours_too})
    ended = subprocess.run([*worker, "--run-once"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(params=SUBMITTED, ids=lambda each: f"{each['entrypoint']} {each['name']}")
def submitted(request: pytest.FixtureRequest, jobs: Jobs) -> Submitted:
    """Of each deployment whose pool has a worker."""
    deployment = request.param
    return deployment["work_pool"]["name"], jobs[deployment["entrypoint"], deployment["name"]]


@pytest.mark.parametrize("pool", POOLS)
def test_deploying_adds_the_store_to_a_pool_and_leaves_the_rest(server: Stack, pool: str) -> None:
    wanted = template(pool)
    env = wanted["variables"]["properties"]["env"]["default"]
    env |= {name: server.settings[name] for name in STORE}
    with get_client(sync_client=True) as client:
        found = client.read_work_pool(ours(pool))
    assert (found.type, found.base_job_template) == ("kubernetes", wanted)


def test_a_pod_has_time_to_get_a_node_and_its_image(server: Stack) -> None:
    with temporary_settings({PREFECT_API_URL: server.api_url}):
        assert patience(map(ours, POOLS)) == PROVISIONING


def test_the_templates_have_the_settings_of_every_pool() -> None:
    cpu, gpu = (template(pool)["variables"]["properties"]["env"]["default"] for pool in ("cpu", "gpu"))
    assert FIXED.items() <= cpu.items()
    assert cpu == gpu


def test_every_job_is_as_kubernetes_wants_it(jobs: Jobs) -> None:
    assert set(jobs) == {(each["entrypoint"], each["name"]) for each in SUBMITTED}
    cleaned = json.loads(json.dumps(list(jobs.values())))
    for job in cleaned:  # Prefect insists on these two where Kubernetes knows none; it ignores them with a warning
        pod = job["spec"]["template"]["spec"]
        assert (pod.pop("parallelism"), pod.pop("completions")) == (1, 1)
    assert invalid(*cleaned) == ""
    cleaned[0]["spec"]["template"]["spec"]["terminationGracePeriod"] = 60
    assert invalid(cleaned[0]).count("terminationGracePeriod") == len(VERSIONS)


def test_the_images_are_targets_of_the_dockerfile() -> None:
    server = values("server")["global"]["prefect"]["image"]
    assert server["repository"] == "registry.example/charrec"
    assert {*IMAGES.values(), server["prefectTag"]} <= set(
        stages((ROOT / "infra" / "docker" / "Dockerfile").read_text())
    )


def test_the_servers_image_has_the_prefect_of_the_jobs() -> None:
    assert f"prefect=={prefect.__version__} " in (ROOT / "infra" / "requirements-server.lock").read_text()


def test_a_run_is_one_pod_that_prefect_alone_begins_again(submitted: Submitted) -> None:
    pool, job = submitted
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (job["spec"]["backoffLimit"], pod["restartPolicy"]) == (0, "Never")
    assert job["spec"]["ttlSecondsAfterFinished"] > 0
    assert container["args"] == ["prefect", "flow-run", "execute"]
    assert container["image"] == f"registry.example/charrec:{IMAGES[pool]}"
    assert job["metadata"]["namespace"] == "charrec"


def test_what_trains_has_one_spot_gpu_and_the_rest_none(submitted: Submitted) -> None:
    pool, job = submitted
    pod = job["spec"]["template"]["spec"]
    resources = pod["containers"][0]["resources"]
    asked = [resources[kind].get("nvidia.com/gpu") for kind in ("requests", "limits")]
    if pool == "cpu":
        assert (asked, "nodeSelector" in pod, "tolerations" in pod) == ([None, None], False, False)
        return
    nodes = documents("karpenter.yaml")[0]["spec"]["template"]
    (taint,), (toleration,) = nodes["spec"]["taints"], pod["tolerations"]
    assert asked == [1, 1]
    assert pod["nodeSelector"].items() <= nodes["metadata"]["labels"].items()
    assert nodes["metadata"]["labels"]["nvidia.com/gpu.present"] == "true"  # or NVIDIA's device plugin stays away
    assert toleration == {"key": taint["key"], "effect": taint["effect"], "operator": "Exists"}


def test_a_pod_has_time_to_store_what_it_has(submitted: Submitted) -> None:
    pool, job = submitted
    pod = job["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 60
    if pool == "gpu":
        waits = int(re.findall(r"sleep (\d+)", hook(pod))[0])
        assert PUTTING_AWAY < waits < pod["terminationGracePeriodSeconds"]


def hook(pod: dict[str, Any]) -> str:
    shell, option, script = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert (shell, option) == ("sh", "-c")
    return str(script)


def test_a_pod_may_do_nothing_but_compute(submitted: Submitted) -> None:
    _, job = submitted
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert not pod["automountServiceAccountToken"]
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)


def test_what_a_run_writes_has_a_place(submitted: Submitted) -> None:
    _, job = submitted
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    env = {each["name"]: each.get("value") for each in container["env"]}
    volumes = {each["name"]: each["emptyDir"] for each in pod["volumes"]}
    mounts = {each["mountPath"]: volumes[each["name"]] for each in container["volumeMounts"]}
    assert set(mounts) == {env["CHARREC_CACHE"], env["HOME"], "/dev/shm"}
    assert Path(env["PREFECT_HOME"]).parent == Path(env["HOME"]) == Path("/tmp")
    assert mounts["/dev/shm"]["medium"] == "Memory"
    assert all("sizeLimit" in each for each in mounts.values())


def test_no_secret_is_in_a_job(server: Stack, submitted: Submitted) -> None:
    _, job = submitted
    env = {each["name"]: each for each in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert CANARY not in json.dumps(job)
    assert not [name for name in env if name.startswith("AWS_") or "KAGGLE" in name]
    secret = env["PREFECT_API_AUTH_STRING"]["valueFrom"]["secretKeyRef"]
    assert secret == {"name": values("server")["server"]["basicAuth"]["existingSecret"], "key": "auth-string"}
    assert env["PREFECT_API_URL"]["value"] == server.api_url
    assert env["CHARREC_STORE"]["value"] == server.settings["CHARREC_STORE"]


def test_a_job_shows_its_registry_the_credentials_that_it_is_given(jobs: Jobs) -> None:
    shown = {name: job["spec"]["template"]["spec"]["imagePullSecrets"] for (_, name), job in jobs.items()}
    assert shown == {name: CREDENTIALS if name in PRIVATE else [] for name in shown}
    assert len({str(each) for each in shown.values()}) == 2


def test_only_what_fetches_data_has_kaggles_token_where_there_is_one(submitted: Submitted) -> None:
    pool, job = submitted
    (container,) = job["spec"]["template"]["spec"]["containers"]
    named = [{"secretRef": {"name": "charrec-kaggle", "optional": True}}] if pool == "cpu" else None
    assert container.get("envFrom") == named
    made = 'create secret generic charrec-kaggle --from-file="$SECRETS/KAGGLE_API_TOKEN"'
    assert made in (FOLDER / "README.md").read_text()


@pytest.mark.parametrize("name", ["namespace.yaml", "network-policy.yaml", "ingress-policy.yaml"])
def test_a_manifest_is_as_kubernetes_wants_it(name: str) -> None:
    assert invalid(*documents(name)) == ""


def test_what_a_job_names_is_there(submitted: Submitted) -> None:
    _, job = submitted
    pod = job["spec"]["template"]["spec"]
    there = {(each["kind"], each["metadata"]["name"]) for each in documents("namespace.yaml")}
    assert {
        ("Namespace", job["metadata"]["namespace"]),
        ("ServiceAccount", pod["serviceAccountName"]),
        ("PriorityClass", pod["priorityClassName"]),
    } <= there


def test_jobs_reach_names_prefect_and_s3_alone(submitted: Submitted) -> None:
    _, job = submitted
    policy, _ = documents("network-policy.yaml")
    (selected,) = policy["spec"]["podSelector"]["matchExpressions"]
    assert selected == {"key": "charrec/pool", "operator": "Exists"}
    assert selected["key"] in job["spec"]["template"]["metadata"]["labels"]
    ports = [[port["port"] for port in rule["ports"]] for rule in policy["spec"]["egress"]]
    assert (policy["spec"]["policyTypes"], policy["spec"]["ingress"]) == (["Ingress", "Egress"], [])
    assert ports == [[53, 53], [4200], [443]]
    public = policy["spec"]["egress"][2]["to"][0]["ipBlock"]
    assert "169.254.0.0/16" in public["except"]  # where a node's own credentials are


@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_is_of_our_version_and_names_the_servers_secret(pool: str) -> None:
    worker, server = values(f"worker-{pool}")["worker"], values("server")
    assert worker["image"]["prefectTag"].startswith(f"{prefect.__version__}-")
    assert (worker["config"]["workPool"], worker["config"]["type"]) == (pool, "kubernetes")
    own, theirs = worker["selfHostedServerApiConfig"], server["server"]["basicAuth"]
    assert own["basicAuth"] == theirs
    assert own["apiUrl"] == f"http://{server['fullnameOverride']}.charrec.svc:{server['service']['port']}/api"


def take(server: Stack, folder: Path, flow: str) -> tuple[str, bool]:
    """Execute the flow as a pod does; end it as Kubernetes does, `trains` by the pool's hook, `waits` by SIGTERM."""
    step = {"prefect.deployments.steps.set_working_directory": {"directory": str(folder)}}
    with temporary_settings({PREFECT_API_URL: server.api_url}), get_client(sync_client=True) as client:
        deployment = client.create_deployment(
            client.create_flow_from_name(flow), "pod", entrypoint=f"pods.py:{flow}", pull_steps=[step],
            parameters={"folder": str(folder)},
        )  # fmt: skip
        run = client.create_flow_run_from_deployment(deployment)
        behaviour = {SIGTERM: template("gpu")["variables"]["properties"]["env"]["default"][SIGTERM]}
        words = [sys.executable, "-m", "prefect", "flow-run", "execute", str(run.id)]
        with (folder / f"{flow}.log").open("w") as log:
            pod = subprocess.Popen(
                words, env=server.environment({**behaviour, "PYTHONPATH": str(ROOT)}), stdout=log, stderr=log
            )
        try:
            assert eventually((folder / f"{flow}-begun").exists, 300), (folder / f"{flow}.log").read_text()
            if flow == "trains":
                stop_by_hook(pod.pid)
            else:
                pod.terminate()
            pod.wait(300)
        finally:
            if pod.poll() is None:
                kill([*descendants(pod.pid), pod.pid], signal.SIGKILL)
                pod.wait()
        state = client.read_flow_run(run.id).state
        client.delete_deployment(deployment)
    assert state
    return state.name, (folder / f"{flow}-stored").exists()


def stop_by_hook(pid: int) -> None:
    """The pool's preStop hook, which sees this pod's processes alone, and whose waiting is the test's."""
    script = hook(template("gpu")["job_configuration"]["job_manifest"]["spec"]["template"]["spec"])
    everything, wait = "/proc/[0-9]*/cmdline", "sleep 45"
    assert everything in script and wait in script
    mine = " ".join(f"/proc/{each}/cmdline" for each in [pid, *descendants(pid)])
    subprocess.run(["sh", "-c", script.replace(everything, mine).replace(wait, "true")], check=True)


@pytest.mark.parametrize(
    ("flow", "state", "stored"), some([("trains", "Crashed", True), ("waits", "AwaitingRetry", False)], 1)
)
def test_a_training_stores_itself_before_its_pod_goes_and_what_else_runs_there_is_scheduled_again(
    flow: str, state: str, stored: bool, server: Stack
) -> None:
    """The training's study begins it again. SIGTERM alone would not do: Prefect 3.8.8 kills what handles it itself."""
    folder = server.folder / "pods"
    folder.mkdir(exist_ok=True)
    (folder / "pods.py").write_text(FLOWS)
    assert take(server, folder, flow) == (state, stored)
