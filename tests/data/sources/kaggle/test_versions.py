"""The real Kaggle client against a loopback server that speaks its protocol: versions, and what Kaggle refuses."""

import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest

from charrec.errors import InputError
from tests.data.sources.kaggle.desk import CACHED, NEW, OLD, Desk, hold_no_secret


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
