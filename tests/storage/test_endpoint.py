"""An endpoint that is no S3 server, or not as configured, is told by name at the first request and never waited for."""

import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from charrec.errors import InputError
from charrec.storage import Store, open_store
from charrec.storage.client import CREDENTIALS
from charrec.storage.patience import PatientStore
from tests.s3_server import use_test_credentials
from tests.storage.little_server import Reply, greeting, self_signed, serving

HTML = {"Content-Type": "text/html; charset=utf-8"}
JSON = {"Content-Type": "application/json"}
LIST = b'<?xml version="1.0"?><ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>'
ACTS: dict[str, Callable[[Store], Any]] = {
    "get": lambda store: store.get("a"),
    "list": lambda store: store.list(),
    "create": lambda store: store.create("a", b"1"),
    "upload": lambda store: store.upload(Path(__file__), "a"),
    "sha256": lambda store: store.sha256("a"),
}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """To sleep before another try is an error: a wrong address does not become right."""

    def never(seconds: float) -> None:
        raise AssertionError(f"it waits {seconds} s")

    use_test_credentials(monkeypatch)
    monkeypatch.setattr("charrec.storage.patience.waits", lambda *_, **__: [-1.0])  # to sleep so long is an error
    monkeypatch.setattr("botocore.endpoint.time.sleep", never)


def refused(endpoint: str, says: str, acts: Iterable[str] = ACTS) -> list[InputError]:
    """What each act of a store there raises."""
    store, errors = PatientStore(open_store("s3://bucket/a", endpoint=endpoint), seconds=900), []
    for name in acts:
        with pytest.raises(InputError, match=f"^s3://bucket/a at 127.0.0.1:[0-9]+ {says}") as caught:
            ACTS[name](store)
        assert caught.value.__suppress_context__, name
        errors.append(caught.value)
    return errors


def always(status: int, headers: dict[str, str], body: bytes) -> Callable[[str, str], Reply]:
    return lambda method, path: (status, headers, body)


def console(method: str, path: str) -> Reply:
    """A page for whatever is asked, and nothing to be written."""
    return (200 if method in ("GET", "HEAD") else 405), HTML, b"<!doctype html><title>Console</title>"


SERVICES = {
    "a console": (console, r"answers (200|405) with text/html, as no S3 server does"),
    "a page for everything": (always(200, HTML, b"<html>"), "answers 200 with text/html, as no"),
    "a page with a version": (always(200, {**HTML, "ETag": '"1"'}, b"<html>"), "answers 200 with text/html, as no"),
    "a page behind CloudFront": (
        always(403, {**HTML, "X-Amz-Cf-Id": "1"}, b"<html>"), "answers 403 with text/html, as no",
    ),
    "an interface in JSON": (always(404, JSON, b'{"detail":"Not Found"}'), "answers 404 with application/json, as no"),
    "a success in JSON": (always(200, JSON, b"{}"), "answers 200 with application/json, as no"),
    "plain text": (always(404, {"Content-Type": "text/plain"}, b"404 page not found"), "answers 404 with text/plain"),
    "a server of files": (always(501, HTML, b"<html>Unsupported"), "answers 501 with text/html, as no"),
    "nothing at all": (always(204, {}, b""), "answers 204 with no content type, as no"),
}  # fmt: skip


@pytest.mark.parametrize("what", SERVICES)
def test_another_service_is_no_store(what: str) -> None:
    reply, says = SERVICES[what]
    with serving(reply) as endpoint:
        errors = refused(endpoint, says)
    assert all(each.remedy.startswith("Correct the endpoint: another service answers there") for each in errors)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_told_with_its_target_and_without_secrets(status: int) -> None:
    headers = {"Location": "https://user:hunter2@login.example.org:8443/sign-in?token=hunter2"}
    with serving(always(status, headers, b"")) as endpoint:
        errors = refused(endpoint, f"answers {status}, a redirect to https://login.example.org:8443; expected")
    assert all("hunter2" not in str(each) and "own address" in each.remedy for each in errors)


