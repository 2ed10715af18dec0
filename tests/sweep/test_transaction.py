"""A change of the search is made wholly, once, and on top of all others, whoever comes between."""

import json
import pickle
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from charrec.errors import InputError
from charrec.storage import Conflict, Store, open_store
from charrec.storage.folder import FolderStore
from charrec.storage.patience import PatientStore
from charrec.storage.s3 import S3Store
from charrec.study import Search
from charrec.sweep.document import Document, parsed
from charrec.sweep.oracle import Assignment
from charrec.sweep.schedule import schedule
from charrec.sweep.transaction import transact
from tests.fault_proxy import FaultProxy, Headers
from tests.sweep.driving import oracle_of
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

SEARCH = Search(max_epochs=4, factor=2)  # three brackets
TRIALS = sum(rung.trials for rung in schedule(SEARCH))
NAME = "sweep/oracle.json"
WORKERS = 4

Given = tuple[Assignment, float]  # what a worker took, and the score that it reported


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return open_store(str(tmp_path / "store"))
    return open_store(request.getfixturevalue("s3_url"), endpoint=request.getfixturevalue("s3_server"))


class Worker:
    """One with a search of its own in memory, as another process or machine has it."""

    def __init__(self, store: Store, name: str) -> None:
        self.store, self.name, self.oracle = store, name, oracle_of(SEARCH, 0)
        self.asked = 0

    def take(self) -> Any:
        def operation() -> Any:
            self.asked += 1
            return self.oracle.take(self.name)

        return transact(self.store, NAME, self.oracle, operation)

    def complete(self, given: Assignment, score: float) -> bool:
        return transact(self.store, NAME, self.oracle, lambda: self.oracle.complete(given, score, 1.0))

    def work(self) -> list[Given]:
        done: list[Given] = []
        while (given := self.take()) != "STOPPED":
            if given == "IDLE":
                time.sleep(0.02)
                continue
            score = (given.configuration * 7 % 13 + given.epochs) / 20
            assert self.complete(given, score)
            done.append((given, score))
        return done


def document(store: Store) -> Document:
    return parsed(store.get(NAME), NAME)


def test_workers_at_once_neither_lose_nor_double_a_trial(store: Store) -> None:
    workers = [Worker(store, f"worker-{number}") for number in range(WORKERS)]
    with ThreadPoolExecutor(WORKERS) as pool:
        done = [each for one in pool.map(Worker.work, workers) for each in one]
    found = document(store)
    assert {given.trial: score for given, score in done} == {name: row.score for name, row in found.trials.items()}
    assert len({given.token for given, _ in done}) == len(done) == found.token == TRIALS
    assert sorted(found.ended) == sorted(found.trials) and not found.leases and not found.waiting
    assert Counter((row.values["tuner/bracket"], row.values["tuner/round"]) for row in found.trials.values()) == {
        (rung.bracket, rung.rung): rung.trials for rung in schedule(SEARCH)
    }


@pytest.mark.parametrize("losses", [1, 10], ids=["a reply", "all replies to one call"])
@pytest.mark.parametrize("begun", [False, True])
def test_a_change_whose_reply_was_lost_under_anothers_is_made_once(
    begun: bool, losses: int, s3_url: str, s3_server: str
) -> None:
    other, between = Worker(S3Store(s3_url, s3_server), "other"), list[Assignment]()

    def come_between(method: str, _path: str, headers: Headers) -> Headers:
        """Once the replies are lost and the write is sent again, the other one is first."""
        if method == "PUT" and proxy.counts["lose"] == losses and not between:
            between.append(other.take())
        return headers

    def to_be_lost(method: str, _path: str) -> bool:
        return method != "GET" and proxy.counts["lose"] < losses

    with FaultProxy(s3_server, 0, {"lose": 1.0}, only=to_be_lost, rewrite=come_between) as proxy:
        if begun:
            Worker(other.store, "first").take()
        mine = Worker(PatientStore(S3Store(s3_url, proxy.url), 60), "mine")
        given = mine.take()
        assert proxy.counts["lose"] == losses
    found = document(other.store)
    workers = ["first"] * begun + ["mine", "other"]
    assert [lease.worker for lease in found.leases.values()] == workers and found.token == len(workers)
    assert mine.asked == 1 and mine.oracle.holds(given) and other.oracle.holds(between[0])
    assert len(found.transactions) == len(workers)
    assert mine.oracle.dump() == found


