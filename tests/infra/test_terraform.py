"""infra/terraform without Terraform: it parses, says what it is, and agrees with itself and with infra/kubernetes.

What AWS or its provider would refuse is not seen here; the module's README says what is.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml  # type: ignore[import-untyped]

INFRA = Path(__file__).parents[2] / "infra"
AWS = INFRA / "terraform" / "aws"
KUBERNETES = INFRA / "kubernetes"
FILES = sorted(AWS.rglob("*.tf"))
PLAIN = hcl2.SerializationOptions(with_comments=False, explicit_blocks=False, strip_string_quotes=True)
README = (AWS / "README.md").read_text(encoding="utf-8")

Block = dict[str, Any]


@cache
def read(path: Path) -> Block:
    return hcl2.loads(path.read_text(encoding="utf-8"), serialization_options=PLAIN)


def named(kind: str, folder: Path) -> dict[str, Block]:
    """Variables or outputs of a module."""
    return {
        name: block for path in folder.glob("*.tf") for one in read(path).get(kind, []) for name, block in one.items()
    }


def resources(kind: str) -> list[Block]:
    every = [one for path in FILES for one in read(path).get("resource", [])]
    return [block for one in every for block in one.get(kind, {}).values()]


def the(kind: str) -> Block:
    (only,) = resources(kind)
    return only


def templates() -> Iterator[tuple[Path, set[str]]]:
    """Each template, and the variables that it is given."""
    for path in FILES:
        for call in re.finditer(r'templatefile\("\$\{path\.module}/([^"]+)", \{(.*?)}\)', path.read_text(), re.DOTALL):
            names = set(re.findall(r"(\w+) *= ", call[2]))
            places = [call[1].replace("${each.key}", role) for role in ("study", "worker", "reader")]
            yield from ((path.parent / place, names) for place in dict.fromkeys(places))


@pytest.mark.parametrize(
    "path", [*FILES, *AWS.rglob("*.tftest.hcl")], ids=lambda path: path.relative_to(AWS).as_posix()
)
def test_every_file_is_hcl(path: Path) -> None:
    assert read(path)


@pytest.mark.parametrize("folder", [AWS, AWS / "cluster"], ids=["aws", "cluster"])
def test_everything_given_and_taken_says_what_it_is(folder: Path) -> None:
    told = named("variable", folder) | named("output", folder)
    assert len(told) > 10
    assert [name for name, block in told.items() if not block.get("description")] == []


def test_every_variable_refuses_wrong_values() -> None:
    open_to_all = [name for name, block in named("variable", AWS).items() if "validation" not in block]
    assert {name: named("variable", AWS)[name]["type"] for name in open_to_all} == {
        "cluster": "bool",
        "delete_data": "bool",
    }


def test_the_cluster_gets_all_that_it_asks_for_and_no_more() -> None:
    ((call,),) = [block["module"] for path in AWS.glob("*.tf") if "module" in (block := read(path))]
    assert call["cluster"].keys() - {"source", "count"} == named("variable", AWS / "cluster").keys()


def test_the_readme_lists_the_variables_as_they_are() -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \| (`.*?`|required) \| (.*) \|$", README)
    text = (AWS / "variables.tf").read_text(encoding="utf-8")
    found = {}
    for name, block in re.findall(r'(?ms)^variable "(\w+)" \{\n(.*?)^}', text):
        default = re.search(r"(?m)^  default +=\s(.*?)(?: +#.*)?$", block)
        description = re.search(r'(?m)^  description = "(.*)"$', block)
        assert description
        found[name] = (f"`{default[1].strip()}`" if default else "required", description[1].replace('\\"', '"'))
    assert {name: (default, description) for name, default, description in rows} == found
    assert found.keys() == named("variable", AWS).keys()


@pytest.mark.parametrize(
    ("path", "given"), [*templates()], ids=lambda value: value.name if isinstance(value, Path) else ""
)
def test_a_template_is_json_and_uses_what_it_is_given(path: Path, given: set[str]) -> None:
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+)}", text)) == given
    assert json.loads(text)["Version"] == "2012-10-17"


def test_every_document_is_used() -> None:
    assert {path.resolve() for path, _ in templates()} == {path.resolve() for path in AWS.rglob("*.json")}


def test_no_current_object_ever_expires() -> None:
    """A training's last and best checkpoint may be in use however old they are."""
    rules = the("aws_s3_bucket_lifecycle_configuration")["rule"]
    ends = [end for rule in rules for end in rule.get("expiration", [])]
    assert ends == [{"expired_object_delete_marker": True}]
    assert not any("transition" in rule for rule in rules)
    assert [day["noncurrent_days"] for rule in rules for day in rule.get("noncurrent_version_expiration", [])]
    assert [one["days_after_initiation"] for rule in rules for one in rule.get("abort_incomplete_multipart_upload", [])]


def test_the_bucket_is_private_versioned_encrypted_and_spoken_to_by_tls_alone() -> None:
    shut = the("aws_s3_bucket_public_access_block")
    switches = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    assert [shut[switch] for switch in switches] == [True] * 4
    assert the("aws_s3_bucket_versioning")["versioning_configuration"] == [{"status": "Enabled"}]
    assert "AES256" in str(the("aws_s3_bucket_server_side_encryption_configuration"))
    (denied,) = json.loads((AWS / "policies" / "bucket.json").read_text())["Statement"]
    assert (denied["Effect"], denied["Principal"], denied["Action"]) == ("Deny", "*", "s3:*")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_no_secrets_value_comes_into_the_state() -> None:
    assert resources("aws_secretsmanager_secret")
    assert resources("aws_secretsmanager_secret_version") == []


def test_the_service_accounts_are_those_of_kubernetes() -> None:
    documents = yaml.safe_load_all((KUBERNETES / "namespace.yaml").read_text())
    metadata = [one["metadata"] for one in documents if one["kind"] == "ServiceAccount"]
    text = (AWS / "cluster.tf").read_text()
    assert {one["name"] for one in metadata} == set(re.findall(r'account +=\s"([\w-]+)"', text))
    assert {one["namespace"] for one in metadata} == set(re.findall(r'namespace +=\s"([\w-]+)"', text))


def test_gpu_nodes_are_those_that_kubernetes_asks_for() -> None:
    job = (KUBERNETES / "gpu-job-template.json").read_text()
    (gpu,) = [one for one in resources("aws_eks_node_group") if one["capacity_type"] != "ON_DEMAND"]
    (selector,) = re.findall(r'"nodeSelector": (\{.*?})', job)
    assert json.loads(selector).items() <= {name.strip('"'): value for name, value in gpu["labels"].items()}.items()
    ((toleration,),) = map(json.loads, re.findall(r'"tolerations": (\[.*?])', job))
    (taint,) = gpu["taint"]
    assert (taint["key"], taint["effect"]) == (toleration["key"], "NO_SCHEDULE")
    assert (toleration["operator"], toleration["effect"]) == ("Exists", "NoSchedule")
    assert gpu["scaling_config"][0]["min_size"] == 0
