"""A store in a bucket of Amazon S3 or of any server that speaks its protocol."""

import re
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from charrec.errors import InputError
from charrec.storage.backoff import retried
from charrec.storage.client import connect, explained
from charrec.storage.clock import Clock
from charrec.storage.conditional import marks, pauses, put_if, status_of
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

THERE = (
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,  # an empty object
)  # of a read from a bucket that exists
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
        self._clock = Clock()
        self._there = False  # whether the bucket is known to exist

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
            self._look_for_bucket(key)
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
                if status_of(error) in (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT):
                    raise Conflict(f"{key} has changed since it was read") from None
                raise

    def list(self, prefix: str = "") -> list[Entry]:
        entries = []
        with explained(self.where, prefix):
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.base + checked_prefix(prefix)):
                self._clock.heard(date := _date(page))
                now = parsedate_to_datetime(date)
                for item in page.get("Contents", []):
                    key, modified = item["Key"].removeprefix(self.base), item["LastModified"]
                    if KEY.fullmatch(key):  # not a console's empty `folder/`
                        entries.append(Entry(key, item["Size"], modified, (now - modified).total_seconds()))
        return sorted(entries)

    def now(self) -> float | None:
        return self._clock.now()

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
            self._look_for_bucket(key)
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
            if date := reply["ResponseMetadata"]["HTTPHeaders"].get("date"):
                self._clock.heard(date)
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

    def _put_if(self, key: str, data: bytes, condition: dict[str, str], conflict: str) -> str:
        with explained(self.where, key):
            self._look_for_bucket(key)
            version = put_if(self.client, self._at(key), condition, data)
        if version is None:
            raise Conflict(conflict)
        return version

    def _look_for_bucket(self, key: str) -> None:
        """Before the first write: SeaweedFS makes a bucket that is missing, so a misspelt name would go unseen.

        By a byte of the object, which its writer may read too; the reply to a HEAD does not say what is missing.
        """
        from botocore.exceptions import ClientError

        if self._there:
            return
        try:
            self.client.get_object(**self._at(key), Range="bytes=0-0")["Body"].close()
        except ClientError as error:
            if status_of(error) not in THERE:
                raise
        self._there = True


def _date(page: Any) -> str:
    """The server's own time; ages are told by it."""
    headers: dict[str, str] = page["ResponseMetadata"]["HTTPHeaders"]
    if "date" not in headers:
        raise NoStore("tells no time in its replies (Date)", "an S3 server", "Correct the endpoint.")
    return headers["date"]