@pytest.mark.parametrize("target", ["", "/login", "https://[broken", "http://a\x1b[31m.example.org"])
def test_a_redirect_to_anywhere_is_one(target: str) -> None:
    with serving(always(302, {"Location": target} if target else {}, b"")) as endpoint:
        errors = refused(endpoint, "answers (302,|with) a redirect to ")
    assert all(str(each).isprintable() for each in errors)


def test_a_redirect_that_changes_the_method_is_one_too() -> None:
    with serving(always(303, {"Location": "/login"}, b"")) as endpoint:
        refused(endpoint, "answers (303,|with) a redirect to elsewhere")


def test_a_server_that_may_come_back_is_waited_for() -> None:
    """What a balancer says while the servers behind it are away."""
    for status in (429, 500, 502, 503, 504):
        with (
            serving(always(status, HTML, b"<html>")) as endpoint,
            pytest.raises((ConnectionError, AssertionError), match=f"answers {status}|it waits"),
        ):
            open_store("s3://bucket/a", endpoint=endpoint).get("a")


def test_a_certificate_that_nobody_knows_is_told(tmp_path: Path) -> None:
    with serving(always(200, {}, LIST), self_signed(tmp_path)) as endpoint:
        errors = refused(endpoint, r"has a certificate that cannot be verified \(self-signed certificate\)")
    assert all("AWS_CA_BUNDLE" in each.remedy for each in errors)


def test_its_remedy_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with serving(always(200, {}, LIST), certificate) as endpoint:
        assert open_store("s3://bucket/a", endpoint=endpoint).list() == []


def test_a_certificate_of_another_host_or_of_yesterday_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for options, says in (
        ({"address": "127.0.0.2"}, "hostname '127.0.0.1' doesn't match"),
        ({"ended": True}, "certificate has exp"),
    ):
        certificate = self_signed(tmp_path, **options)  # type: ignore[arg-type]
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        with serving(always(200, {}, LIST), certificate) as endpoint:
            refused(endpoint, rf"has a certificate that cannot be verified \({says}")


