"""Transfers that break off, stall or arrive damaged: complete archives or nothing, and no byte fetched twice."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from threading import Event

import pytest

from charrec.errors import InputError
from charrec.storage import DiskError
from tests.data.sources.kaggle.desk import CACHED, CORRUPT, NEW, OLD, Desk, archive
from tests.data.sources.kaggle.server import Kaggle, etag
from tests.processes import eventually
from tests.small_disk import small_disk


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
