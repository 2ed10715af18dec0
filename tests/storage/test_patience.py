"""A patient store waits out an outage, and nothing else. That it keeps the contract is in test_store_contract.py."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from charrec.errors import InputError
from charrec.storage import Conflict, NotFound, Unrecorded
from charrec.storage.patience import PatientStore
from charrec.storage.s3 import S3Store
from tests.fault_proxy import Answer, FaultProxy, Headers


@pytest.fixture
def line(s3_server: str) -> Iterator[FaultProxy]:
    """The way to the server; nothing gets through while it is on."""
    with FaultProxy(s3_server, 0, {"drop": 1.0}) as proxy:
        proxy.on = False
        yield proxy


def test_an_outage_of_two_seconds_is_waited_out(line: FaultProxy, s3_url: str) -> None:
    store = PatientStore(S3Store(s3_url, line.url), seconds=60)
    version = store.create("a", b"1")

    def back() -> None:
        line.on = False

    line.on = True
    start = time.monotonic()
    threading.Timer(2.0, back).start()
    store.swap("a", b"2", version)
    assert time.monotonic() - start > 2
    assert line.counts["drop"] > 0 and store.get("a") == b"2"


def test_a_longer_one_is_a_connection_error(line: FaultProxy, s3_url: str) -> None:
    store = PatientStore(S3Store(s3_url, line.url), seconds=1.5)
    line.on = True
    start = time.monotonic()
    with pytest.raises(ConnectionError, match=f"^{s3_url} at 127.0.0.1:[0-9]+ gave no whole reply"):
        store.get("a")
    assert time.monotonic() - start > 1.5
    assert line.counts["drop"] > 5 and line.counts["forwarded"] == 0  # more than the client's own attempts


def test_an_answer_is_no_outage(bucket: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charrec.storage.patience.waits", lambda *_, **__: [-1.0])  # to sleep so long is an error
    store = PatientStore(bucket, seconds=60)
    store.put("a", b"1")
    bucket.client.put_object(Bucket=bucket.bucket, Key=f"{bucket.base}b", Body=b"not ours")
    refused: list[tuple[type[Exception], Callable[[], Any]]] = [
        (NotFound, lambda: store.get("missing")),
        (Conflict, lambda: store.create("a", b"2")),
        (Conflict, lambda: store.swap("a", b"2", '"0"')),
        (Unrecorded, lambda: store.get("b")),
        (Unrecorded, lambda: store.sha256("b")),
        (InputError, lambda: store.get("../a")),
    ]
    for error, act in refused:
        with pytest.raises(error):
            act()
    assert store.url == bucket.url


def test_a_swap_that_happened_unseen_ends_in_conflict(s3_url: str, s3_server: str) -> None:
    """Five replies to the write and five to the look whose it is are lost; then the line is good."""
    with FaultProxy(s3_server, 0, {"lose": 1.0}, only=lambda *_: proxy.counts["lose"] < 10) as proxy:
        proxy.on = False
        store = PatientStore(S3Store(s3_url, proxy.url), seconds=60)
        version = store.create("a", b"1")
        proxy.on = True
        with pytest.raises(Conflict):
            store.swap("a", b"2", version)
        assert proxy.counts["lose"] == 10 and store.get("a") == b"2"


def test_a_large_file_whose_completion_was_lost_goes_up_again(s3_url: str, s3_server: str, tmp_path: Path) -> None:
    completed: list[str] = []

    def completion(method: str, path: str) -> bool:
        return method == "POST" and "uploadId=" in path and len(completed) == 1

    def forget(method: str, path: str, headers: Headers) -> Headers | Answer:
        """Amazon, too, may know nothing of an upload once it is complete."""
        if path in completed:
            return 404, b"<Error><Code>NoSuchUpload</Code></Error>"
        if method == "POST" and "uploadId=" in path:
            completed.append(path)
        return headers

    (tmp_path / "large").write_bytes(bytes(9_000_000))  # above 8 MB boto3 sends it in parts
    with FaultProxy(s3_server, 0, {"lose": 1.0}, only=completion, rewrite=forget) as proxy:
        store = PatientStore(S3Store(s3_url, proxy.url), seconds=60)
        store.upload(tmp_path / "large", "large")
        assert len(completed) == 2 and proxy.counts["lose"] == 1
        assert proxy.counts["answered"] == 2  # the same completion again, and the client's cancelling of it
        assert store.get("large") == bytes(9_000_000)
