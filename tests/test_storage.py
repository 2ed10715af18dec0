"""One contract, held by every store; then what is particular to the folder and to S3."""

import hashlib
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from charrec.errors import InputError
from charrec.storage import Conflict, Corrupt, NotFound, Store, open_store
from charrec.storage.folder import FolderStore
from charrec.storage.s3 import S3Store

RACERS = 8


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> S3Store:
    return S3Store(request.getfixturevalue("s3_url"), request.getfixturevalue("s3_server"))


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest) -> Store:
    opened: Store = request.getfixturevalue(request.param)
    return opened


def tamper(store: Store, key: str, data: bytes) -> None:
    """Replace the bytes behind the store's back; what it has recorded about them stays."""
    if isinstance(store, FolderStore):
        (store.root / key).write_bytes(data)
    elif isinstance(store, S3Store):
        place: dict[str, Any] = {"Bucket": store.bucket, "Key": store.base + key}
        recorded = store.client.head_object(**place)["Metadata"]
        store.client.put_object(**place, Body=data, Metadata=recorded)


def race(work: Callable[[int], Any]) -> list[Any]:
    """Run it on RACERS threads that start together."""
    start = Barrier(RACERS)

    def run(number: int) -> Any:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(RACERS) as pool:
        return list(pool.map(run, range(RACERS)))


# The contract


def test_what_is_put_is_read_back(store: Store) -> None:
    version = store.put("study/result.json", b"{}")
    assert store.get("study/result.json") == b"{}"
    assert store.read("study/result.json") == (b"{}", version)
    assert store.exists("study/result.json") and not store.exists("study/other.json")


def test_an_empty_object_is_an_object(store: Store) -> None:
    store.put("empty", b"")
    assert store.get("empty") == b"" and [entry.size for entry in store.list()] == [0]


def test_put_overwrites_and_changes_the_version(store: Store) -> None:
    first, second = store.put("a", b"old"), store.put("a", b"new")
    assert store.read("a") == (b"new", second) and first != second


def test_a_missing_object_is_not_found_by_its_key(store: Store, tmp_path: Path) -> None:
    store.put("there/a", b"")
    for missing in ("nowhere/b", "there", "there/a/b"):
        for act in (
            lambda key: store.get(key),
            lambda key: store.download(key, tmp_path / "out"),
            lambda key: store.local(key, tmp_path / "cache"),
        ):
            with pytest.raises(NotFound, match=re.escape(repr(missing))):
                act(missing)
    assert not (tmp_path / "out").exists()


def test_list_gives_the_keys_with_a_prefix_in_order(store: Store) -> None:
    for key in ("b/2", "b/10", "a", "bc", "b/c/d"):
        store.put(key, key.encode())
    assert [entry.key for entry in store.list()] == ["a", "b/10", "b/2", "b/c/d", "bc"]
    assert [entry.key for entry in store.list("b/")] == ["b/10", "b/2", "b/c/d"]
    assert [entry.key for entry in store.list("b")] == ["b/10", "b/2", "b/c/d", "bc"]
    assert [entry.size for entry in store.list("b/c/")] == [5]
    assert store.list("nothing/here") == []


def test_list_tells_the_age_by_the_stores_own_clock(store: Store) -> None:
    store.put("heartbeat", b"")
    entry = store.list()[0]
    assert abs(entry.modified.timestamp() - time.time()) < 60
    assert -1 <= entry.age < 60  # S3 counts whole seconds


def test_deleted_is_gone_and_deleting_again_is_fine(store: Store) -> None:
    store.put("a", b"1")
    store.delete("a")
    store.delete("a")
    assert store.list() == [] and not store.exists("a")
    store.create("a", b"2")
    assert store.get("a") == b"2"


def test_create_refuses_what_is_there(store: Store) -> None:
    version = store.create("a", b"first")
    for data in (b"second", b"first"):
        with pytest.raises(Conflict, match="^a exists already$"):
            store.create("a", data)
    assert store.read("a") == (b"first", version)


def test_swap_replaces_only_the_version_that_was_read(store: Store) -> None:
    stale = store.create("a", b"1")
    fresh = store.swap("a", b"2", stale)
    with pytest.raises(Conflict, match="^a has changed or vanished"):
        store.swap("a", b"3", stale)
    assert store.read("a") == (b"2", fresh)
    store.delete("a")
    with pytest.raises(Conflict, match="^a has changed or vanished"):
        store.swap("a", b"3", fresh)
    assert not store.exists("a")


