"""A conditional write to a bucket, and what came of it: the servers' replies differ, and a reply may be lost."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from charrec.storage.backoff import retried, waits
from charrec.storage.interface import pour

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ATTEMPTS = 6  # at a write that meets another one in flight, at a reply that breaks off
REJECTED = (
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
)  # of a conditional write

Place = dict[str, Any]  # bucket and key, as the client calls them


def put_if(client: "S3Client", place: Place, condition: dict[str, str], data: bytes) -> str | None:
    """Write if the condition (IfMatch or IfNoneMatch) holds; returns the version, None where it does not hold.

    Raises ConnectionError where a write met others in flight at every try.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    metadata = marks(data)

    def put() -> str:
        return client.put_object(**place, **condition, Body=data, Metadata=metadata)["ETag"]  # type: ignore[arg-type]

    def in_flight(error: Exception) -> bool:
        """Another write was in flight, and this one may still go. Some servers say 409 where the condition fails."""
        return status_of(error) == HTTPStatus.CONFLICT and _etag(_head(client, place)) == condition.get("IfMatch")

    try:
        return retried(put, in_flight, pauses())
    except (ClientError, BotoCoreError) as error:
        # A reply was lost if boto3 sent again and met its own write, or gave up without an answer.
        status = status_of(error)
        lost = status in REJECTED or (status >= 500 and status != HTTPStatus.NOT_IMPLEMENTED)
        head = _head(client, place) if lost else None
        if head and all(head["Metadata"].get(name) == value for name, value in metadata.items()):
            return str(head["ETag"])  # this very call wrote it
        if status == HTTPStatus.CONFLICT and _etag(head) == condition.get("IfMatch"):
            # This write, or the one that it met, may still land: whoever took it for refused would be wrong.
            raise ConnectionError(f"{place['Key']} was answered 409, though its condition holds") from None
        if status in REJECTED:
            return None
        raise


def _etag(head: Any) -> str | None:
    return str(head["ETag"]) if head else None


def _head(client: "S3Client", place: Place) -> Any:
    """None where there is no such object."""
    from botocore.exceptions import ClientError

    try:
        return client.head_object(**place)
    except ClientError as error:
        if status_of(error) == HTTPStatus.NOT_FOUND:
            return None
        raise


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
