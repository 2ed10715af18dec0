"""Terraform's AWS provider as far as infra/terraform uses it: which arguments, blocks and attributes each type has.

`python -m tests.infra.aws_provider` writes aws_provider.json anew, from cdktf's bindings on npm (40 MB, not installed),
which are generated from the provider's own schema. They say what is required, not which values the provider takes.
"""

import json
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hcl2

AWS = Path(__file__).parents[2] / "infra" / "terraform" / "aws"
EXTRACT = Path(__file__).with_suffix(".json")
PACKAGE, VERSION = "@cdktf/provider-aws", "21.22.1"
KINDS = ("resource", "data", "provider")
OURS = {"count", "for_each", "depends_on", "provider"}  # Terraform's own arguments and blocks of any resource
OUR_BLOCKS = {"lifecycle", "provisioner", "connection"}
PLAIN = hcl2.SerializationOptions(with_comments=False, strip_string_quotes=True)
BLOCK = "__is_block__"
GETTERS = r"this\.get\w+Attribute\('(\w+)'\)|= new \w+\(this, [\"'](\w+)[\"']"  # of computed attributes, in cdktf
REFERENCE = re.compile(r'(?<![\w."/])((?:data\.)?aws_\w+)\.(\w+)(?:\[[^\]]*])?(?:\.(\w+))?')

Tree = dict[str, Any]


def bodies(text: str) -> Iterator[tuple[str, str, Tree]]:
    """Type (as in the extract), name and body of each resource, data source and provider of a file."""
    document = hcl2.loads(text, serialization_options=PLAIN)
    for one in document.get("provider", []):
        yield from ((f"provider.{kind}", "", body) for kind, body in _labels(one))
    for kind in ("resource", "data"):
        for one in document.get(kind, []):
            for label, named in _labels(one):
                place = label if kind == "resource" else f"data.{label}"
                yield from ((place, name, body) for name, body in _labels(named))


def _labels(block: Tree) -> Iterator[tuple[str, Tree]]:
    return ((label.strip('"'), body) for label, body in block.items() if label != BLOCK)


def used(folder: Path = AWS) -> set[str]:
    return {kind for path in folder.rglob("*.tf") for kind, _, _ in bodies(path.read_text(encoding="utf-8"))}


def problems(text: str, known: Tree) -> list[str]:
    """What the provider's schema refuses in a file."""
    found = []
    for kind, name, body in bodies(text):
        where = f"{kind}.{name}" if name else kind
        found += _problems(where, body, known[kind], OURS, OUR_BLOCKS) if kind in known else [f"{where}: unknown type"]
    return found


def _problems(
    where: str, body: Tree, known: Tree, more: frozenset[str] | set[str] = frozenset(),
    more_blocks: frozenset[str] | set[str] = frozenset(),
) -> Iterator[str]:  # fmt: skip
    for name, value in body.items():
        inner = [each for each in value if isinstance(each, dict) and BLOCK in each] if isinstance(value, list) else []
        if name == BLOCK or name in (more_blocks if inner else more):
            continue
        if inner and name in known["blocks"]:
            for each in inner:
                yield from _problems(f"{where}.{name}", each, known["blocks"][name])
        elif inner or name not in known["arguments"]:
            yield f"{where}: no {'block' if inner else 'argument'} {name}"
    for name, each in (known["arguments"] | known["blocks"]).items():
        if name not in body and (each == "required" or (isinstance(each, dict) and each["required"])):
            yield f"{where}: {name} is missing"


def dangling(texts: list[str], known: Tree) -> list[str]:
    """References within a module to a resource or attribute that does not exist."""
    declared = {(kind, name) for text in texts for kind, name, _ in bodies(text)}
    found = []
    for kind, name, attribute in (match.groups() for text in texts for match in REFERENCE.finditer(text)):
        of = known.get(kind)
        if of is None or (kind, name) not in declared:
            found.append(f"{kind}.{name} is not declared")
        elif attribute and attribute not in {*of["arguments"], *of["blocks"], *of["attributes"]}:
            found.append(f"{kind}.{name} has no attribute {attribute}")
    return found