@pytest.mark.parametrize("bundle", ["missing.pem", ".", "text.pem"])
def test_certificates_that_cannot_be_read_are_told(
    bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.pem").write_text("no certificate")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / bundle))
    with serving(always(200, {}, LIST), self_signed(tmp_path)) as endpoint:
        assert all("AWS_CA_BUNDLE" in each.remedy for each in refused(endpoint, ""))


def test_https_at_an_http_port_is_told() -> None:
    with serving(always(200, {}, LIST)) as endpoint:
        errors = refused(endpoint.replace("http:", "https:"), "speaks http, not https")
    assert {each.remedy for each in errors} == {"Write http:// in the endpoint."}


def test_http_at_an_https_port_is_told(tmp_path: Path) -> None:
    with serving(always(200, {}, LIST), self_signed(tmp_path)) as endpoint:
        errors = refused(endpoint.replace("https:", "http:"), "speaks https, not http")
    assert {each.remedy for each in errors} == {"Write https:// in the endpoint."}


@pytest.mark.parametrize("words", [b"SSH-2.0-OpenSSH_9.2\r\n", b"-ERR unknown command\r\n", b"220 mail ESMTP\r\n"])
def test_another_protocol_is_told(words: bytes) -> None:
    with greeting(words) as endpoint:
        refused(endpoint, "does not speak HTTP", ["get", "list", "sha256"])  # what a store is asked first


def resolve_with(error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(error, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", fail)


def test_a_name_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_with(socket.EAI_NONAME, monkeypatch)
    store = PatientStore(open_store("s3://bucket/a", endpoint="http://minio.example.org:9000"), seconds=900)
    with pytest.raises(InputError, match="at minio.example.org:9000 has a host name that does not resolve"):
        store.get("a")


def test_a_name_server_that_is_away_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_with(socket.EAI_AGAIN, monkeypatch)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    with pytest.raises(ConnectionError, match="since its host name does not resolve now"):
        open_store("s3://bucket/a", endpoint="http://minio.example.org:9000").get("a")


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("localhost:9000", "without http:// or https:// at its start"),
        ("127.0.0.1:9000", "without http:// or https:// at its start"),
        ("minio", "without http:// or https:// at its start"),
        ("ftp://host", "without http:// or https:// at its start"),
        ("http://", "without a host"),
        ("http://:9000", "without a host"),
        ("http://host:port", "that is no URL"),
        ("http://host:99999", "that is no URL"),
        ("http://[::1", "that is no URL"),
        ("http://host:9000\n", "with a blank or a line end in it"),
        (" http://host:9000", "with a blank or a line end in it"),
        ("http://user:hunter2@host", "with a user or a password in it"),
        ("http://host:9000/?key=hunter2", "with more than a host and a port"),
        ("http://ho_st!:9000", ""),
    ],
)
@pytest.mark.parametrize("source", ["--endpoint", "AWS_ENDPOINT_URL_S3"])
def test_an_address_of_another_form_is_told_without_repeating_it(
    source: str, endpoint: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source != "--endpoint":
        monkeypatch.setenv(source, endpoint)
    with pytest.raises(InputError, match="an S3 endpoint ") as caught:
        open_store("s3://bucket/a", endpoint=endpoint if source == "--endpoint" else None)
    assert source in str(caught.value)
    assert says in str(caught.value) or "that is no URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


KEYS = {"AWS_ACCESS_KEY_ID": "access key", "AWS_SECRET_ACCESS_KEY": "secret key", "AWS_SESSION_TOKEN": "session token"}


@pytest.mark.parametrize("left", ["hunter2\n", " hunter2", "hunter2\r", "hun\tter2", "hun\x00ter2"])
@pytest.mark.parametrize("name", KEYS)
def test_a_key_with_what_was_copied_beside_it_is_told_and_not_repeated(
    name: str, left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "\x00" in left:  # no environment holds one; a file of credentials does
        file = tmp_path / "credentials"
        file.write_text("[default]\n" + "".join(f"{key.lower()} = {left}\n" for key in KEYS))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
        for key in KEYS:
            monkeypatch.delenv(key, raising=False)
    else:
        monkeypatch.setenv(name, left)
    with pytest.raises(InputError, match="the S3 .* has a blank, a line end") as caught:
        open_store("s3://bucket/a", endpoint="http://127.0.0.1:9")
    assert "hunter2" not in str(caught.value)
    assert "\x00" in left or f"the S3 {KEYS[name]} from the environment" in str(caught.value)


@pytest.mark.parametrize("region", ["us-east-1\n", "über", "us east", "x" * 64])
def test_a_region_of_another_form_is_told(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    with pytest.raises(InputError, match="^an S3 region of another form; expected a name such as us-east-1"):
        open_store("s3://bucket/a", endpoint="http://127.0.0.1:9")


@pytest.mark.parametrize("code", CREDENTIALS)
def test_credentials_that_a_server_refuses_are_told_as_such(code: str) -> None:
    refusal = f"<Error><Code>{code}</Code><Message>hunter2</Message></Error>".encode()
    with serving(always(403, {"Content-Type": "application/xml"}, refusal)) as endpoint:
        errors = refused(endpoint, f"answers 403 {code}; expected credentials that it knows", ["get", "list", "create"])
    assert {each.remedy for each in errors} == {CREDENTIALS[code]}
    assert not any("hunter2" in str(each) for each in errors)


def test_a_proxy_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_with(socket.EAI_NONAME, monkeypatch)
    for name in ("http_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(InputError, match="at minio.example.org:9000 is asked through a proxy whose host name does not"):
        open_store("s3://bucket/a", endpoint="http://minio.example.org:9000").get("a")
