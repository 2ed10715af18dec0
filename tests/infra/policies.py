"""A short policy for pods, which needs no linter. Where checkov is at hand, tests/infra/test_charts.py asks it too."""

import re
from collections.abc import Iterator

from tests.infra.manifests import Document

SECRET = re.compile(r"AUTH_STRING$|CONNECTION_URL$|PASSWORD|TOKEN|API_KEY$|SECRET_ACCESS_KEY")


def pod_of(document: Document) -> Document | None:
    """Its pod's spec, if it has one."""
    found: Document | None = document.get("spec", {}).get("template", {}).get("spec")
    return found if document["kind"] in ("Deployment", "Job") else None


def faults(document: Document) -> Iterator[str]:
    """What its pod should not be or do."""
    pod = pod_of(document)
    if pod is None:
        return
    yield from (f"pod: {name}" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name))
    if pod.get("automountServiceAccountToken", True):
        yield "pod: a token for Kubernetes"
    if any("hostPath" in volume for volume in pod.get("volumes", [])):
        yield "pod: hostPath"
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        yield from (f"{container['name']}: {fault}" for fault in _faults(container, pod, document["kind"]))


def _faults(container: Document, pod: Document, kind: str) -> Iterator[str]:
    secured = pod.get("securityContext", {}) | container.get("securityContext", {})
    wanted = {"runAsNonRoot": True, "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False,
              "seccompProfile": {"type": "RuntimeDefault"}, "capabilities": {"drop": ["ALL"]}}  # fmt: skip
    yield from (name for name, value in wanted.items() if secured.get(name) != value)
    if not secured.get("runAsUser"):
        yield "runAsUser"
    name, _, tag = container["image"].rpartition(":")
    if not name or "/" in tag or tag == "latest" or tag.endswith("-latest"):
        yield f"image {container['image']}"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
        yield "resources"
    yield from (
        f"probe {name}"
        for name in ("liveness", "readiness")
        if kind == "Deployment" and f"{name}Probe" not in container
    )
    for variable in container.get("env") or []:
        if SECRET.search(variable["name"]) and "value" in variable:
            yield f"secret {variable['name']}"
