"""Whether an endpoint and what answers there can be an S3 server at all: told at the first request, in words.

botocore takes a web page for a reply (`KeyError: 'ETag'`, "500" for a 200), follows redirects until the stack ends,
and tries five times where nothing can change. A defect of the address or of the credentials ends the request at once;
what may pass is left to its retries.
"""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.client import BadStatusLine, RemoteDisconnected
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from charrec.errors import InputError

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_s3 import S3Client

PROBE = 5.0  # seconds to find out whether a port speaks TLS, or HTTP
WITH_ETAG = ("GetObject", "HeadObject", "PutObject", "UploadPart")  # every S3 server names the version of an object
PAGES = ("text/html", "text/plain", "application/json")  # an S3 server's refusals are application/xml
REGION = re.compile(r"[A-Za-z0-9-]{1,63}")
BROKEN_OFF = ("EOF", "ZERO_RETURN", "SYSCALL")  # of TLS: the line broke
FOREVER = {
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)
}  # the name server knows of no such name; EAI_AGAIN is an outage of the name server


class NoStore(Exception):
    """What answers at an endpoint is no S3 server, or cannot be spoken to as it is configured."""

    def __init__(self, found: str, expected: str, remedy: str) -> None:
        super().__init__(found)
        self.found, self.expected, self.remedy = found, expected, remedy


def check_endpoint(url: str, named: str) -> None:
    """Raises InputError, without the address, for one that cannot be an endpoint; `named` is where it was given."""
    found = _defect(url)
    if found:
        raise InputError(
            f"an S3 endpoint of another form, {found}, in {named}",
            "http(s)://host:port and nothing else",
            "Correct the endpoint.",
        )


def _defect(url: str) -> str:
    if any(one.isspace() or not one.isprintable() for one in url):
        return "with a blank or a line end in it"
    try:
        parts = urlsplit(url)
        host, scheme, _ = parts.hostname, parts.scheme, parts.port
    except ValueError:
        return "that is no URL"
    if "@" in parts.netloc:
        return "with a user or a password in it"
    if scheme not in ("http", "https"):
        return "without http:// or https:// at its start"
    if not host:
        return "without a host"
    return "with more than a host and a port" if parts.query or parts.fragment else ""


def check_credentials(session: "Session") -> None:
    """Raises InputError for keys and a region that cannot be sent, or that carry what a copied line left on them."""
    from botocore.credentials import RefreshableCredentials

    if session.region_name and not REGION.fullmatch(session.region_name):
        raise InputError(
            "an S3 region of another form",
            "a name such as us-east-1",
            "Correct AWS_DEFAULT_REGION or AWS_REGION, or the region of the AWS configuration.",
        )
    known = session.get_credentials()
    if known is None or isinstance(known, RefreshableCredentials):  # none is botocore's to tell; others are made anew
        return
    values = {"access key": known.access_key, "secret key": known.secret_key, "session token": known.token}
    for name, value in values.items():
        sent = "secret" not in name  # it signs, and is no header
        if value and (value != value.strip() or not value.isprintable() or (sent and not value.isascii())):
            source = "the environment" if known.method == "env" else f"its source ({known.method})"
            raise InputError(
                f"the S3 {name} from {source} has a blank, a line end or another character that no key has",
                "the key alone, without what was copied beside it",
                "Set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN anew, or correct the profile.",
            )


def watch(client: "S3Client") -> None:
    """Have the client judge every reply, and every failure to get one, before botocore does."""
    url = client.meta.endpoint_url
    heard = asked = False  # whether a store has answered; whether the port was asked what it speaks

    def reply(response_dict: dict[str, Any], operation_model: Any, **_: Any) -> None:
        nonlocal heard
        body = response_dict["body"]
        status, headers = response_dict["status_code"], response_dict["headers"]
        judge(operation_model.name, status, headers, body if isinstance(body, bytes) else b"", url)
        heard = True

    def failure(caught_exception: Exception | None, **_: Any) -> None:
        nonlocal asked
        if caught_exception is not None:
            judge_failure(caught_exception, url, heard, ask=not heard and not asked)
            asked = True

    # Handlers of wildcards go first: botocore's own would change the status, follow redirects and repeat.
    client.meta.events.register("before-parse.*.*", reply)
    client.meta.events.register("needs-retry.*.*", failure)


def judge(operation: str, status: int, headers: Mapping[str, str], body: bytes, url: str) -> None:
    """Raises NoStore for a reply that no S3 server gives; a server's errors that may pass are not judged."""
    low = {name.lower(): value for name, value in headers.items()}
    kind = re.sub(r"[^a-z0-9/+.-]", "", low.get("content-type", "").partition(";")[0].lower())[:50]
    amazon = any(name.startswith("x-amz-") and not name.startswith("x-amz-cf-") for name in low)  # cf: any web page's
    if 300 <= status < 400 and status != HTTPStatus.NOT_MODIFIED:
        if "x-amz-bucket-region" not in low and b"<Error" not in body:
            raise _redirect(f"{status},", low.get("location", ""))
        return
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status >= 500 and status != HTTPStatus.NOT_IMPLEMENTED):
        return
    if status < 300:
        strange = operation in WITH_ETAG and "etag" not in low
        strange |= operation == "ListObjectsV2" and b"<ListBucketResult" not in body[:2000] and b"<Error" not in body
        page = kind == "text/html" and not amazon
        strange |= page and (bool(body) or operation in ("GetObject", "HeadObject"))  # moto calls nothing at all so
    elif operation.startswith("Head"):
        strange = kind in PAGES and not amazon
    else:
        strange = b"<Error" not in body and not amazon
    if not strange:
        return
    if status == HTTPStatus.BAD_REQUEST and _wrong_scheme(url):  # nginx and Go say so in a page of their own
        raise wrong_scheme(url)
    raise NoStore(
        f"answers {status} with {kind or 'no content type'}, as no S3 server does",
        "the address of an S3 server",
        "Correct the endpoint: another service answers there, such as a console or a web page. Its S3 port is another.",
    )


