"""IAM as far as the project's policies use it, and what a request to S3 asks for in IAM's words.

The words: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".
"""

import json
from fnmatch import translate
from pathlib import Path
from re import fullmatch
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fault_proxy import Answer, Headers

POLICIES = Path(__file__).parents[2] / "infra" / "terraform" / "aws" / "policies"

# (method, parameters that tell operations apart) of a request for an object -> what it asks for.
OF_OBJECTS = {
    ("HEAD", ()): "s3:GetObject",
    ("GET", ()): "s3:GetObject",
    ("PUT", ()): "s3:PutObject",
    ("DELETE", ()): "s3:DeleteObject",
    ("POST", ("uploads",)): "s3:PutObject",
    ("PUT", ("partNumber", "uploadId")): "s3:PutObject",
    ("POST", ("uploadId",)): "s3:PutObject",
    ("DELETE", ("uploadId",)): "s3:AbortMultipartUpload",
}
LISTING = {"list-type", "prefix", "encoding-type", "continuation-token"}
# Headers that S3 takes without a further permission; x-amz-acl, x-amz-tagging and others would want one.
FREE = {"x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-meta-sha256", "x-amz-meta-writer"}
CHECKSUMS = r"x-amz-(sdk-)?checksum-.*|x-amz-trailer|x-amz-decoded-content-length"


class Ask(NamedTuple):
    """One question to IAM."""

    action: str
    resource: str
    prefix: str | None = None  # s3:prefix, of a listing


class Grant(NamedTuple):
    """One action on one resource for one value of its condition: the smallest part of a policy that can be too much."""

    action: str
    resource: str
    prefix: str | None

    def allows(self, ask: Ask) -> bool:
        return (
            self.action == ask.action
            and like(ask.resource, self.resource)
            and (self.prefix is None or (ask.prefix is not None and like(ask.prefix, self.prefix)))
        )


def like(text: str, pattern: str) -> bool:
    """IAM's wildcards: * is any text, slashes included, ? is one character, brackets are themselves."""
    return fullmatch(translate(pattern.replace("[", "[[]")), text) is not None


def grants(role: str, bucket: str, prefix: str) -> list[Grant]:
    """What the role's policy allows, taken apart. Refuses whatever this evaluator does not know."""
    text = (POLICIES / f"{role}.json").read_text(encoding="utf-8")
    policy = json.loads(text.replace("${bucket}", bucket).replace("${prefix}", prefix))
    assert policy.keys() == {"Version", "Statement"} and policy["Version"] == "2012-10-17"
    return [grant for statement in policy["Statement"] for grant in _parts(statement)]


def _parts(statement: dict[str, Any]) -> list[Grant]:
    assert statement.keys() - {"Sid", "Condition"} == {"Effect", "Action", "Resource"}
    assert statement["Effect"] == "Allow"
    prefixes: list[Any] = [None]
    if condition := statement.get("Condition"):
        assert condition.keys() == {"StringLike"} and condition["StringLike"].keys() == {"s3:prefix"}
        prefixes = _list(condition["StringLike"]["s3:prefix"])
    actions, resources = _list(statement["Action"]), _list(statement["Resource"])
    assert not any("*" in action or "?" in action for action in actions)
    return [Grant(action, resource, prefix) for action in actions for resource in resources for prefix in prefixes]


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def operation(method: str, path: str) -> tuple[str, tuple[str, ...]]:
    """As in OF_OBJECTS."""
    return method, tuple(sorted(parse_qs(urlsplit(path).query, keep_blank_values=True)))


def asked(method: str, path: str, headers: Headers) -> list[Ask]:
    """All that a request has to be allowed. Raises KeyError or AssertionError for one that is not known here."""
    address = urlsplit(path)
    bucket, _, key = unquote(address.path).lstrip("/").partition("/")
    parameters = parse_qs(address.query, keep_blank_values=True)
    names = {name.lower() for name in headers if name.lower().startswith("x-amz-")}
    assert {name for name in names - FREE if not fullmatch(CHECKSUMS, name)} == set(), names
    holder = f"arn:aws:s3:::{bucket}"
    if not key:
        assert method == "GET" and "list-type" in parameters and parameters.keys() <= LISTING, (method, path)
        return [Ask("s3:ListBucket", holder, parameters["prefix"][0])]
    action = OF_OBJECTS[operation(method, path)]
    asks = [Ask(action, f"{holder}/{key}")]
    if action == "s3:GetObject":
        # Who may not list gets 403 for an object that is missing, where the store relies on 404; s3:prefix is the key.
        asks.append(Ask("s3:ListBucket", holder, key))
    if any(name.lower() == "if-match" for name in headers):
        asks.append(Ask("s3:GetObject", f"{holder}/{key}"))  # S3 wants it for a write on this condition
    return asks


def allowed(policy: list[Grant], ask: Ask) -> bool:
    return any(grant.allows(ask) for grant in policy)


class Recorder:
    """What went by, as FaultProxy's `rewrite`. With `refuses_parts` no second part of an upload gets through."""

    def __init__(self) -> None:
        self.asks: set[Ask] = set()
        self.requests: dict[tuple[str, str, tuple[str, ...]], str] = {}  # method, key, parameters -> such a path
        self.operations: set[tuple[str, tuple[str, ...]] | str] = set()  # as in OF_OBJECTS, "list", conditions
        self.on, self.refuses_parts = True, False

    def __call__(self, method: str, path: str, headers: Headers) -> Headers | Answer:
        if self.on:
            self.asks.update(asked(method, path, headers))
            self.requests[method, urlsplit(path).path, operation(method, path)[1]] = path
            self.operations.add("list" if "list-type=" in path else operation(method, path))
            self.operations.update({name.lower() for name in headers} & {"if-match", "if-none-match"})
        if self.refuses_parts and "partNumber=2" in path:
            return 400, b"<Error><Code>InvalidPart</Code><Message>as the test wants it</Message></Error>"
        return headers
