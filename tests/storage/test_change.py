"""Compare-and-swap: every writer's change counts once, whatever replies are lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from charrec.storage import Conflict, Store, open_store
from charrec.storage.change import ATTEMPTS, change
from charrec.storage.folder import FolderStore


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def appended(word: str) -> Callable[[bytes | None], bytes | None]:
    """Append a word, unless it is there: the write whose reply was lost."""

    def decide(content: bytes | None) -> bytes | None:
        words = (content or b"").split()
        return None if word.encode() in words else b" ".join([*words, word.encode()])

    return decide


def test_an_object_is_created_changed_and_left_alone(folder: FolderStore) -> None:
    seen = []

    def decide(content: bytes | None) -> bytes | None:
        seen.append(content)
        return None if content == b"2" else b"2" if content else b"1"

    for _ in range(3):
        change(folder, "a", decide)
    assert seen == [None, b"1", b"2"]
    assert folder.get("a") == b"2"


def test_of_many_writers_every_change_counts_once(tmp_path: Path) -> None:
    words = [f"word-{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda word: change(open_store(str(tmp_path)), "a", appended(word)), words))
    assert sorted(open_store(str(tmp_path)).get("a").decode().split()) == sorted(words)


class Lossy:
    """A store whose first writes happen, after which another writes, and whose replies are lost."""

    def __init__(self, store: Store, losses: int) -> None:
        self.store, self.losses = store, losses

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def create(self, key: str, data: bytes) -> str:
        return self.written(key, self.store.create(key, data))

    def swap(self, key: str, data: bytes, version: str) -> str:
        return self.written(key, self.store.swap(key, data, version))

    def written(self, key: str, version: str) -> str:
        if not self.losses:
            return version
        self.losses -= 1
        self.store.put(key, self.store.get(key) + f" other-{self.losses}".encode())
        raise Conflict(key)


@pytest.mark.parametrize("existed", [False, True])
def test_a_write_whose_reply_was_lost_is_not_done_twice(folder: FolderStore, existed: bool) -> None:
    if existed:
        folder.put("a", b"first")
    change(Lossy(folder, 1), "a", appended("mine"))  # type: ignore[arg-type]
    assert folder.get("a").split() == [*([b"first"] if existed else []), b"mine", b"other-0"]


def test_it_gives_up_after_so_many_conflicts(folder: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("charrec.storage.change.time.sleep", slept.append)
    calls = []

    def decide(content: bytes | None) -> bytes:
        calls.append(content)
        return b"mine"

    with pytest.raises(TimeoutError, match=f"{ATTEMPTS} conflicts in a row"):
        change(Lossy(folder, 10**6), "a", decide)  # type: ignore[arg-type]
    assert (len(calls), len(slept)) == (ATTEMPTS, ATTEMPTS - 1)
    assert max(slept) <= 10