def test_what_changes_nothing_writes_nothing(store: Store) -> None:
    one, two = Worker(store, "one"), Worker(store, "two")
    (given, _), *_ = one.work()
    before = store.read(NAME), store.list()[0].modified
    assert two.take() == "STOPPED"
    assert not two.complete(given, 0.5)
    assert (store.read(NAME), store.list()[0].modified) == before


def test_who_finds_all_trials_taken_writes_nothing(store: Store) -> None:
    taken = [Worker(store, f"worker-{number}").take() for number in range(TRIALS)]
    before = store.read(NAME), store.list()[0].modified
    assert "IDLE" in taken and Worker(store, "another").take() == "IDLE"
    assert (store.read(NAME), store.list()[0].modified) == before


class Refusing(FolderStore):
    """The first write ends in Conflict and leaves nothing: another one was in flight, or deleted the object."""

    refused = False

    def create(self, key: str, data: bytes) -> str:
        return super().create(key, data) if self.refused else self.refuse(key)

    def swap(self, key: str, data: bytes, version: str) -> str:
        return super().swap(key, data, version) if self.refused else self.refuse(key)

    def refuse(self, key: str) -> str:
        self.refused = True
        self.delete(key)
        raise Conflict(key)


class Tardy(FolderStore):
    """The first swap ends in Conflict, and lands only when the next one is on its way."""

    tardy: tuple[str, bytes, str] | None = None

    def swap(self, key: str, data: bytes, version: str) -> str:
        if self.tardy is None:
            self.tardy = key, data, version
            raise Conflict(key)
        if self.tardy:
            late, self.tardy = self.tardy, ()  # type: ignore[assignment]
            super().swap(*late)
        return super().swap(key, data, version)


def test_the_answer_is_that_of_the_attempt_which_the_store_holds(tmp_path: Path) -> None:
    Worker(FolderStore(tmp_path), "first").take()
    store, oracle, asked = Tardy(tmp_path), oracle_of(SEARCH, 0), count()

    def operation() -> str:
        oracle.take(worker := f"attempt-{next(asked)}")
        return worker

    assert transact(store, NAME, oracle, operation) == "attempt-0"
    assert next(asked) == 2 and oracle.dump() == document(store)
    assert [lease.worker for lease in document(store).leases.values()] == ["first", "attempt-0"]


def test_a_search_whose_first_write_is_refused_begins_once(tmp_path: Path) -> None:
    worker = Worker(Refusing(tmp_path), "one")
    given, found = worker.take(), document(worker.store)
    assert worker.asked == 2 and worker.oracle.holds(given)
    assert (found.token, len(found.trials), len(found.transactions)) == (1, 1, 1)


@pytest.mark.parametrize("when", ["before it is read", "before it is written"])
def test_a_deleted_search_is_not_written_again_by_a_worker_that_was_in_it(when: str, tmp_path: Path) -> None:
    worker = Worker(FolderStore(tmp_path), "one")
    given = worker.take()
    if when == "before it is read":
        worker.store.delete(NAME)
    else:
        worker.store = Refusing(tmp_path)
    with pytest.raises(InputError, match=f"{NAME} is gone; expected the search that was there"):
        worker.complete(given, 0.5)
    assert not worker.store.exists(NAME)


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def good() -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(oracle_of(SEARCH, 0).dump().model_dump_json())
    return plain


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (json.dumps(good() | {"version": 1}), "a search of version 1"),
        (json.dumps(good() | {"version": 4}), "a search of version 4"),
        (json.dumps({}), "a search of version None"),
        ("[]", "a search of version None"),
        (json.dumps(good() | {"more": 1}), "more: Extra inputs are not permitted"),
        (json.dumps(good())[:-1], "no JSON"),
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        (None, "no JSON"),
    ],
    ids=["older", "newer", "an object", "a list", "a field more", "cut off", "empty", "deep", "a pickle"],
)
def test_a_foreign_document_is_refused_and_left_alone(data: str | None, found: str, tmp_path: Path) -> None:
    store, bomb = open_store(str(tmp_path / "store")), tmp_path / "exploded"
    stored = pickle.dumps(Bomb(bomb)) if data is None else data.encode()
    version = store.put(NAME, stored)
    worker = Worker(store, "one")
    with pytest.raises(InputError, match=rf"{NAME} holds {found}; expected a search of version 3.* delete its folder"):
        worker.take()
    assert store.read(NAME) == (stored, version) and worker.asked == 0 and not bomb.exists()
