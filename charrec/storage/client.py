"""The S3 client: its configuration, and its errors in charrec's words. Only this package imports boto3."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from charrec.errors import InputError
from charrec.storage.endpoint import NoStore, check_credentials, check_endpoint, watch
from charrec.storage.interface import NotFound

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from mypy_boto3_s3 import S3Client

SETTINGS = "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or the AWS configuration"
SECRET = "Correct AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the profile."
CREDENTIALS = {
    "InvalidAccessKeyId": "Correct AWS_ACCESS_KEY_ID or the profile, or the endpoint: the key may be another server's.",
    "SignatureDoesNotMatch": "Correct AWS_SECRET_ACCESS_KEY or the profile; it does not belong to the access key.",
    "InvalidToken": SECRET,
    "InvalidClientTokenId": SECRET,
    "ExpiredToken": "Renew the session's credentials, as with `aws sso login`.",
    "TokenRefreshRequired": "Renew the session's credentials, as with `aws sso login`.",
    "RequestTimeTooSkewed": "Set this machine's clock: requests are signed with the time.",
}


@cache
def _loader(path: str | None) -> "Loader":
    """One for all clients: reading Amazon's descriptions of its services takes 60 ms of a core each time."""
    from botocore.loaders import create_loader

    return create_loader(path)


def connect(endpoint: str | None) -> "S3Client":
    """A client by boto3's ordinary chain: credentials, region and, without `endpoint`, the endpoint too."""
    import boto3
    import botocore.session
    from botocore.config import Config

    settings = botocore.session.get_session()
    settings.register_component("data_loader", _loader(settings.get_config_variable("data_path")))
    session = boto3.session.Session(botocore_session=settings)
    check_credentials(session)
    if endpoint:
        check_endpoint(endpoint, "--endpoint or CHARREC_ENDPOINT")

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
        try:
            made = session.client("s3", endpoint_url=endpoint, config=config)
        except ValueError:  # its words repeat the address, which may hold a password
            raise InputError(
                "an S3 endpoint that is no URL, in " + ("--endpoint or CHARREC_ENDPOINT" if endpoint else SETTINGS),
                "http(s)://host:port and nothing else",
                "Correct the endpoint.",
            ) from None
        if not endpoint:
            check_endpoint(made.meta.endpoint_url, SETTINGS)
        return made

    chosen = client("auto")
    if ".amazonaws." not in f"{urlsplit(chosen.meta.endpoint_url).hostname}.":
        chosen = client("path")  # elsewhere a bucket seldom has a host name of its own
    watch(chosen)
    return chosen


@contextmanager
def explained(where: str, key: str) -> Iterator[None]:
    """Turn the client's errors into NotFound, InputError or ConnectionError, which hold nothing of the request."""
    from botocore import exceptions as aws
    from urllib3.exceptions import HTTPError

    try:
        yield
    except NoStore as wrong:
        raise InputError(f"{where} {wrong.found}", wrong.expected, wrong.remedy) from None
    except aws.ClientError as error:
        status, code = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        if code == "NoSuchUpload":  # also where it is complete, and the reply to that was lost
            raise ConnectionError(f"{where} knows nothing of an upload in parts") from None
        if status == HTTPStatus.NOT_FOUND and code != "NoSuchBucket":
            raise NotFound(key) from None
        raise refusal(where, status, code) from None
    except (aws.HTTPClientError, aws.ConnectionError, aws.IncompleteReadError, HTTPError) as error:
        # HTTPError: botocore lets it through where the body of a refusal breaks off
        raise ConnectionError(f"{where} gave no whole reply: {_name(error)}") from None
    except aws.BotoCoreError as error:  # no or half credentials, an unknown profile or region
        raise InputError(
            f"the S3 client cannot use {where}: {type(error).__name__}",
            "credentials and a region in AWS_* variables, a profile or the machine's role",
            "Set them and run again.",
        ) from None


def _name(error: Exception) -> str:
    """The kind of failure, and what it may be due to."""
    name = type(error).__name__
    if name == "ProxyConnectionError":
        return f"{name}, from the proxy that HTTP_PROXY or HTTPS_PROXY names"
    unresolved = "Failed to resolve" in str(error.__context__)  # urllib3's NameResolutionError
    return name + (", since its host name does not resolve now" if unresolved else "")


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
    if code in CREDENTIALS:
        return InputError(f"{where} answers {status} {code}", "credentials that it knows", CREDENTIALS[code])
    return InputError(
        f"{where} answers {status} {code}",
        "a bucket that exists and may be read, written and listed",
        "Correct the bucket, the credentials, the region or the endpoint.",
    )