def _redirect(how: str, location: str) -> NoStore:
    try:
        parts = urlsplit(location)
        target = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        parts, target = urlsplit(""), ""
    named = target if parts.hostname and target.isprintable() else "elsewhere"
    return NoStore(
        f"answers {how} a redirect to {named[:200]}",
        "an S3 server at the endpoint itself",
        "Set the endpoint to the S3 server's own address, with http or https as it wants it.",
    )


def judge_failure(error: Exception, url: str, heard: bool, ask: bool) -> None:
    """Raises NoStore for a failure that no repetition ends. `ask`: look what the port speaks, if that may explain it.

    `heard`: an S3 server has answered here, so a name that does not resolve is an outage.
    """
    from botocore import exceptions as aws

    chain = list(_causes(error))
    if isinstance(error, aws.ProxyConnectionError):
        if any(isinstance(one, socket.gaierror) and one.errno in FOREVER for one in chain):
            raise NoStore(
                "is asked through a proxy whose host name does not resolve",
                "http://host:port in HTTP_PROXY or HTTPS_PROXY, or the store's host in NO_PROXY",
                "Correct these variables; an S3 client knows no SOCKS.",
            )
        return
    for one in chain:
        if defect := _of_tls(one, url) or _of_http(one, url):
            raise defect
        if isinstance(one, socket.gaierror) and one.errno in FOREVER and not heard:
            raise NoStore(
                f"has a host name that does not resolve ({one.strerror})",
                "the name of an S3 server",
                "Correct the endpoint's host name.",
            )
    if isinstance(error, aws.ConnectionClosedError | aws.SSLError | aws.ReadTimeoutError):
        if ask and _wrong_scheme(url):
            raise wrong_scheme(url)
    elif type(error) is aws.HTTPClientError or not isinstance(error, aws.BotoCoreError):
        inner = next((one for one in chain if type(one) is not aws.HTTPClientError), error)
        if not isinstance(inner, OSError):  # a header or a host name that cannot be sent
            raise NoStore(
                f"cannot be asked: {type(inner).__name__}",
                "an endpoint, a region and credentials that HTTP can carry",
                "Correct them; look for blanks and line ends that were copied with them.",
            )


def _of_tls(one: BaseException, url: str) -> NoStore | None:
    from urllib3.exceptions import SSLError
    from urllib3.util.ssl_match_hostname import CertificateError

    if isinstance(one, ssl.SSLCertVerificationError | CertificateError):
        return NoStore(
            f"has a certificate that cannot be verified ({getattr(one, 'verify_message', None) or one})"[:300],
            "one of a known authority, for this host name",
            "Set AWS_CA_BUNDLE to the certificate of its authority, or correct the endpoint's host name.",
        )
    if isinstance(one, SSLError) and isinstance(one.args[0], FileNotFoundError | IsADirectoryError | PermissionError):
        return NoStore(
            f"cannot be verified: the bundle of certificates cannot be read ({one.args[0].strerror})",
            "the path of a PEM file in AWS_CA_BUNDLE, or none",
            "Correct AWS_CA_BUNDLE.",
        )
    if isinstance(one, ssl.SSLError) and not any(word in str(one) for word in BROKEN_OFF):
        if urlsplit(url).scheme == "https" and _speaks(url, tls=False):
            return wrong_scheme(url)
        return NoStore(
            f"fails to agree on TLS ({one.reason or one.args[-1]})"[:200],
            "a TLS server that this client accepts, and a bundle of certificates in AWS_CA_BUNDLE, if it is set",
            "Correct the endpoint or AWS_CA_BUNDLE.",
        )
    return None


def _of_http(one: BaseException, url: str) -> NoStore | None:
    from urllib3.exceptions import LocationParseError

    if isinstance(one, BadStatusLine) and not isinstance(one, RemoteDisconnected):
        return (
            wrong_scheme(url)
            if _wrong_scheme(url)
            else NoStore(
                "does not speak HTTP", "an S3 server", "Correct the endpoint's port: another service answers there."
            )
        )
    if isinstance(one, TypeError | LocationParseError):  # urllib3 stumbles over a 303, and over a target that is no URL
        return _redirect("with", "")
    return None


def _causes(error: object) -> Iterator[BaseException]:
    """The exception, and all that it wraps: botocore and urllib3 keep them as arguments, causes and contexts."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [*one.args, getattr(one, "kwargs", {}).get("error"), one.__cause__, one.__context__]


def wrong_scheme(url: str) -> NoStore:
    scheme = urlsplit(url).scheme
    other = "http" if scheme == "https" else "https"
    return NoStore(f"speaks {other}, not {scheme}", f"the endpoint as {other}://", f"Write {other}:// in the endpoint.")


def _wrong_scheme(url: str) -> bool:
    return _speaks(url, tls=urlsplit(url).scheme == "http")


def _speaks(url: str, tls: bool) -> bool:
    """Whether the port answers to TLS, or to HTTP without it."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=PROBE) as line:
            if not tls:
                line.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
                return line.recv(5) == b"HTTP/"
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is sent
            with context.wrap_socket(line, server_hostname=parts.hostname):
                return True
    except OSError:  # ssl.SSLError too
        return False
