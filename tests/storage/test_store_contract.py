"""One contract, held by every store: the folder, S3, and S3 behind a bad line for who is patient."""

import hashlib
import pickle
import random
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from charrec.errors import InputError
from charrec.storage import Conflict, Corrupt, NotFound, Store, Unrecorded, open_store
from charrec.storage.folder import FolderStore
from charrec.storage.interface import Seen, lost
from charrec.storage.patience import PatientStore
from charrec.storage.s3 import S3Store

RACERS = 8


def bare(store: Store) -> Store:
    return store.store if isinstance(store, PatientStore) else store


def tamper(store: Store, key: str, data: bytes) -> None:
    """Replace the bytes behind the store's back; what it has recorded about them stays."""
    store = bare(store)
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


def test_the_time_is_that_by_which_ages_are_told(store: Store) -> None:
    store.put("study/result.json", b"{}")
    (entry,) = store.list()
    now = store.now()
    assert now is not None
    assert abs(now - entry.modified.timestamp() - entry.age) < 60  # S3 counts whole seconds


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


def forget(store: Store, key: str) -> None:
    """Lose the record of an object's SHA-256, as a copy by other tools does."""
    store = bare(store)
    if isinstance(store, FolderStore):
        (store.root / ".sha256" / key).unlink()
    elif isinstance(store, S3Store):
        store.client.put_object(Bucket=store.bucket, Key=store.base + key, Body=store.get(key))


def test_an_object_without_a_record_is_seen_and_recorded_again(store: Store, tmp_path: Path) -> None:
    store.put("a", b"1")
    forget(store, "a")
    for act in (
        lambda: store.get("a"),
        lambda: store.read("a"),
        lambda: store.sha256("a"),
        lambda: store.download("a", tmp_path / "out"),
        lambda: store.local("a", tmp_path / "cache"),
    ):
        with pytest.raises(Unrecorded, match="a has no recorded SHA-256.*; expected .* Delete nothing") as caught:
            act()
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    seen, content = store.seen("a"), BytesIO()
    assert (seen.sha256, seen.recorded, seen.whole) == (hashlib.sha256(b"1").hexdigest(), (), False)
    assert store.seen("a", content) == seen
    assert content.getvalue() == b"1"
    store.record("a", seen)
    assert store.get("a") == b"1"
    assert store.sha256("a") == seen.sha256
    assert store.seen("a").whole


def test_a_damaged_object_is_seen_as_it_is(store: Store) -> None:
    store.put("a", b"right")
    tamper(store, "a", b"wrong")
    seen = store.seen("a")
    right, wrong = (hashlib.sha256(data).hexdigest() for data in (b"right", b"wrong"))
    assert (seen.sha256, seen.recorded, seen.whole) == (wrong, (right,), False)


def test_what_has_changed_since_it_was_seen_is_not_recorded(store: Store) -> None:
    store.put("a", b"1")
    seen = store.seen("a")
    store.put("a", b"2")
    with pytest.raises(Conflict):
        store.record("a", seen)
    assert store.get("a") == b"2"
    for act in (lambda: store.seen("b"), lambda: store.record("b", seen)):
        with pytest.raises(NotFound):
            act()


@pytest.mark.parametrize(
    ("harm", "found"), [("none", None), ("gone", "is gone"), ("other", "is damaged"), ("both", "is damaged")]
)
def test_what_became_of_an_object_is_told(harm: str, found: str | None, store: Store) -> None:
    right = hashlib.sha256(b"right").hexdigest()
    store.put("a", b"right" if harm in ("none", "gone") else b"wrong")
    if harm == "gone":
        store.delete("a")
    elif harm == "both":
        forget(store, "a")
    assert lost(store, "a", right) == found
    store.put("a", b"right")
    forget(store, "a")
    with pytest.raises(Unrecorded):  # the work is there; nothing is to be done again
        lost(store, "a", right)


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
            lambda key: store.sha256(key),
            lambda key: store.seen(key),
            lambda key: store.record(key, Seen("", (), "")),
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
    plain = bare(store)
    endpoint = plain.client.meta.endpoint_url if isinstance(plain, S3Store) else None
    again = open_store(store.url, endpoint=endpoint)
    assert again.get("a") == b"1" and again.url == store.url
