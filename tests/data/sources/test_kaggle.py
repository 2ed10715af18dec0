"""The real Kaggle client against a loopback server that speaks its protocol: complete archives or nothing."""

import base64
import io
import json
import logging
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import pytest
from kaggle_server import KEY, SIGNATURE, TOKEN, USERNAME, Kaggle, etag, serve

from charrec.data.sources.kaggle import Download, credentials_found, download
from charrec.errors import InputError
from charrec.storage import DiskError
from tests.processes import eventually
from tests.small_disk import small_disk
from tests.toy import ROOT


def archive(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr("glyphs.bin", content)
    return target.getvalue()


OLD, NEW = archive(b"old" * 1000), archive(b"new" * 1000)
CORRUPT = NEW.replace(b"new", b"NEW")  # no longer matches its CRC


class Clock:
    """A fake clock; sleeping advances it without waiting."""

    def __init__(self) -> None:
        self.time, self.slept = 1_700_000_000.0, list[float]()

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class Desk:
    """One user's machine: a home folder, a cache, a clock."""

    def __init__(self, kaggle: Kaggle, folder: Path) -> None:
        self.kaggle, self.home, self.cache, self.clock = kaggle, folder / "home", folder / "cache", Clock()
        self.home.mkdir()
        self.environ = kaggle.environ(self.home)

    def download(self, dataset: str = "owner/fonts", **more: Any) -> Download:
        defaults = {"environ": self.environ, "sleep": self.clock.sleep, "now": self.clock.now}
        return download(dataset, self.cache, **defaults | more)

    def files(self) -> list[str]:
        """The files in the cache, except the lock."""
        paths = [path for path in self.cache.rglob("*") if path.is_file() and path.name != ".lock"]
        return sorted(path.relative_to(self.cache).as_posix() for path in paths)


@pytest.fixture
def kaggle() -> Iterator[Kaggle]:
    with serve(Kaggle({"owner/fonts/2": OLD, "owner/fonts/3": NEW})) as server:
        yield server


@pytest.fixture
def desk(
    kaggle: Kaggle, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    """Checks after every test that no secret was logged and nothing printed."""
    caplog.set_level(logging.DEBUG)
    yield Desk(kaggle, tmp_path)
    hold_no_secret(caplog.text)
    assert capfd.readouterr() == ("", "")


def hold_no_secret(text: str) -> None:
    for secret in (KEY, TOKEN, SIGNATURE, base64.b64encode(f"{USERNAME}:{KEY}".encode()).decode()):
        assert secret not in text


CACHED = ["kaggle/owner/fonts/3/fonts.zip", "kaggle/owner/fonts/3/manifest.json"]


def test_the_current_version_is_fetched_once_and_recorded(desk: Desk) -> None:
    got = desk.download()
    assert got.path.read_bytes() == NEW
    assert (got.dataset, got.version, got.licence) == ("owner/fonts", 3, "CC0-1.0, other")
    assert got.sha256 == sha256(NEW).hexdigest()
    assert desk.files() == CACHED
    manifest = (got.path.parent / "manifest.json").read_text()
    hold_no_secret(manifest)
    assert json.loads(manifest) == {
        "file": "fonts.zip",
        "bytes": len(NEW),
        "sha256": got.sha256,
        "dataset": "owner/fonts",
        "version": 3,
        "licence": "CC0-1.0, other",
        "source": "https://www.kaggle.com/datasets/owner/fonts/versions/3",
        "fetched": "2023-11-14T22:13:20+00:00",
        "client": "kaggle 2.2.4",
    }
    asked = len(desk.kaggle.requests)
    assert desk.download(environ={}) == desk.download("owner/fonts/3", environ={}) == got
    assert len(desk.kaggle.requests) == asked


def test_a_pinned_version_is_downloaded_and_later_reused_without_the_pin(desk: Desk) -> None:
    pinned = desk.download("owner/fonts/2")
    assert (pinned.version, pinned.path.read_bytes()) == (2, OLD)
    assert [request.body["datasetVersionNumber"] for request in desk.kaggle.asked("DownloadDataset")] == [2]
    assert desk.download(environ={}) == pinned  # though Kaggle has version 3


def test_current_downloads_the_newest_version_once(desk: Desk) -> None:
    desk.download("owner/fonts/2")
    got = desk.download(current=True)
    assert (got.version, got.path.read_bytes()) == (3, NEW)
    assert desk.download(current=True) == got
    assert len(desk.kaggle.asked("DownloadDataset")) == 2
    assert desk.download("owner/fonts/2", current=True).version == 2  # a pin is a pin


def test_a_withdrawn_version_is_no_longer_the_current_one(desk: Desk) -> None:
    desk.download()
    desk.kaggle.archives.pop("owner/fonts/3")
    assert desk.download(current=True).version == 2
    assert desk.download(environ={}).version == 3


@pytest.mark.parametrize("name", ["fonts.zip", "manifest.json"])
def test_a_damaged_copy_is_downloaded_again_in_the_same_version(name: str, desk: Desk) -> None:
    folder = desk.cache / "kaggle" / "owner" / "fonts" / "2"
    folder.mkdir(parents=True)
    manifest = {"file": "fonts.zip", "sha256": sha256(OLD).hexdigest(), "licence": ""}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "fonts.zip").write_bytes(OLD)
    assert desk.download(environ={}).version == 2
    (folder / name).write_bytes(b"damaged")
    assert desk.download().path.read_bytes() == OLD
    assert [request.body["datasetVersionNumber"] for request in desk.kaggle.asked("DownloadDataset")] == [2]


def test_a_transfer_that_breaks_off_is_completed_from_where_it_broke(desk: Desk) -> None:
    """The client writes whole MiB, so what it has of the second is asked for again."""
    desk.kaggle.archives["owner/fonts/3"] = large = archive(bytes(2 << 20))
    desk.kaggle.cuts = [3 << 19]
    assert desk.download().path.read_bytes() == large
    first, again, rest = desk.kaggle.asked("bucket")  # the client asks for all, looks at the ETag, asks for the rest
    assert "Range" not in first.headers and "Range" not in again.headers
    assert rest.headers["Range"] == f"bytes={1 << 20}-"
    assert desk.files() == CACHED


def staged(desk: Desk, part_of: bytes) -> Path:
    """1,000 bytes of an archive and the client's note of it, as a killed process leaves them."""
    part = desk.cache / "kaggle" / "owner" / "fonts" / ".staging" / "3" / "fonts.zip"
    part.parent.mkdir(parents=True)
    part.write_bytes(part_of[:1000])
    note = {"validator": etag(part_of), "size": len(part_of)}
    part.with_name("fonts.zip.kaggle-partial").write_text(json.dumps(note))
    return part


@pytest.mark.parametrize(("part_of", "ranges"), [(NEW, ["bytes=1000-"]), (OLD, [])])
def test_a_partial_download_is_resumed_if_the_file_is_unchanged(part_of: bytes, ranges: list[str], desk: Desk) -> None:
    staged(desk, part_of)
    assert desk.download().path.read_bytes() == NEW
    asked = [request.headers["Range"] for request in desk.kaggle.asked("bucket") if "Range" in request.headers]
    assert asked == ranges
    assert desk.files() == CACHED


@pytest.mark.parametrize("status", [400, 403, 404])
@pytest.mark.parametrize("served", [0, 1])
def test_a_link_that_has_expired_is_asked_for_anew_and_the_part_stays(served: int, status: int, desk: Desk) -> None:
    """At the first request for the archive, or at the next, which is for the rest of it."""
    staged(desk, NEW)
    desk.kaggle.expired = [0] * served + [status]
    assert desk.download().path.read_bytes() == NEW
    ranges = [request.headers["Range"] for request in desk.kaggle.asked("bucket") if "Range" in request.headers]
    assert ranges == ["bytes=1000-"] * (1 + served)
    assert desk.clock.slept == [2]


def test_a_bucket_that_goes_on_refusing_is_not_kaggles_refusal_and_costs_no_part(desk: Desk) -> None:
    part = staged(desk, NEW)
    desk.kaggle.expired = [403] * 2
    with pytest.raises(
        ConnectionError, match=r"the storage that Kaggle's link leads to refuses it \(HTTP 403\), 2 times"
    ):
        desk.download(attempts=2)
    assert part.read_bytes() == NEW[:1000]


def test_a_refusal_in_the_middle_of_a_download_leaves_what_was_fetched(desk: Desk) -> None:
    part = staged(desk, NEW)
    desk.kaggle.refusals = [(403, {})]
    with pytest.raises(InputError, match="Kaggle refuses owner/fonts"):
        desk.download()
    assert part.read_bytes() == NEW[:1000]


def test_a_transfer_that_gets_on_may_break_off_more_often_than_the_attempts(desk: Desk) -> None:
    desk.kaggle.archives["owner/fonts/3"] = large = archive(bytes(4 << 20))
    desk.kaggle.cuts = [3 << 19, None, 3 << 19, None, 3 << 19]  # after another MiB each, of the requests that are read
    assert desk.download(attempts=1).path.read_bytes() == large
    ranges = [request.headers["Range"] for request in desk.kaggle.asked("bucket") if "Range" in request.headers]
    assert ranges == [f"bytes={megabytes << 20}-" for megabytes in (1, 2, 3)]
    assert desk.clock.slept == [2, 2, 2]


@pytest.mark.parametrize(
    ("what", "said"), [("page", "a web page came in place of"), ("loop", "the answer leads round in circles")]
)
def test_an_answer_of_somebody_else_is_told_as_that(what: str, said: str, desk: Desk) -> None:
    desk.kaggle.pages = [what] * 9
    with pytest.raises(ConnectionError, match=f"owner/fonts: {said}.*a proxy or a login stands between, .*, 1 times"):
        desk.download(attempts=1)
    desk.kaggle.pages = []
    assert desk.download().version == 3


def test_a_slow_transfer_says_how_far_it_is(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.kaggle.archives["owner/fonts/3"] = large = archive(bytes(4 << 20))
    desk.kaggle.held = Event()
    with ThreadPoolExecutor(1) as pool:
        fetched = pool.submit(desk.download, pace=0.05)
        assert eventually(lambda: "owner/fonts: 2 of 4 MB" in caplog.text, 300)
        desk.kaggle.held.set()
        assert fetched.result().path.read_bytes() == large


def test_a_full_cache_is_told_and_costs_no_part(kaggle: Kaggle, tmp_path: Path) -> None:
    kaggle.archives["owner/fonts/3"] = large = archive(bytes(4 << 20))
    with small_disk(tmp_path / "disk", "3m") as disk:
        desk = Desk(kaggle, disk.path)
        with pytest.raises(DiskError, match=r"cannot be written: No space left on device \(the cache\)"):
            desk.download()
        assert desk.clock.slept == []
        disk.enlarge("10m")
        assert desk.download().path.read_bytes() == large
    assert "Range" in kaggle.asked("bucket")[-1].headers


def test_too_many_requests_wait_as_long_as_retry_after_says(desk: Desk) -> None:
    date = format_datetime(datetime.fromtimestamp(desk.clock.now() + 7 + 30, UTC), usegmt=True)
    desk.kaggle.refusals = [(429, {"Retry-After": "7"}), (429, {"Retry-After": date})]
    assert desk.download().version == 3
    assert desk.clock.slept == [7, 30]


def test_a_wait_past_the_deadline_is_not_started(desk: Desk) -> None:
    desk.kaggle.refusals = [(429, {"Retry-After": "3600"})]
    with pytest.raises(TimeoutError, match="HTTP 429; 3600 s of waiting would pass the deadline"):
        desk.download(deadline=60)
    assert desk.clock.slept == []


def test_server_errors_are_retried_a_bounded_number_of_times(desk: Desk) -> None:
    desk.kaggle.refusals = [(500, {}), (503, {}), (500, {})]
    with pytest.raises(ConnectionError, match="owner/fonts: Kaggle answers HTTP 503, 2 times"):
        desk.download(attempts=2)
    assert len(desk.kaggle.asked("DownloadDataset")) == 2
    assert desk.clock.slept == [2]


def test_a_failed_connection_is_reported_after_the_last_attempt(desk: Desk) -> None:
    closed = Kaggle({}, port=1).environ(desk.home)
    with pytest.raises(ConnectionError, match=r"no complete answer from Kaggle \(ProxyError\), 1 times"):
        desk.download(environ=closed, attempts=1)


def test_a_silent_server_is_given_up_at_the_deadline(desk: Desk) -> None:
    desk.kaggle.silent = True
    with pytest.raises(TimeoutError, match="by the deadline"):
        desk.download(deadline=2)


@pytest.mark.parametrize(
    ("dataset", "status", "found", "remedy"),
    [
        ("owner/fonts", 401, "does not accept the credentials", "KAGGLE_API_TOKEN"),
        ("owner/fonts", 403, "refuses owner/fonts (HTTP 403)", "accept its rules"),
        (
            "owner/fonts/9",
            None,
            "has no version 9 of owner/fonts (HTTP 404)",
            "Check the name and the version",
        ),
        ("owner/fonts", 400, "client failed on owner/fonts (HTTPError, HTTP 400)", "datasets/owner/fonts"),
    ],
)
def test_a_refusal_is_explained_and_leaves_no_files(
    dataset: str, status: int | None, found: str, remedy: str, desk: Desk
) -> None:
    desk.kaggle.refusals = [(status, {})] if status else []
    with pytest.raises(InputError) as caught:
        desk.download(dataset)
    hold_no_secret(str(caught.value))
    assert found in caught.value.found
    assert remedy in caught.value.remedy
    assert len(desk.kaggle.asked("DownloadDataset")) == 1
    assert desk.files() == []


def test_a_token_is_sent_as_a_bearer_token(desk: Desk) -> None:
    desk.environ = desk.kaggle.environ(desk.home, KAGGLE_API_TOKEN=TOKEN, KAGGLE_USERNAME="", KAGGLE_KEY="")
    assert desk.download().version == 3
    assert desk.kaggle.asked("DownloadDataset")[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_an_invalid_token_is_reported(desk: Desk) -> None:
    environ = desk.kaggle.environ(desk.home, KAGGLE_API_TOKEN="KGAT_other")
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        del environ[name]
    with pytest.raises(InputError, match="does not accept the credentials"):
        desk.download(environ=environ)


def test_without_credentials_nothing_is_sent_or_written(desk: Desk) -> None:
    with pytest.raises(InputError) as caught:
        desk.download(environ={"HOME": str(desk.home)})
    for way in (
        "KAGGLE_API_TOKEN",
        "KAGGLE_USERNAME",
        "KAGGLE_KEY",
        "kaggle.json",
        "kaggle.com/settings/api",
    ):
        assert way in caught.value.remedy
    assert desk.kaggle.requests == []
    assert not desk.cache.exists()
    assert list(desk.home.iterdir()) == []


def test_a_corrupt_archive_is_downloaded_once_more(desk: Desk) -> None:
    desk.kaggle.instead = [CORRUPT]
    assert desk.download().path.read_bytes() == NEW
    assert desk.files() == CACHED


def test_an_archive_that_is_corrupt_twice_is_refused_and_deleted(desk: Desk) -> None:
    desk.kaggle.instead = [CORRUPT, b"<html>Please log in</html>"]
    with pytest.raises(InputError, match="owner/fonts, version 3, was corrupt twice"):
        desk.download()
    assert len(desk.kaggle.asked("bucket")) == 2
    assert desk.files() == []


def test_concurrent_calls_download_once(desk: Desk) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(desk.download, ["owner/fonts", "owner/fonts/3"])
    assert first == second
    assert len(desk.kaggle.asked("bucket")) == 1


@pytest.mark.parametrize("dataset", ["fonts", "owner/", "../fonts", "owner/fonts/0", "owner/fonts/x", "a/b/3/4"])
def test_an_invalid_name_is_refused(dataset: str, desk: Desk) -> None:
    with pytest.raises(InputError, match="expected owner/slug or owner/slug/version"):
        desk.download(dataset)
    assert not desk.cache.exists()


@pytest.mark.parametrize(
    ("environ", "files", "found"),
    [
        ({}, {}, False),
        ({"KAGGLE_API_TOKEN": "x"}, {}, True),
        ({"KAGGLE_API_TOKEN": ""}, {}, False),
        ({}, {".kaggle/access_token": "x"}, True),
        ({}, {".kaggle/access_token": ""}, False),
        ({}, {".kaggle/access_token.txt": "x"}, True),
        ({"KAGGLE_USERNAME": "x", "KAGGLE_KEY": "y"}, {}, True),
        ({}, {".kaggle/kaggle.json": '{"username": "x", "key": "y"}'}, True),
        ({"KAGGLE_USERNAME": "x"}, {".kaggle/kaggle.json": '{"key": "y"}'}, True),
        ({}, {".config/kaggle/kaggle.json": '{"username": "x", "key": "y"}'}, True),
        ({"KAGGLE_CONFIG_DIR": "{home}/own"}, {"own/kaggle.json": '{"username": "x", "key": "y"}'}, True),
        (
            {"KAGGLE_CONFIG_DIR": "{home}/own"},
            {".kaggle/kaggle.json": '{"username": "x", "key": "y"}'},
            False,
        ),
        ({}, {".kaggle/credentials.json": '{"refresh_token": "x"}'}, True),
        ({}, {".kaggle/credentials.json": '{"refresh_token": "x"}', ".kaggle/kaggle.json": '{"path": "/data"}'}, True),
        ({"KAGGLE_API_TOKEN": "{home}/own"}, {"own": "x\n"}, True),
        ({"KAGGLE_API_TOKEN": "x"}, {".kaggle/kaggle.json": "not looked at"}, True),
        ({"KAGGLE_USERNAME": "x", "KAGGLE_KEY": "a b"}, {}, True),
        ({"KAGGLE_API_TOKEN": "x" * 5000}, {}, True),
    ],
)
def test_credentials_are_found_wherever_the_client_finds_them(
    environ: dict[str, str], files: dict[str, str], found: bool, tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    filled = {name: value.replace("{home}", str(tmp_path)) for name, value in environ.items()}
    assert credentials_found({"HOME": str(tmp_path)} | filled) is found


PAIR = '{"username": "x", "key": "y"}'
USELESS: dict[str, tuple[dict[str, str], dict[str, bytes], str]] = {
    "UTF-16, as PowerShell writes it": ({}, {"kaggle.json": PAIR.encode("utf-16")}, "kaggle.json is UTF-16, which"),
    "UTF-16 without a mark": ({}, {"kaggle.json": PAIR.encode("utf-16-le")}, "kaggle.json is not UTF-8, which"),
    "UTF-32": ({}, {"kaggle.json": PAIR.encode("utf-32")}, "kaggle.json is UTF-32, which"),
    "a byte-order mark": ({}, {"kaggle.json": PAIR.encode("utf-8-sig")}, "kaggle.json is UTF-8 with a byte-order mark"),
    "another alphabet": ({}, {"kaggle.json": b'{"username": "\xff"}'}, "kaggle.json is not UTF-8"),
    "no JSON": ({}, {"kaggle.json": b"damaged"}, "kaggle.json is no JSON"),
    "nothing": ({}, {"kaggle.json": b""}, "kaggle.json is no JSON"),
    "a deep nest": ({}, {"kaggle.json": b"[" * 60000}, "kaggle.json is no JSON"),
    "a list": ({}, {"kaggle.json": b"[1]"}, "kaggle.json holds no credentials"),
    "an empty object": ({}, {"kaggle.json": b"{}"}, "kaggle.json holds no credentials"),
    "no key": ({}, {"kaggle.json": b'{"username": "x"}'}, "kaggle.json without a key"),
    "no username": ({}, {"kaggle.json": b'{"key": "x"}'}, "kaggle.json without a username"),
    "neither": ({}, {"kaggle.json": b'{"path": "/data"}'}, "kaggle.json without a username and key"),
    "a number": (
        {},
        {"kaggle.json": b'{"username": "x", "key": 5}'},
        "kaggle.json is no text; expected one in quotation marks",
    ),
    "another Kaggle's novel": ({}, {"kaggle.json": b" " * 70000}, "kaggle.json has more than 65,536 bytes"),
    "half in the environment": ({"KAGGLE_USERNAME": "x"}, {}, "KAGGLE_USERNAME without a key"),
    "the other half": ({"KAGGLE_KEY": "x"}, {}, "KAGGLE_KEY without a username"),
    "a token with a line end": ({"KAGGLE_API_TOKEN": "KGAT_x\n"}, {}, "KAGGLE_API_TOKEN holds a line end or"),
    "a token of two lines": ({"KAGGLE_API_TOKEN": "KGAT_x\r\ny"}, {}, "KAGGLE_API_TOKEN holds a line end or"),
    "a token with a dash of a text": ({"KAGGLE_API_TOKEN": "KGAT–x"}, {}, "KAGGLE_API_TOKEN holds a line end or"),
    "a key with a line end": ({"KAGGLE_USERNAME": "x", "KAGGLE_KEY": "y\n"}, {}, "KAGGLE_KEY holds a line end or"),
    "a token's file in UTF-16": ({}, {"access_token": "x".encode("utf-16")}, "access_token is UTF-16, which"),
    "a token's file of two lines": ({}, {"access_token": b"x\ny\n"}, "access_token holds a line end or"),
    "a folder for a token": ({"KAGGLE_API_TOKEN": "/"}, {}, "/ is a folder or a device"),
    "a login that is damaged": ({}, {"credentials.json": b"{"}, "credentials.json is no JSON"),
}


@pytest.mark.parametrize(("environ", "files", "found"), USELESS.values(), ids=USELESS)
def test_credentials_that_are_there_and_of_no_use_are_an_error(
    environ: dict[str, str], files: dict[str, bytes], found: str, tmp_path: Path
) -> None:
    (tmp_path / ".kaggle").mkdir()
    for name, content in files.items():
        (tmp_path / ".kaggle" / name).write_bytes(content)
    with pytest.raises(InputError) as told:
        credentials_found({"HOME": str(tmp_path)} | environ)
    assert found in str(told.value)
    assert "KGAT" not in str(told.value)


@pytest.mark.parametrize("name", ["kaggle.json", "access_token", "credentials.json"])
def test_a_folder_in_the_place_of_credentials_is_an_error(name: str, tmp_path: Path) -> None:
    (tmp_path / ".kaggle" / name).mkdir(parents=True)
    with pytest.raises(InputError, match=f"{name} is a folder or a device; expected a file with Kaggle's credentials"):
        credentials_found({"HOME": str(tmp_path)})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_credentials_that_may_not_be_read_are_an_error() -> None:
    with TemporaryDirectory() as home:  # others may enter it, unlike pytest's folders
        Path(home).chmod(0o755)
        file = Path(home, ".kaggle", "kaggle.json")
        file.parent.mkdir()
        file.write_text(PAIR)
        file.chmod(0o600)
        steps = (
            "import os; from charrec.data.sources.kaggle import credentials_found; os.setuid(10001)\n"
            f"try: credentials_found({{'HOME': {home!r}}})\nexcept Exception as error: print(error)"
        )
        ran = subprocess.run([sys.executable, "-c", steps], cwd=ROOT, capture_output=True, text=True)
    assert ran.stdout.startswith(f"{file} cannot be read (Permission denied); expected")


@pytest.mark.parametrize(
    ("proxy", "found"),
    [
        ("ftp://user:secret@127.0.0.1:9", "https_proxy of the kind 'ftp'"),
        ("socks5://127.0.0.1:9", "https_proxy of the kind 'socks5'"),
        ("http://", "https_proxy of the kind 'http'"),
    ],
)
def test_a_proxy_that_no_request_can_use_is_told_at_once(proxy: str, found: str, desk: Desk) -> None:
    environ = desk.environ | dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"), proxy)
    with pytest.raises(InputError, match=r"Kaggle cannot be reached through the proxy that is set") as told:
        desk.download(environ=environ)
    assert found in told.value.found and "secret" not in str(told.value)
    assert desk.clock.slept == [] and desk.files() == []


def test_a_bundle_of_certificates_that_is_gone_is_told_at_once(desk: Desk) -> None:
    environ = desk.environ | {"KAGGLE_API_ENVIRONMENT": "PROD", "REQUESTS_CA_BUNDLE": "/gone/cert.pem"}
    with pytest.raises(InputError, match=r"REQUESTS_CA_BUNDLE names no file; expected a file of certificates"):
        desk.download(environ=environ)
    assert desk.clock.slept == []
