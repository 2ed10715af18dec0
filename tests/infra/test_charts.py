"""Prefect's charts with our values: what Helm renders, and what must hold even where Helm or the charts are missing."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from prefect.settings import Settings
from prefect.settings.legacy import _get_valid_setting_names

from tests.infra.charts import (
    CHART_SETS,
    CHARTS,
    PULL,
    RELEASES,
    SOURCES,
    VERSION,
    missing,
    ours,
    program,
    render,
    values,
    version,
)  # fmt: skip
from tests.infra.manifests import FOLDER, Document, documents, invalid, job
from tests.infra.policies import faults, pod_of

# What the short policy finds and we leave, with the reason.
EXCEPTIONS = {
    "prefect-server": {
        "pod: a token for Kubernetes": "the chart has no setting; the token's account has no role",
    },
    "prefect-worker": {
        "pod: a token for Kubernetes": "it makes the jobs",
        "prefect-worker: probe readiness": "nothing asks it for anything: it has no service",
    },
}
# What checkov 3.3.30 finds beyond it in everything that we apply, and we leave.
CHECKOV = {
    "CKV_K8S_9": "readiness of the workers: they have no service",
    "CKV_K8S_11": "limits of CPUs: a job may use what is idle",
    "CKV_K8S_15": "imagePullPolicy Always: an image is named by its digest, and every pod would ask the registry",
    "CKV_K8S_35": "secrets as variables: that is how Prefect and its charts read them",
    "CKV_K8S_38": "tokens of Prefect's server and workers: as above",
    "CKV_K8S_43": "images by digest: the example's registry has none",
}
LEFT = {"PREFECT_INTEGRATIONS_"}  # prefect-kubernetes reads those
Rendered = Callable[[str], list[Document]]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """By release."""
    if lacks := missing():
        pytest.skip(lacks)
    return cache(lambda release: render(release, tmp_path_factory.mktemp("chart")))


def deployment(found: list[Document]) -> Document:
    (one,) = [each for each in found if each["kind"] == "Deployment"]
    return one


def variables(found: list[Document]) -> list[str]:
    pod = pod_of(deployment(found))
    assert pod
    (container,) = pod["containers"]
    return [each["name"] for each in container["env"]]


@pytest.mark.parametrize("release", RELEASES)
def test_no_variable_of_ours_is_there_twice_or_one_that_the_chart_sets_itself(release: str) -> None:
    """Helm 4 applies on the server's side, which refuses two of one name (helm/helm#31529)."""
    chart, _ = RELEASES[release]
    assert [name for name, times in Counter([*ours(release), *CHART_SETS[chart]]).items() if times > 1] == []


@pytest.mark.parametrize("release", RELEASES)
def test_every_variable_of_ours_is_a_setting_of_prefect(release: str) -> None:
    known = _get_valid_setting_names(Settings)
    left = [name for name in ours(release) if name.startswith("PREFECT_") and not name.startswith(tuple(LEFT))]
    assert set(left) <= known


@pytest.mark.parametrize("release", RELEASES)
def test_a_container_has_each_variable_once(release: str, rendered: Rendered) -> None:
    chart, _ = RELEASES[release]
    names = variables(rendered(release))
    assert sorted(names) == sorted({*ours(release), *CHART_SETS[chart]})


@pytest.mark.parametrize("release", RELEASES)
def test_what_helm_renders_is_as_kubernetes_wants_it(release: str, rendered: Rendered) -> None:
    """Helm has held our values to the chart's own schema by then."""
    found = rendered(release)
    assert invalid(*found) == ""
    assert {each["metadata"]["namespace"] for each in found} == {"charrec"}


def test_helm_refuses_a_value_that_the_chart_does_not_know(rendered: Rendered, tmp_path: Path) -> None:
    misspelt = tmp_path / "misspelt-values.yaml"
    misspelt.write_text(json.dumps({"worker": {"config": {"workPools": "cpu"}}}))
    with pytest.raises(AssertionError, match="workPools"):
        render("prefect-worker-cpu", tmp_path, misspelt)


@pytest.mark.parametrize("release", RELEASES)
def test_pods_of_the_charts_keep_to_the_policy(release: str, rendered: Rendered) -> None:
    chart, _ = RELEASES[release]
    assert [fault for each in rendered(release) for fault in faults(each)] == list(EXCEPTIONS[chart])


@pytest.mark.parametrize("pool", ["cpu", "gpu"])
def test_jobs_keep_to_the_policy(pool: str) -> None:
    """As they stand in the template: what a worker fills in, tests/infra/test_kubernetes.py looks at."""
    assert list(faults(job(pool))) == []


def test_checkov_finds_nothing_but_what_we_leave(rendered: Rendered, tmp_path: Path) -> None:
    if (checkov := program("checkov")) is None:
        pytest.skip("there is no checkov; `uv tool install checkov==3.3.30` puts it on the PATH")
    everything = {release.replace(" ", "-"): rendered(release) for release in RELEASES}
    everything |= {pool: [job(pool)] for pool in ("cpu", "gpu")}
    everything |= {name: documents(f"{name}.yaml") for name in ("namespace", "network-policy", "ingress-policy")}
    for name, found in everything.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump_all(found))
    words = ["--directory", tmp_path, "--framework", "kubernetes", "--skip-download", "--output", "json"]
    ended = subprocess.run([checkov, *words], capture_output=True, text=True)
    results = json.loads(ended.stdout)["results"]
    assert {each["check_id"] for each in results["failed_checks"]} == set(CHECKOV)
    assert len(results["passed_checks"]) > 500


