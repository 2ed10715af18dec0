"""infra/terraform without AWS: it parses, says what it is, and agrees with itself, the provider and infra/kubernetes.

The provider's own checks of values, and what AWS would refuse, are not seen here; the module's README says what is.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml  # type: ignore[import-untyped]
from packaging.specifiers import SpecifierSet

from tests.infra.aws_provider import EXTRACT, dangling, problems, used
from tests.infra.terraform_provider import serving

INFRA = Path(__file__).parents[2] / "infra"
AWS = INFRA / "terraform" / "aws"
KUBERNETES = INFRA / "kubernetes"
FILES = sorted(AWS.rglob("*.tf"))
PLAIN = hcl2.SerializationOptions(with_comments=False, explicit_blocks=False, strip_string_quotes=True)
README = (AWS / "README.md").read_text(encoding="utf-8")
PROVIDER = json.loads(EXTRACT.read_text(encoding="utf-8"))
TYPES = PROVIDER["types"]
MODULES = AWS, AWS / "cluster"

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


def test_the_providers_extract_has_the_types_that_are_used_and_no_others() -> None:
    """Else renew it: python -m tests.infra.aws_provider"""
    assert TYPES.keys() == used()


def test_the_extract_is_of_a_version_of_the_provider_that_the_module_takes() -> None:
    for folder in MODULES:
        (settings,) = read(folder / "versions.tf")["terraform"]
        (providers,) = settings["required_providers"]
        assert PROVIDER["provider"] in SpecifierSet(providers["aws"]["version"])
    assert f"version {PROVIDER['provider']}" in README


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(AWS).as_posix())
def test_the_provider_knows_every_argument_and_block_and_misses_none(path: Path) -> None:
    assert problems(path.read_text(encoding="utf-8"), TYPES) == []


@pytest.mark.parametrize("folder", MODULES, ids=["aws", "cluster"])
def test_references_lead_to_resources_and_attributes_that_exist(folder: Path) -> None:
    assert dangling([path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.tf"))], TYPES) == []


MISTAKES = [
    ("bucket.tf", "force_destroy =", "force_destory =", ["aws_s3_bucket.store: no argument force_destory"]),
    ("bucket.tf", "object_ownership", "ownership", [
        "aws_s3_bucket_ownership_controls.store.rule: no argument ownership",
        "aws_s3_bucket_ownership_controls.store.rule: object_ownership is missing",
    ]),
    ("bucket.tf", "noncurrent_version_expiration {", "noncurrent_versions_expiration {", [
        "aws_s3_bucket_lifecycle_configuration.store.rule: no block noncurrent_versions_expiration",
    ]),
    ("policies.tf", "  policy      =", "  document    =", [
        "aws_iam_policy.store: no argument document", "aws_iam_policy.store: policy is missing",
    ]),
    ("versions.tf", "default_tags {", "default_tag {", ["provider.aws: no block default_tag"]),
    ("cluster/eks.tf", "  vpc_config {", "  vpc_conf {", [
        "aws_eks_cluster.this: no block vpc_conf", "aws_eks_cluster.this: vpc_config is missing",
    ]),
    ("cluster/eks.tf", "public_access_cidrs ", "public_access_cidr ", [
        "aws_eks_cluster.this.vpc_config: no argument public_access_cidr",
    ]),
    ("cluster/nodes.tf", "  taint {", "  taint = {", ["aws_eks_node_group.gpu: no argument taint"]),
    ("cluster/network.tf", "tags = { Name = var.name }", "tags { Name = var.name }", ["aws_vpc.this: no block tags"]),
    ("cluster/nodes.tf", "http_tokens ", "http_token ", [
        "aws_launch_template.node.metadata_options: no argument http_token",
    ]),
    ("cluster/nodes.tf", "    max_size     = var.cpu_nodes.max\n", "", [
        "aws_eks_node_group.cpu.scaling_config: max_size is missing",
    ]),
    ("cluster/network.tf", "data \"aws_availability_zones\"", "data \"aws_availability_zone_list\"", [
        "data.aws_availability_zone_list.here: unknown type",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("file", "right", "wrong", "found"), MISTAKES)
def test_a_mistake_is_found(file: str, right: str, wrong: str, found: list[str]) -> None:
    text = (AWS / file).read_text(encoding="utf-8")
    assert right in text
    assert problems(text.replace(right, wrong, 1), TYPES) == found


@pytest.mark.parametrize(
    ("right", "wrong", "found"),
    [
        ("aws_vpc.this.cidr_block", "aws_vpc.this.cidr", "aws_vpc.this has no attribute cidr"),
        ("aws_subnet.public[0].id", "aws_subnets.public[0].id", "aws_subnets.public is not declared"),
        ("aws_eip.nat.id", "aws_eip.nats.id", "aws_eip.nats is not declared"),
        (".here.names", ".here.name", "data.aws_availability_zones.here has no attribute name"),
    ],
)
def test_a_dangling_reference_is_found(right: str, wrong: str, found: str) -> None:
    text = (AWS / "cluster" / "network.tf").read_text(encoding="utf-8")
    assert right in text
    assert dangling([text.replace(right, wrong, 1)], TYPES)[:1] == [found]


terraform = pytest.mark.skipif(not shutil.which("terraform"), reason="there is no Terraform here")


@terraform
def test_every_file_is_formatted() -> None:
    ended = subprocess.run(["terraform", "fmt", "-check", "-recursive", "-diff", AWS], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@terraform
@pytest.mark.parametrize(("file", "right", "wrong", "said"), [
    ("bucket.tf", "", "", "The configuration is valid"),
    ("bucket.tf", "force_destroy =", "force_destory =", 'An argument named "force_destory" is not expected here'),
    ("cluster/eks.tf", "  vpc_config {", "  vpc_conf {", 'Blocks of type "vpc_conf" are not expected here'),
    ("cluster/network.tf", "aws_vpc.this.cidr_block", "aws_vpc.this.cidr", 'or exported attribute named "cidr"'),
    ("cluster.tf", "  gpu_nodes          =", "  gpu_node           =", "gpu_node"),
    ("outputs.tf", "var.region", "var.area", 'variable with the name "area" has not been declared'),
])  # fmt: skip
def test_terraform_itself_validates_what_it_is_given(
    file: str, right: str, wrong: str, said: str, tmp_path: Path
) -> None:
    """With a provider that knows names alone; one test has no mistake."""
    folder = Path(shutil.copytree(AWS, tmp_path / "aws"))
    text = (folder / file).read_text(encoding="utf-8")
    assert right in text
    (folder / file).write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with serving(TYPES) as environment:
        outputs = [
            subprocess.run(["terraform", *command, "-no-color"], cwd=folder, env=os.environ | environment,
                           capture_output=True, text=True)
            for command in (("init", "-backend=false", "-input=false"), ("validate",))
        ]  # fmt: skip
    told = " ".join("".join(each.stdout + each.stderr for each in outputs).replace("\u2502", "").split())
    assert said in told
    assert (outputs[-1].returncode == 0) == (right == "")