def test_racing_swaps_lose_no_increment(store: Store) -> None:
    rounds = 4
    store.create("counter", b"0")

    def increment(number: int) -> None:
        for _ in range(rounds):
            while True:
                data, version = store.read("counter")
                try:
                    store.swap("counter", b"%d" % (int(data) + 1), version)
                    break
                except Conflict:
                    time.sleep(random.uniform(0, 0.01))

    race(increment)
    assert store.get("counter") == b"%d" % (RACERS * rounds)


def test_one_of_racing_creators_wins(store: Store) -> None:
    def create(number: int) -> bool:
        try:
            store.create("a", b"%d" % number)
        except Conflict:
            return False
        return True

    won = race(create)
    assert won.count(True) == 1
    assert store.get("a") == b"%d" % won.index(True)


def test_a_flipped_byte_is_corrupt(store: Store, tmp_path: Path) -> None:
    store.put("weights/e3.h5", b"weights")
    tamper(store, "weights/e3.h5", b"weighty")
    right, wrong = (hashlib.sha256(data).hexdigest() for data in (b"weights", b"weighty"))
    for act in (
        lambda: store.get("weights/e3.h5"),
        lambda: store.download("weights/e3.h5", tmp_path / "out" / "e3.h5"),
        lambda: store.local("weights/e3.h5", tmp_path / "out"),
    ):
        with pytest.raises(Corrupt, match=f"weights/e3.h5 has SHA-256 {wrong}; expected {right}. Delete it") as caught:
            act()
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    store.put("weights/e3.h5", b"new")
    assert store.get("weights/e3.h5") == b"new"


def test_a_failed_download_leaves_the_old_file(store: Store, tmp_path: Path) -> None:
    store.put("a", b"new")
    tamper(store, "a", b"bad")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_bytes(b"old")
    with pytest.raises(Corrupt):
        store.download("a", tmp_path / "out" / "a")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {"a": b"old"}


BAD_KEYS = [
    "",
    "/a",
    "a/",
    "a//b",
    "..",
    "a/../b",
    "./a",
    ".sha256/a",
    "a/.b",
    "a\\b",
    "a b",
    "ä",
    "a\n",
    "-a",
    "a" * 901,
]


def test_a_key_that_means_different_things_is_refused(store: Store, tmp_path: Path) -> None:
    for key in BAD_KEYS:
        for act in (
            lambda key: store.get(key),
            lambda key: store.put(key, b""),
            lambda key: store.create(key, b""),
            lambda key: store.swap(key, b"", "version"),
            lambda key: store.exists(key),
            lambda key: store.delete(key),
            lambda key: store.download(key, tmp_path / "out"),
            lambda key: store.local(key, tmp_path),
            lambda key: store.upload(Path(__file__), key),
        ):
            with pytest.raises(InputError, match="Rename it"):
                act(key)


def test_a_prefix_that_no_key_has_is_refused(store: Store) -> None:
    for prefix in ("/", "../", ".sha", "a//", "a/../"):
        with pytest.raises(InputError):
            store.list(prefix)


def test_a_large_file_goes_up_and_comes_down(store: Store, tmp_path: Path) -> None:
    data = random.Random(0).randbytes(20_000_000)  # above 8 MB boto3 sends it in parts
    (tmp_path / "large").write_bytes(data)
    assert store.upload(tmp_path / "large", "large") == hashlib.sha256(data).hexdigest()
    store.download("large", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    assert store.local("large", tmp_path / "cache").read_bytes() == data


def test_a_store_opened_at_its_url_is_the_same(store: Store) -> None:
    store.put("a", b"1")
    endpoint = store.client.meta.endpoint_url if isinstance(store, S3Store) else None
    again = open_store(store.url, endpoint=endpoint)
    assert again.get("a") == b"1" and again.url == store.url


# Addresses


@pytest.mark.parametrize("url", ["file:results", "results", "./results"])
def test_a_relative_address_is_a_folder_here(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store(url).put("a", b"1")
    assert (tmp_path / "results" / "a").read_bytes() == b"1"


def test_an_absolute_address_may_hold_spaces(tmp_path: Path) -> None:
    for url in ((tmp_path / "my results").as_uri(), str(tmp_path / "my results")):
        assert open_store(url).url == (tmp_path / "my results").as_uri()
    assert list(tmp_path.iterdir()) == []  # opening makes nothing


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gs://bucket/a",
        "http://user:hunter2@host/a",
        "file://hunter2/a",
        "s3://",
        "s3://user:hunter2@bucket/a",
        "s3://bucket/a?key=hunter2",
        "s3://bucket/../a",
        "s3://hunter2_/a",
    ],
)
def test_another_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InputError) as caught:
        open_store(url)
    assert "hunter2" not in str(caught.value)


def test_an_endpoint_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(InputError) as caught:
        open_store("s3://bucket/a", endpoint="http://user:hunter2@host")
    assert "hunter2" not in str(caught.value)


