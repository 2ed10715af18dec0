"""What infra/kubernetes says, held to Kubernetes' own schemas."""

import json
import subprocess
from typing import Any

import yaml

from infra.local.stack import ROOT

FOLDER = ROOT / "infra" / "kubernetes"
THEIRS = ROOT / ".venv-kubernetes" / "bin"
VERSIONS = ("1.30", "1.37")
Document = dict[str, Any]
VALIDATE = """
import json, sys, kubernetes_validate
for version, document in json.load(sys.stdin):
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        print(version, document["kind"], list(error.path), error.message)
"""


def documents(name: str) -> list[Document]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def template(pool: str) -> Document:
    return json.loads((FOLDER / f"{pool}-job-template.json").read_text())  # type: ignore[no-any-return]


def job(pool: str) -> Document:
    """The pool's job by the defaults of its template; a real worker's are in tests/infra/test_kubernetes.py."""
    properties = template(pool)["variables"]["properties"]
    text = json.dumps(template(pool)["job_configuration"]["job_manifest"])
    for name, about in properties.items():
        text = text.replace(f'"{{{{ {name} }}}}"', json.dumps(about.get("default", [])))
    found: Document = json.loads(text.replace("{{ name }}-", f"run-{pool}-"))
    (container,) = found["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": name, "value": value} for name, value in container["env"].items()]
    return found


def values(name: str) -> Document:
    (found,) = documents(f"{name}-values.yaml")
    return found


def invalid(*found: Document) -> str:
    """What Kubernetes' schemas forbid, unknown fields included."""
    pairs = json.dumps([(version, document) for version in VERSIONS for document in found])
    ended = subprocess.run([THEIRS / "python", "-c", VALIDATE], input=pairs, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