def renew(kinds: set[str]) -> Tree:
    """The extract for these types. Raises LookupError for one that the package does not have."""
    with TemporaryDirectory() as folder:
        subprocess.run(
            ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        (archive,) = Path(folder).iterdir()
        sources = _sources(archive, kinds)
    if missing := kinds - sources.keys():
        raise LookupError(f"{PACKAGE} {VERSION} has no {', '.join(sorted(missing))}")
    (provider,) = {version for script, _ in sources.values()
                   for version in re.findall(r"providerVersion: '([^']+)'", script)}  # fmt: skip
    types = {kind: _of(*sources[kind]) for kind in sorted(kinds)}
    return {"package": f"{PACKAGE} {VERSION}", "provider": provider, "types": types}


def _sources(archive: Path, kinds: set[str]) -> dict[str, tuple[str, str]]:
    """Type -> its script and its declarations."""
    scripts: dict[str, str] = {}  # by their folders
    declared: dict[str, str] = {}
    with tarfile.open(archive) as package:
        for member in package:
            folder, _, name = member.name.rpartition("/")
            if name not in ("index.js", "index.d.ts") or not (content := package.extractfile(member)):
                continue
            (scripts if name == "index.js" else declared)[folder] = content.read().decode()
    found = {}
    for folder, script in scripts.items():
        place = folder.rpartition("/")[2]
        for label in re.findall(r"\.tfResourceType = [\"'](\w+)[\"']", script)[:1]:
            prefix = "provider." if place == "provider" else "data." if place.startswith("data-aws-") else ""
            if prefix + label in kinds:
                found[prefix + label] = script, declared[folder]
    return found


def _of(script: str, declared: str) -> Tree:
    (name,) = re.findall(
        r"export declare class (\w+) extends cdktf\.Terraform(?:Resource|DataSource|Provider)", declared
    )
    own = script.partition(f"class {name} extends ")[2]
    (body,) = re.findall(r"(?s)    synthesizeHclAttributes\(\) \{\n(.*?)\n    \}\n", own)
    return _block(body, f"{name}Config", name, script, declared)


def _block(body: str, interface: str, class_: str, script: str, declared: str) -> Tree:
    """What one `attrs = {...}` lists, which the declarations call optional; and what its class reads beside that."""
    (text,) = re.findall(rf"(?s)export interface {interface}\b.*?\{{\n(.*?)\n\}}", declared)
    optional = {}
    for member in text.split("/**")[1:]:
        (name,) = re.findall(r"\{@link [^ #]+#(\w+) ", member)
        optional[name] = re.findall(r"readonly \w+(\??):", member) == ["?"]
    own = script.partition(f"\nclass {class_} extends ")[2].partition("\nclass ")[0]
    read = {one or other for one, other in re.findall(GETTERS, own)}
    tree: Tree = {"arguments": {}, "blocks": {}}
    for name, value, is_block in re.findall(r"\n\s+(\w+): \{\n\s+value: (.+),\n\s+isBlock: (true|false),", body):
        if is_block == "false":
            tree["arguments"][name] = "optional" if optional[name] else "required"
            continue
        (function,) = re.findall(r"(?<![\w.])(\w+)ToHclTerraform", value)
        (inner,) = re.findall(rf"(?s)\nfunction {function}ToHclTerraform\(struct\) \{{\n(.*?)\n\}}", script)
        struct = function[0].upper() + function[1:]
        block = _block(inner, struct, f"{struct}OutputReference", script, declared)
        tree["blocks"][name] = {"required": not optional[name], **block}
    return {**tree, "attributes": sorted(read - tree["arguments"].keys() - tree["blocks"].keys())}


if __name__ == "__main__":
    EXTRACT.write_text(json.dumps(renew(used()), indent=1, sort_keys=True) + "\n", encoding="utf-8")
