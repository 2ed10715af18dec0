"""A store in a bucket of Amazon S3 or of any server that speaks its protocol."""

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit
from uuid import uuid4

from charrec.errors import InputError
from charrec.storage.backoff import retried, waits
from charrec.storage.client import connect, explained
from charrec.storage.disk import told
from charrec.storage.endpoint import NoStore
from charrec.storage.interface import (
    CHUNK,
    KEY,
    Conflict,
    Entry,
    NotFound,
    Seen,
    Unrecorded,
    checked,
    checked_prefix,
    chunks_of,
    corrupt,
    pour,
    settle,
    staged,
    unrecorded,
)

ATTEMPTS = 6  # at a write that meets another one in flight, at a reply that breaks off
REJECTED = (
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
)  # of a conditional write
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class BrokenBody(Exception):
    """A reply broke off."""


class S3Store:
    """Objects carry their SHA-256 and a mark of their writer as metadata. A version is the server's ETag.

    A lost reply to a `create` or `swap` that did happen is recognised by the writer's mark, unless another writer
    has swapped on top by then: that is reported as Conflict, so a document that counts has to keep ids of its own.
    """

    def __init__(self, url: str, endpoint: str | None = None) -> None:
        place = urlsplit(url)
        base = place.path.strip("/")
        possible = BUCKET.fullmatch(place.netloc) and (not base or KEY.fullmatch(base))
        if not possible or place.query or place.fragment:
            raise InputError(
                "an s3:// address with an impossible bucket or prefix",
                "s3://bucket/prefix with nothing else in it",
                "Correct it; credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile.",
            )
        self.bucket, self.base = place.netloc, f"{base}/" if base else ""
        with explained(self.url, ""):
            self.client = connect(endpoint)
        host = urlsplit(self.client.meta.endpoint_url)
        self._named = self.url + (f" --endpoint {endpoint}" if endpoint else "")  # as on a command line
        self.where = f"{self.url} at {host.hostname}" + (f":{host.port}" if host.port else "")

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.base}".rstrip("/")

    def get(self, key: str) -> bytes:
        return self.read(key)[0]

    def read(self, key: str) -> tuple[bytes, str]:
        sink = BytesIO()
        version = self._fetch(key, sink)
        return sink.getvalue(), version

    def put(self, key: str, data: bytes) -> str:
        with explained(self.where, key):
            return self.client.put_object(**self._at(key), Body=data, Metadata=marks(data))["ETag"]

    def create(self, key: str, data: bytes) -> str:
        return self._put_if(key, data, {"IfNoneMatch": "*"}, f"{key} exists already")

    def swap(self, key: str, data: bytes, version: str) -> str:
        conflict = f"{key} has changed or vanished since it was read"
        return self._put_if(key, data, {"IfMatch": version}, conflict)

    def exists(self, key: str) -> bool:
        try:
            self._head(key)
        except NotFound:
            return False
        return True

    def sha256(self, key: str) -> str | None:
        try:
            digest: str | None = self._head(key)["Metadata"].get("sha256")
        except NotFound:
            return None
        if digest is None:
            raise self._unrecorded(key)
        return digest

    def seen(self, key: str, sink: BinaryIO | None = None) -> Seen:
        reply, found = self._streamed(key, sink)
        digest = reply["Metadata"].get("sha256")
        return Seen(found, (digest,) if digest else (), str(reply["ETag"]))

    def record(self, key: str, seen: Seen) -> None:
        from botocore.exceptions import ClientError

        place = self._at(key)
        with explained(self.where, key):
            head = self.client.head_object(**place)
            kept: Any = {name: head[name] for name in ("ContentType", "ContentEncoding") if name in head}
            try:  # an object's metadata changes by a copy onto itself
                self.client.copy_object(
                    **place, **kept,
                    CopySource={"Bucket": self.bucket, "Key": place["Key"]}, CopySourceIfMatch=seen.version,
                    Metadata={**head["Metadata"], "sha256": seen.sha256}, MetadataDirective="REPLACE",
                )  # fmt: skip
            except ClientError as error:
                if status_of(error) == HTTPStatus.PRECONDITION_FAILED:
                    raise Conflict(f"{key} has changed since it was read") from None
                raise

    def list(self, prefix: str = "") -> list[Entry]:
        entries = []
        with explained(self.where, prefix):
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.base + checked_prefix(prefix)):
                now = parsedate_to_datetime(_date(page))
                for item in page.get("Contents", []):
                    key, modified = item["Key"].removeprefix(self.base), item["LastModified"]
                    if KEY.fullmatch(key):  # not a console's empty `folder/`
                        entries.append(Entry(key, item["Size"], modified, (now - modified).total_seconds()))
        return sorted(entries)

    def delete(self, key: str) -> None:
        with explained(self.where, key):
            self.client.delete_object(**self._at(key))

    def upload(self, path: Path, key: str) -> str:
        from boto3.s3.transfer import TransferConfig

        # The other transfer client ignores endpoint_url: boto3 #4839.
        classic = TransferConfig(preferred_transfer_client="classic")
        with path.open("rb") as file, explained(self.where, key):
            metadata = {"sha256": pour(chunks_of(file), None)}
            file.seek(0)
            extra = {"Metadata": metadata}
            self.client.upload_fileobj(file, **self._at(key), ExtraArgs=extra, Config=classic)
        return metadata["sha256"]

    def download(self, key: str, path: Path) -> None:
        with told(path, f"a copy from {self.url}"), staged(path.parent) as file:
            self._fetch(key, file)
            settle(file, path)

    def local(self, key: str, cache: Path) -> Path:
        expected, path = self._head(key)["Metadata"].get("sha256"), cache / checked(key)
        if path.is_file():
            with path.open("rb") as file:
                if pour(chunks_of(file), None) == expected:
                    return path
        self.download(key, path)
        return path

    def _at(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.bucket, "Key": self.base + checked(key)}

    def _head(self, key: str) -> Any:
        with explained(self.where, key):
            return self.client.head_object(**self._at(key))

    def _fetch(self, key: str, sink: BinaryIO) -> str:
        """Copy the object into the sink, verified; returns its version."""
        reply, found = self._streamed(key, sink)
        expected = reply["Metadata"].get("sha256")
        if expected is None:
            raise self._unrecorded(key)
        if found != expected:
            raise corrupt(f"{self.url}/{key}", found, expected)
        return str(reply["ETag"])

    def _streamed(self, key: str, sink: BinaryIO | None) -> tuple[Any, str]:
        """The reply and the SHA-256 of its body. Both come from one request, so no writer can come between."""
        from botocore.exceptions import HTTPClientError, IncompleteReadError

        def streamed() -> tuple[Any, str]:
            reply = self.client.get_object(**self._at(key))
            try:
                return reply, pour(reply["Body"].iter_chunks(CHUNK), sink)
            except (HTTPClientError, IncompleteReadError) as error:
                raise BrokenBody from error

        with explained(self.where, key):
            try:  # boto3 retries no broken body
                return retried(streamed, lambda error: isinstance(error, BrokenBody), pauses())
            except BrokenBody as error:
                raise error.__cause__ or error from None

    def _unrecorded(self, key: str) -> Unrecorded:
        return unrecorded(f"{self.url}/{key}", "", self._named)

    def _put_if(self, key: str, data: bytes, condition: dict[str, Any], conflict: str) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        metadata = marks(data)
        with explained(self.where, key):
            try:
                return self._put_patiently({**self._at(key), **condition, "Body": data, "Metadata": metadata})
            except (ClientError, BotoCoreError) as error:
                # A reply was lost if boto3 sent again and met its own write, or gave up without an answer.
                status = status_of(error)
                lost = status in REJECTED or (status >= 500 and status != HTTPStatus.NOT_IMPLEMENTED)
                if lost and (version := self._version_of(key, metadata)):
                    return version
                if status in REJECTED:
                    raise Conflict(conflict) from None
                raise

    def _put_patiently(self, request: dict[str, Any]) -> str:
        """Put, and again after a 409: another write was in flight, this one may still go."""
        from botocore.exceptions import ClientError

        def in_flight(error: Exception) -> bool:
            return isinstance(error, ClientError) and status_of(error) == HTTPStatus.CONFLICT

        return retried(lambda: self.client.put_object(**request)["ETag"], in_flight, pauses())

    def _version_of(self, key: str, metadata: dict[str, str]) -> str | None:
        """The object's version if this very call wrote it."""
        try:
            head = self._head(key)
        except NotFound:
            return None
        ours = all(head["Metadata"].get(name) == value for name, value in metadata.items())
        return str(head["ETag"]) if ours else None


def _date(page: Any) -> str:
    """The server's own time; ages are told by it."""
    headers: dict[str, str] = page["ResponseMetadata"]["HTTPHeaders"]
    if "date" not in headers:
        raise NoStore("tells no time in its replies (Date)", "an S3 server", "Correct the endpoint.")
    return headers["date"]


def status_of(error: Exception) -> int:
    """The reply's status; 599 where there was none, 400 where it is the bucket that is missing."""
    response: Any = getattr(error, "response", None)
    if not response:
        return 599
    missing = response["Error"]["Code"] == "NoSuchBucket"
    return HTTPStatus.BAD_REQUEST if missing else int(response["ResponseMetadata"]["HTTPStatusCode"])


def marks(data: bytes) -> dict[str, str]:
    """The metadata of one write: what was written, and by which call."""
    return {"sha256": pour([data], None), "writer": uuid4().hex}


def pauses() -> Iterator[float]:
    """Up to 0.1, 0.2, ... 3.2 s, at random, so that rivals part."""
    return waits(0.1, 3.2, tries=ATTEMPTS)
