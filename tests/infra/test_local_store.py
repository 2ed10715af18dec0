"""The S3 server of the local stack keeps what it has acknowledged, and starts on what it kept."""

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from charrec.errors import InputError
from charrec.storage import Store, open_store
from infra.local.process import NotStarted
from infra.local.s3 import BUCKET, FULL, KEYS, S3
from tests.small_disk import small_disk


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    made = S3(tmp_path)
    yield made
    made.stop()


def started(server: S3) -> Store:
    server.start(dict(os.environ))
    server.wait(300)
    return open_store(f"s3://{BUCKET}/results", endpoint=server.endpoint)


def test_the_store_of_an_earlier_charrec_is_not_taken_for_an_empty_one(server: S3, tmp_path: Path) -> None:
    (tmp_path / "s3" / "000000000000").mkdir(parents=True)
    with pytest.raises(NotStarted, match="holds the store of an earlier charrec's server, ministack"):
        server.start(dict(os.environ))
    assert server.process.pid is None


@pytest.mark.long
def test_it_takes_any_key_and_makes_no_bucket(server: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    started(server)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "another")
    started(server).put("a", b"1")
    with pytest.raises(InputError, match="404 NoSuchBucket"):
        open_store("s3://misspelt/results", endpoint=server.endpoint).put("a", b"1")


@pytest.mark.long
def test_what_was_acknowledged_is_there_after_kill_9(server: S3) -> None:
    store = started(server)
    version = store.create("document", b"0")
    for number in range(1, 50):
        version = store.swap("document", b"%d" % number, version)
    server.process.stop(signal.SIGKILL)
    assert started(server).read("document") == (b"49", version)


@pytest.mark.long
def test_a_full_disk_refuses_what_it_cannot_keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    draw = random.Random(0)
    data = {f"objects/{number}": draw.randbytes(1_000_000) for number in range(250)}
    with small_disk(tmp_path / "disk", "240m") as disk:
        server, kept = S3(disk.path), 0
        try:
            store = started(server)
            try:
                for key, content in data.items():
                    store.put(key, content)
                    kept += 1
            except ConnectionError as error:
                assert "answers 500 InternalError" in str(error)  # noqa: PT017 - how many it keeps is the disk's affair
            assert 0 < kept < len(data)
            server.process.stop(signal.SIGKILL)
            with pytest.raises(NotStarted, match=r"has \d+ MB left; expected 128 MB at least"):
                started(server)
            disk.enlarge("500m")
            store = started(server)
            assert [store.get(key) == data[key] for key in [*data][:kept]] == [True] * kept
        finally:
            server.stop()


def test_a_full_disk_counts_once_it_has_room_again_and_until_the_next_start(server: S3, tmp_path: Path) -> None:
    server.files.mkdir()
    assert not server.refuses_for_good()  # no log yet
    server.process.log.parent.mkdir()
    for words in (b"all is well\n", b"write 000001.log: no space "):
        with server.process.log.open("ab") as log:
            log.write(words)
        assert not server.refuses_for_good()
    with server.process.log.open("ab") as log:
        log.write(b"left on device\n")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("infra.local.s3.ROOM", 2**62)
        assert not server.refuses_for_good()
    assert server.refuses_for_good() and S3(tmp_path).refuses_for_good()  # another process may look, too
    server.start(dict(os.environ))
    assert not server.refuses_for_good()
    assert FULL in server.process.log.with_name("s3.former.log").read_bytes()


@pytest.mark.long
def test_it_takes_writes_again_once_it_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the supervisor does. By itself it would refuse them for ever."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)

    def takes(store: Store, key: str) -> bool:
        try:
            store.put(key, bytes(100))
        except ConnectionError as error:
            assert "InternalError" in str(error)  # noqa: PT017 - which writes it refuses is the disk's affair
            return False
        return True

    with small_disk(tmp_path / "disk", "400m") as disk:
        server = S3(disk.path)
        try:
            store = started(server)
            disk.fill()
            assert not all(takes(store, f"{number % 20}/{number}") for number in range(400))
            assert not server.refuses_for_good()
            disk.clear()
            assert server.refuses_for_good() and not all(takes(store, f"{number}/a") for number in range(20))
            endpoint = server.endpoint
            server.stop()
            store = started(server)
            assert server.endpoint == endpoint
            assert all(takes(store, f"{number}/a") for number in range(20)) and not server.refuses_for_good()
        finally:
            server.stop()
