"""What is known of other S3 servers, played by a proxy before a real one."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from charrec.storage import NotFound
from charrec.storage.s3 import S3Store
from tests.fault_proxy import Answer, FaultProxy, Headers, as_it_came, unchanged
from tests.s3_server import KEYS
from tests.storage.little_server import self_signed

Rewrite = Callable[[str, str, Headers], Headers | Answer]
CONDITIONS = ("If-Match", "If-None-Match")


class StandIn(NamedTuple):
    """A server that serves charrec, although it does something in its own way."""

    rewrite: Rewrite = unchanged
    reword: Callable[[bytes], bytes] = as_it_came
    tls: bool = False


class Signature(SigV4Auth):  # type: ignore[misc]
    """Of a request whose body, and the hash of it, stay as they were."""

    def _normalize_url_path(self, path: str) -> str:
        return path


def signed_again(method: str, path: str, headers: Headers) -> Headers:
    """With a new signature for the real server: the one that came covers the headers that a stand-in takes away."""
    given = re.search("SignedHeaders=([^,]+)", headers["Authorization"])
    assert given
    names = given[1].split(";")
    signed = {name: value for name, value in headers.items() if name.lower() in names}
    request = AWSRequest(method, f"http://{headers['Host']}{path}", headers=signed)
    Signature(Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"]), "s3", "us-east-1").add_auth(
        request
    )
    return headers | {name: str(request.headers[name]) for name in ("Authorization", "X-Amz-Date")}


def refusal(status: int, code: str) -> Answer:
    return status, f"<Error><Code>{code}</Code></Error>".encode()


def ignoring(*names: str) -> Rewrite:
    """These headers are not looked at."""

    def rewrite(method: str, path: str, headers: Headers) -> Headers:
        kept = {name: value for name, value in headers.items() if name not in names}
        return headers if kept == headers else signed_again(method, path, kept)

    return rewrite


def answering(name: str, status: int, code: str) -> Rewrite:
    """What such a server says to every request with this header."""
    return lambda method, path, headers: refusal(status, code) if name in headers else headers


def looking_first(bucket: S3Store) -> Rewrite:
    """The condition holds for a moment, and the write comes later: two writers may see the same."""

    def rewrite(method: str, path: str, headers: Headers) -> Headers | Answer:
        if not any(name in headers for name in CONDITIONS):
            return headers
        try:
            found = bucket.read(urlsplit(path).path.split("/", 3)[3])[1]
        except NotFound:
            found = None
        if found != headers.get("If-Match"):
            return refusal(412, "PreconditionFailed")
        return ignoring(*CONDITIONS)(method, path, headers)

    return rewrite


def chunked(headers: Headers) -> bool:
    low = {name.lower(): value.lower() for name, value in headers.items()}
    return "x-amz-trailer" in low or "chunked" in low.get("transfer-encoding", "") + low.get("content-encoding", "")


def ignoring_if_chunked(method: str, path: str, headers: Headers) -> Headers | Answer:
    return ignoring(*CONDITIONS)(method, path, headers) if chunked(headers) else headers


def without_trailers(_method: str, _path: str, headers: Headers) -> Headers | Answer:
    return refusal(501, "NotImplemented") if chunked(headers) else headers


def taking_no_quotes(method: str, path: str, headers: Headers) -> Headers | Answer:
    """ETags are compared as they were told, without quotes."""
    for name in ("If-Match", "x-amz-copy-source-if-match"):
        if '"' in headers.get(name, ""):
            return refusal(412, "PreconditionFailed")
        if name in headers:
            headers = signed_again(method, path, {**headers, name: f'"{headers[name]}"'})
    return headers


def telling_no_quotes(head: bytes) -> bytes:
    return re.sub(rb'(?im)^(etag: )"([^"]*)"', rb"\1\2", head)


def telling_409(head: bytes) -> bytes:
    return head.replace(b"HTTP/1.1 412 Precondition Failed", b"HTTP/1.1 409 Conflict")


SERVE: dict[str, StandIn] = {
    "ETags without quotes": StandIn(taking_no_quotes, telling_no_quotes),
    "409 for 412": StandIn(reword=telling_409),
    "no trailers": StandIn(without_trailers, tls=True),
    "conditions ignored where chunked": StandIn(ignoring_if_chunked, tls=True),
}


@contextmanager
def playing(name: str, server: str, folder: Path) -> Iterator[FaultProxy]:
    """The stand-in before the server; the folder gets the certificate that it may have."""
    rewrite, reword, tls = SERVE[name]
    certificate = self_signed(folder) if tls else None
    with pytest.MonkeyPatch.context() as patch:
        if certificate:
            patch.setenv("AWS_CA_BUNDLE", str(certificate))
        with FaultProxy(server, 0, {}, rewrite=rewrite, reword=reword, certificate=certificate) as proxy:
            yield proxy