def test_the_policy_sees_what_it_is_for() -> None:
    careless = {"kind": "Deployment", "spec": {"template": {"spec": {
        "hostNetwork": True, "volumes": [{"name": "host", "hostPath": {"path": "/"}}],
        "containers": [{"name": "it", "image": "prefecthq/prefect:3-latest", "resources": {"requests": {"cpu": "1"}},
                        "env": [{"name": "PREFECT_API_AUTH_STRING", "value": "admin:pass"}]}],
    }}}}  # fmt: skip
    assert list(faults(careless)) == [
        "pod: hostNetwork", "pod: a token for Kubernetes", "pod: hostPath", "it: runAsNonRoot",
        "it: readOnlyRootFilesystem", "it: allowPrivilegeEscalation", "it: seccompProfile", "it: capabilities",
        "it: runAsUser", "it: image prefecthq/prefect:3-latest", "it: resources", "it: probe liveness",
        "it: probe readiness", "it: secret PREFECT_API_AUTH_STRING",
    ]  # fmt: skip


@pytest.mark.parametrize("release", RELEASES)
def test_no_secret_is_rendered(release: str, rendered: Rendered) -> None:
    found = rendered(release)
    assert "Secret" not in {each["kind"] for each in found}
    assert not [default for default in ("admin:pass", "prefect-rocks") if default in json.dumps(found)]


def test_the_server_runs_our_image_by_the_charts_arguments(rendered: Rendered) -> None:
    pod = pod_of(deployment(rendered("prefect-server")))
    assert pod
    (container,) = pod["containers"]
    words = container["command"] + container["args"]
    assert words[:4] == ["env", "prefect", "server", "start"]  # no program of prefecthq's image
    env = {each["name"]: each.get("value") for each in container["env"]}
    mounts = [Path(each["mountPath"]) for each in container["volumeMounts"]]
    for name in ("HOME", "PREFECT_HOME", "PREFECT_UI_STATIC_DIRECTORY"):
        assert any(Path(str(env[name])).is_relative_to(mount) for mount in mounts), name
    assert deployment(rendered("prefect-server"))["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize("pool", ["cpu", "gpu"])
def test_a_worker_reports_its_health_where_the_probe_asks(pool: str, rendered: Rendered) -> None:
    pod = pod_of(deployment(rendered(f"prefect-worker-{pool}")))
    assert pod
    (container,) = pod["containers"]
    assert "--with-healthcheck" in container["args"]
    assert container["livenessProbe"]["httpGet"] == {"path": "/health", "port": 8080}  # Prefect's defaults


def test_the_policies_select_what_the_charts_make(rendered: Rendered) -> None:
    """A network policy that selects nothing would hold nobody."""
    _, server, *_ = documents("network-policy.yaml")
    labels = {
        name: deployment(rendered(name))["spec"]["template"]["metadata"]["labels"]
        for name in RELEASES
        if " " not in name
    }
    assert server["spec"]["podSelector"]["matchLabels"].items() <= labels["prefect-server"].items()
    workers = server["spec"]["ingress"][0]["from"][1]["podSelector"]["matchLabels"].items()
    assert all(workers <= labels[name].items() for name in labels if "worker" in name)


def test_the_browser_calls_the_address_that_the_ingress_answers() -> None:
    found = values("ingress")
    address = urlsplit(found["server"]["uiConfig"]["prefectUiApiUrl"])
    assert (address.scheme, address.hostname, address.path) == ("https", found["ingress"]["host"]["hostname"], "/api")
    (allowed,) = found["server"]["env"]
    assert allowed["value"] == f"{address.scheme}://{address.hostname}"


def test_the_ingress_leads_to_the_service(rendered: Rendered) -> None:
    found = rendered("prefect-server with an ingress")
    (ingress,) = [each for each in found if each["kind"] == "Ingress"]
    (service,) = [each for each in found if each["kind"] == "Service"]
    (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
    (port,) = service["spec"]["ports"]
    assert path["backend"]["service"] == {"name": service["metadata"]["name"], "port": {"name": port["name"]}}


def test_the_charts_are_of_the_version_on_the_page() -> None:
    page = (FOLDER / "README.md").read_text()
    upgrades = [
        line for line in page.replace("\\\n", " ").splitlines() if "helm" in line and "prefect/prefect-" in line
    ]
    assert len(upgrades) == 2
    assert all(f"--version {VERSION}" in line for line in upgrades)
    assert PULL.split("; do ")[1].split(" --version")[0] in page


def test_what_is_rendered_here_is_that_version_or_its_sources(rendered: Rendered) -> None:
    assert {version(chart) for chart in CHART_SETS} <= {VERSION, SOURCES}, f"{CHARTS} has others; {PULL}"
