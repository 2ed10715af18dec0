"""The S3 client: its configuration, and its errors in charrec's words. Only this package imports boto3."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from charrec.errors import InputError
from charrec.storage.interface import NotFound

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def connect(endpoint: str | None) -> "S3Client":
    """A client by boto3's ordinary chain: credentials, region and, without `endpoint`, the endpoint too."""
    import boto3
    from botocore.config import Config

    session = boto3.session.Session()

    def client(addressing: Any) -> "S3Client":
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": addressing},
            request_checksum_calculation="when_required",  # older servers choke on CRC trailers, over https only
            response_checksum_validation="when_required",  # every read is checked by SHA-256 here
            retries={"mode": "standard", "total_max_attempts": 5},
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=16,
        )
        return session.client("s3", endpoint_url=endpoint, config=config)

    amazon = client("auto")
    if ".amazonaws." in f"{urlsplit(amazon.meta.endpoint_url).hostname}.":
        return amazon
    return client("path")  # elsewhere a bucket seldom has a host name of its own


@contextmanager
def explained(where: str, key: str) -> Iterator[None]:
    """Turn the client's errors into NotFound, InputError or ConnectionError, which hold nothing of the request."""
    from botocore import exceptions as aws
    from urllib3.exceptions import HTTPError

    try:
        yield
    except aws.ClientError as error:
        status, code = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        if code == "NoSuchUpload":  # also where it is complete, and the reply to that was lost
            raise ConnectionError(f"{where} knows nothing of an upload in parts") from None
        if status == HTTPStatus.NOT_FOUND and code != "NoSuchBucket":
            raise NotFound(key) from None
        raise refusal(where, status, code) from None
    except (aws.HTTPClientError, aws.ConnectionError, aws.IncompleteReadError, HTTPError) as error:
        # HTTPError: botocore lets it through where the body of a refusal breaks off
        raise ConnectionError(f"{where} gave no whole reply: {type(error).__name__}") from None
    except aws.BotoCoreError as error:  # no or half credentials, an unknown profile or region
        raise InputError(
            f"the S3 client cannot use {where}: {type(error).__name__}",
            "credentials and a region in AWS_* variables, a profile or the machine's role",
            "Set them and run again.",
        ) from None


def refusal(where: str, status: int, code: str) -> Exception:
    """The error for a reply that is neither success nor a missing object."""
    if status == HTTPStatus.NOT_IMPLEMENTED:
        return InputError(
            f"{where} answers {status} {code}",
            "an S3 server with conditional writes (If-Match, If-None-Match)",
            "Use another server, or a folder as the store.",
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        return ConnectionError(f"{where} answers {status} {code}, retries included")
    return InputError(
        f"{where} answers {status} {code}",
        "a bucket that exists and may be read, written and listed",
        "Correct the bucket, the credentials, the region or the endpoint.",
    )
