"""An account whose IAM is asked before every request: moto's, with roles that have the project's policies.

moto knows actions, resources and denials; of conditions it knows those of trust policies alone, and takes any other for
one that does not hold. So a role here may list the whole bucket; tests/infra/iam.py has the conditions.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.infra.iam import POLICIES, operation

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
]})  # fmt: skip
DENIED = ("AccessDenied", "403")  # the second for HEAD, which has no body


def policy(role: str, bucket: str, prefix: str) -> str:
    """The role's, but for its conditions."""
    text = (POLICIES / f"{role}.json").read_text(encoding="utf-8")
    document = json.loads(text.replace("${bucket}", bucket).replace("${prefix}", prefix))
    for statement in document["Statement"]:
        statement.pop("Condition", None)
    return json.dumps(document)


@contextmanager
def enforced(endpoint: str, policies: dict[str, str]) -> Iterator[dict[str, "S3Client"]]:
    """A client of each role, which may do what its policy says; until the end, moto asks IAM."""
    admin = boto3.session.Session("test", "test", region_name="us-east-1")
    iam, sts = admin.client("iam", endpoint_url=endpoint), admin.client("sts", endpoint_url=endpoint)
    clients = {}
    for name, document in policies.items():
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="store", PolicyDocument=document)
        given = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        session = boto3.session.Session(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name="us-east-1"
        )
        once = Config(retries={"total_max_attempts": 1})
        clients[name] = session.client("s3", endpoint_url=endpoint, config=once)
    _requests_without_iam(endpoint, "0")
    try:
        yield clients
    finally:
        _requests_without_iam(endpoint, "inf")


def _requests_without_iam(endpoint: str, number: str) -> None:
    """What `set_initial_no_auth_action_count` asks of a server."""
    request = Request(f"{endpoint}/moto-api/reset-auth", number.encode(), {"Content-Type": "text/plain"})
    with build_opener(ProxyHandler({})).open(request) as answer:
        assert answer.status == 200


def permitted(client: "S3Client", method: str, path: str) -> bool:
    """Whether IAM lets a request of this kind pass, for this key; what the store says then does not matter."""
    address = urlsplit(path)
    bucket, _, key = unquote(address.path).lstrip("/").partition("/")
    if not key:
        prefix = parse_qs(address.query, keep_blank_values=True)["prefix"][0]
        return passes(lambda: client.list_objects_v2(Bucket=bucket, Prefix=prefix))
    of, part = {"Bucket": bucket, "Key": key}, {"PartNumber": 1, "ETag": "0"}
    calls: dict[tuple[str, tuple[str, ...]], Callable[[], Any]] = {
        ("HEAD", ()): lambda: client.head_object(**of),
        ("GET", ()): lambda: client.get_object(**of),
        ("PUT", ()): lambda: client.put_object(**of, Body=b"x"),
        ("DELETE", ()): lambda: client.delete_object(**of),
        ("POST", ("uploads",)): lambda: client.create_multipart_upload(**of),
        ("PUT", ("partNumber", "uploadId")): lambda: client.upload_part(**of, PartNumber=1, UploadId="0", Body=b"x"),
        ("POST", ("uploadId",)): lambda: client.complete_multipart_upload(
            **of, UploadId="0", MultipartUpload={"Parts": [part]}  # type: ignore[list-item]
        ),
        ("DELETE", ("uploadId",)): lambda: client.abort_multipart_upload(**of, UploadId="0"),
    }  # fmt: skip
    return passes(calls[operation(method, path)])


def passes(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"] not in DENIED
    return True