def test_importing_the_store_brings_in_no_client() -> None:
    code = "import charrec.storage, sys; print({'boto3', 'botocore', 'filelock'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"set()\n"


# The folder


def test_a_folder_shows_people_the_plain_files(folder: FolderStore) -> None:
    folder.put("report/index.html", b"<html>")
    assert (folder.root / "report" / "index.html").read_bytes() == b"<html>"
    assert [path.name for path in folder.root.iterdir() if not path.name.startswith(".")] == ["report"]
    assert list((folder.root / ".tmp").iterdir()) == []
    assert folder.local("report/index.html", folder.root / "cache") == folder.root / "report" / "index.html"


def test_a_file_that_someone_else_put_there_is_corrupt(folder: FolderStore) -> None:
    folder.root.mkdir()
    (folder.root / "a").write_bytes(b"1")
    with pytest.raises(Corrupt, match="a has no recorded SHA-256; expected an object that charrec wrote"):
        folder.get("a")


def test_temporary_files_of_dead_writers_go_after_a_day(folder: FolderStore) -> None:
    (folder.root / ".tmp").mkdir(parents=True)
    for name, age in (("dead", 25 * 3600), ("living", 3600)):
        (folder.root / ".tmp" / name).write_bytes(b"half")
        os.utime(folder.root / ".tmp" / name, (time.time() - age,) * 2)
    folder.put("a", b"1")
    assert [path.name for path in (folder.root / ".tmp").iterdir()] == ["living"]


OVERWRITE_FOR_EVER = """
import itertools, sys
from pathlib import Path
from charrec.storage.folder import FolderStore
store = FolderStore(Path(sys.argv[1]))
for number in itertools.count():
    store.put("a", b"%08d" % number * 20_000)
    if number == 3:
        print("ready", flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_object(folder: FolderStore) -> None:
    waits = random.Random(0)
    for _ in range(6):
        writer = subprocess.Popen([sys.executable, "-c", OVERWRITE_FOR_EVER, folder.root], stdout=subprocess.PIPE)
        assert writer.stdout and writer.stdout.readline() == b"ready\n"
        end, reads = time.monotonic() + waits.uniform(0.05, 0.15), 0
        while reads == 0 or time.monotonic() < end:  # a reader beside the writer
            data = folder.get("a")
            assert data == data[:8] * 20_000
            reads += 1
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        data = folder.get("a")
        assert data == data[:8] * 20_000
        assert [entry.key for entry in folder.list()] == ["a"]


DIE_AT_STEP = """
import os, signal, sys
from pathlib import Path
from charrec.storage.folder import FolderStore
steps = int(sys.argv[2])
def dying(call):
    def step(*arguments):
        global steps
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments)
    return step
