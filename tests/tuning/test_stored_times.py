"""A search's document, read as who worked at what, and when."""

from pathlib import Path

import pytest

from charrec.storage.folder import FolderStore
from charrec.sweep.document import STRETCHES
from charrec.tuning.timeline import timeline
from tests.sweep.driving import DECK, oracle_of, points, taken
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

BEGUN = 1795852800.0
KEY = "sweeps/0123456789abcdef"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def test_times_count_from_the_first_trial_and_epochs_from_the_stretch(store: FolderStore) -> None:
    """The trial has two epochs: one by a worker that was lost, one by the next."""
    oracle = oracle_of(DECK, 1)
    oracle.now = BEGUN + 0.04
    lost = taken(oracle, "a")
    oracle.now = BEGUN + 100
    oracle.lose(lost.trial, 1, age=70, lost=12.5)
    again = taken(oracle, "b")
    assert (again.trial, again.epochs) == (lost.trial, 2)
    oracle.now = BEGUN + 130
    oracle.complete(again, points(again), 1.0)
    oracle.now = BEGUN + 130.4
    running = taken(oracle, "b")
    store.put(f"{KEY}/oracle.json", oracle.dump().model_dump_json().encode())
    store.put(f"{KEY}/workers/b", b"")
    found = timeline(store, KEY)
    assert found and found.began == "2026-11-28T08:00:00+00:00"
    told = [(one.worker, one.trial, one.begin, one.end, one.how, one.epochs, one.after) for one in found.stretches]
    assert told[:2] == [
        ("a", lost.trial, 0.0, 30.0, "lost", 1, 1),
        ("b", lost.trial, 100.0, 130.0, "completed", 1, 2),
    ]
    assert [one.lost for one in found.stretches] == [oracle.account.lost, 0.0, None] == [12.5, 0.0, None]
    sign = store.list(f"{KEY}/workers/")[0].modified.timestamp()
    end = round(max(sign - BEGUN, 130.4), 1)
    assert told[2] == ("b", running.trial, 130.4, end, "running", None, None)


def test_the_first_of_the_latest_stretches_does_not_count_the_epochs_of_those_before(store: FolderStore) -> None:
    oracle = oracle_of(DECK, 1)
    for number in range(STRETCHES):
        oracle.now = BEGUN + number
        oracle.give_back(given := taken(oracle, f"w{number}"), 1)
    store.put(f"{KEY}/oracle.json", oracle.dump().model_dump_json().encode())
    found = timeline(store, KEY)
    assert found and {one.trial for one in found.stretches} == {given.trial}
    assert [one.epochs for one in found.stretches] == [None] + [0] * (STRETCHES - 1)


def test_a_search_that_kept_no_times_has_no_timeline(store: FolderStore) -> None:
    assert timeline(store, KEY) is None
    oracle = oracle_of(DECK, 1)
    oracle.complete(given := taken(oracle), points(given), 1.0)
    store.put(f"{KEY}/oracle.json", oracle.dump().model_dump_json().encode())
    assert timeline(store, KEY) is None


def test_a_document_of_another_version_has_no_timeline(store: FolderStore) -> None:
    store.put(f"{KEY}/oracle.json", b'{"version": 99}')
    assert timeline(store, KEY) is None