os.fsync, os.replace = dying(os.fsync), dying(os.replace)
FolderStore(Path(sys.argv[1])).put("a", b"new")
"""


def test_a_writer_killed_before_each_step_leaves_the_old_or_the_new(folder: FolderStore) -> None:
    seen, step, code = [], 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        folder.put("a", b"old")
        step += 1
        code = subprocess.call([sys.executable, "-c", DIE_AT_STEP, folder.root, str(step)])
        seen.append(folder.get("a"))
    assert code == 0 and set(seen) == {b"old", b"new"} and seen == sorted(seen, reverse=True)
    assert step > 9  # three files, each: content to the disk, name, name to the disk


# S3


def test_an_object_without_a_recorded_digest_is_corrupt(bucket: S3Store) -> None:
    bucket.client.put_object(Bucket=bucket.bucket, Key=f"{bucket.base}a", Body=b"1")
    with pytest.raises(Corrupt, match="a has no recorded SHA-256; expected an object that charrec wrote"):
        bucket.get("a")


def test_a_local_copy_is_fetched_once_and_again_when_it_is_damaged(bucket: S3Store, tmp_path: Path) -> None:
    bucket.put("a/b", b"right")
    path, fetched = bucket.local("a/b", tmp_path), []
    bucket.client.meta.events.register("before-send.s3.GetObject", lambda **_: fetched.append(1))
    assert bucket.local("a/b", tmp_path) == path and fetched == []
    path.write_bytes(b"wrong")
    assert bucket.local("a/b", tmp_path).read_bytes() == b"right" and fetched == [1]


def test_list_reads_on_after_the_first_thousand(bucket: S3Store) -> None:
    def put(number: int) -> None:
        for index in range(number, 1001, RACERS):
            bucket.put(f"{index:04}", b"")

    race(put)
    assert [entry.key for entry in bucket.list()] == [f"{index:04}" for index in range(1001)]


def lose_replies(bucket: S3Store, times: int) -> list[int]:
    """The next writes reach the server; their replies do not come back. Returns the replies lost, as they happen."""
    from botocore.exceptions import ReadTimeoutError

    statuses: list[int] = []

    def send(request: Any, **_: Any) -> None:
        if len(statuses) < times:
            statuses.append(bucket.client._endpoint.http_session.send(request).status_code)  # type: ignore[attr-defined]
            raise ReadTimeoutError(endpoint_url=request.url)

    bucket.client.meta.events.register("before-send.s3.PutObject", send)
    return statuses


@pytest.mark.parametrize(("times", "replies"), [(1, [200]), (5, [200, 412, 412, 412, 412])])
def test_a_swap_whose_reply_was_lost_is_recognised(
    bucket: S3Store, times: int, replies: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    version = bucket.create("a", b"1")
    lost = lose_replies(bucket, times)
    version = bucket.swap("a", b"2", version)
    assert lost == replies and bucket.read("a") == (b"2", version)


def test_a_create_whose_reply_was_lost_is_recognised(bucket: S3Store) -> None:
    lost = lose_replies(bucket, 1)
    version = bucket.create("a", b"1")
    assert lost == [200] and bucket.read("a") == (b"1", version)


def test_a_lost_refusal_stays_a_conflict_even_for_the_same_content(bucket: S3Store) -> None:
    bucket.create("a", b"1")
    lost = lose_replies(bucket, 1)
    with pytest.raises(Conflict):
        bucket.create("a", b"1")
    assert lost == [412]


def answer(bucket: S3Store, status: int, code: str, times: int) -> list[int]:
    """The next writes get this reply in place of the server's, as other servers give it."""
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    class Raw(BytesIO):
        def stream(self, amount: int | None = None) -> list[bytes]:
            return [self.read()]

    answered: list[int] = []

    def send(request: Any, **_: Any) -> Any:
        if len(answered) == times:
            return None
        answered.append(status)
        return AWSResponse(request.url, status, HTTPHeaders(), Raw(f"<Error><Code>{code}</Code></Error>".encode()))

    bucket.client.meta.events.register("before-send.s3.PutObject", send)
    return answered


def test_a_write_that_met_another_in_flight_goes_again(bucket: S3Store) -> None:
    version = bucket.create("a", b"1")
    answered = answer(bucket, 409, "ConditionalRequestConflict", 2)
    bucket.swap("a", b"2", version)
    assert answered == [409, 409] and bucket.get("a") == b"2"


def test_a_write_that_never_gets_its_turn_is_a_conflict(bucket: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charrec.storage.s3.time.sleep", lambda seconds: None)
    answered = answer(bucket, 409, "ConditionalRequestConflict", 100)
    with pytest.raises(Conflict):
        bucket.create("a", b"1")
    assert len(answered) == 6


def test_a_server_without_conditional_writes_is_refused(bucket: S3Store) -> None:
    answered = answer(bucket, 501, "NotImplemented", 100)
    with pytest.raises(InputError, match="answers 501 NotImplemented; expected an S3 server with conditional"):
        bucket.create("a", b"1")
    assert len(answered) == 1


def test_a_body_that_breaks_off_is_read_again(bucket: S3Store) -> None:
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders
    from urllib3.exceptions import ProtocolError

    class Broken(BytesIO):
        def read(self, amount: int | None = -1) -> bytes:
            if data := super().read(4):
                return data
            raise ProtocolError("connection broken")

    broken: list[int] = []

    def send(request: Any, **_: Any) -> Any:
        if broken:
            return None
        broken.append(200)
        return AWSResponse(request.url, 200, HTTPHeaders(), Broken(b"half"))

    bucket.put("a", b"whole")
    bucket.client.meta.events.register("before-send.s3.GetObject", send)
    assert bucket.get("a") == b"whole" and broken == [200]


def test_a_missing_bucket_is_an_input_error(s3_server: str) -> None:
    store = open_store("s3://no-such-bucket/a", endpoint=s3_server)
    for act in (
        lambda: store.get("a"),
        lambda: store.create("a", b""),
        lambda: store.swap("a", b"", '"0"'),
        lambda: store.list(),
    ):
        with pytest.raises(InputError, match="404 NoSuchBucket; expected a bucket that exists"):
            act()


def test_a_server_that_is_not_there_is_a_connection_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    # boto3 itself reads the variable; port 9 is the discard service's.
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    with pytest.raises(ConnectionError, match="^s3://bucket/a at 127.0.0.1:9 gave no whole reply"):
        open_store("s3://bucket/a").get("a")


def test_no_credentials_is_an_input_error(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(InputError, match="NoCredentialsError; expected credentials"):
        open_store("s3://bucket/a", endpoint=s3_server).get("a")
