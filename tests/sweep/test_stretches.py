"""Who worked at which trial, from when to when: kept with the changes that end a lease, and nothing depends on it."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from charrec.storage.folder import FolderStore
from charrec.study import Search
from charrec.sweep.document import STRETCHES, Document, Stretch, parsed
from charrec.sweep.heartbeat import Beat, Terms, reap
from charrec.sweep.oracle import Assignment, Oracle
from charrec.sweep.transaction import transact
from charrec.tuning.plan import Sweep
from tests.sweep.driving import DECK, SMALL, alone, oracle_of, points, reborn, taken
from tests.toy import SEARCH_RECIPE, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

BEGUN, NOW = 1795852800.0, 1795852900.0
SWEEP = Sweep(key="sweep", search=SMALL, recipe=SEARCH_RECIPE)

End = Callable[[Oracle, Assignment], object]


def ended(end: End) -> tuple[Stretch, ...]:
    """The stretches of a trial that was taken at BEGUN and ends so at NOW."""
    oracle = oracle_of(SMALL, 1)
    oracle.now = BEGUN
    given = taken(oracle, "w")
    oracle.now = NOW
    end(oracle, given)
    return tuple(reborn(oracle, SMALL).records[given.trial].stretches)


@pytest.mark.parametrize(
    ("end", "how", "at", "epochs"),
    [
        (lambda oracle, given: oracle.complete(given, 0.5, 1.0), "completed", NOW, 1),
        (lambda oracle, given: oracle.fail(given, "why"), "failed", NOW, None),
        (lambda oracle, given: oracle.doubt(given, "why"), "failed", NOW, None),
        (lambda oracle, given: oracle.give_back(given, 0), "given back", NOW, 0),
        (lambda oracle, given: oracle.free(given.trial), "given back", None, None),
        (lambda oracle, given: oracle.lose(given.trial, 0, age=70.04), "lost", NOW - 70, 0),
        (lambda oracle, given: oracle.lose(given.trial, 0, age=1e6), "lost", BEGUN, 0),
    ],
)
def test_the_end_of_a_lease_leaves_a_stretch(end: End, how: Any, at: float | None, epochs: int | None) -> None:
    assert ended(end) == (Stretch(worker="w", begun=BEGUN, ended=at, how=how, epochs=epochs),)


def test_a_lease_that_was_lost_leaves_nothing_twice() -> None:
    oracle = oracle_of(SMALL, 1)
    oracle.now = BEGUN
    given = taken(oracle, "frozen")
    oracle.lose(given.trial, 0)
    before = oracle.dump()
    assert not oracle.complete(given, 0.5, 1.0) and not oracle.give_back(given, 1) and not oracle.fail(given, "why")
    assert oracle.dump() == before


def test_a_store_that_tells_no_time_leaves_no_stretch() -> None:
    oracle = oracle_of(SMALL, 1)
    first = taken(oracle)
    oracle.now = NOW  # it tells the time since
    oracle.complete(first, 0.5, 1.0)
    oracle.complete(second := taken(oracle), 0.5, 1.0)
    assert [len(oracle.records[one.trial].stretches) for one in (first, second)] == [0, 1]


def test_the_latest_stretches_of_a_trial_are_kept() -> None:
    oracle = oracle_of(SMALL, 1)
    for number in range(STRETCHES + 3):
        oracle.now = BEGUN + number
        given = taken(oracle, f"w{number}")
        oracle.give_back(given)
    assert given.trial == "0000"
    kept = oracle.records["0000"].stretches
    assert [one.worker for one in kept] == [f"w{number}" for number in range(3, STRETCHES + 3)]


def without_times(document: Document) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(document.model_dump_json())
    for record in plain["trials"].values():
        record.pop("stretches", None)
    for lease in plain["leases"].values():
        lease.pop("begun", None)
    return plain


def lived(seed: int, clock: Callable[[], float | None]) -> Document:
    """A search whose workers are lost, stopped and fail by chance."""
    rng, oracle = random.Random(seed), oracle_of(DECK, seed)
    while True:
        oracle.now = clock()
        given = oracle.take(f"w{rng.randrange(10**6)}", shown=rng.random() < 0.8)
        if not isinstance(given, Assignment):
            return oracle.dump()
        oracle.now = clock()
        match rng.randrange(8):
            case 0:
                oracle.lose(given.trial, 0, age=rng.uniform(0, 100))
            case 1:
                oracle.give_back(given, 0)
            case 2 if not oracle.records[given.trial].failures:
                oracle.doubt(given, "why")
            case _:
                oracle.complete(given, points(given), 1.0)


def test_no_clock_changes_anything_but_the_times() -> None:
    """Not one that stands still, jumps about or tells nothing."""
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    none = lived(seed, lambda: None)
    jumping = lived(seed, lambda: chance.choice((None, chance.uniform(0, 2e9))))
    assert without_times(jumping) == without_times(none), f"seed {seed}"
    assert any(record.stretches for record in jumping.trials.values()), f"seed {seed}"
    assert parsed(jumping.model_dump_json().encode(), "the store") == jumping, f"seed {seed}"


def test_a_document_from_before_stretches_were_kept_loads() -> None:
    oracle = oracle_of(DECK, 1)
    oracle.now = BEGUN
    oracle.complete(given := taken(oracle, "a"), points(given), 1.0)
    taken(oracle, "b")
    old = parsed(json.dumps(without_times(oracle.dump())).encode(), "the store")
    assert [record.stretches for record in old.trials.values()] == [[], []]
    assert [lease.begun for lease in old.leases.values()] == [None]


def test_a_stretch_takes_less_than_a_hundred_bytes_beside_its_workers_name() -> None:
    """The document is read and written at every trial's start and end."""
    search = Search(max_epochs=81, factor=3)
    sizes = []
    for now in (None, NOW):
        oracle = oracle_of(search, 1)
        oracle.now = now
        alone(oracle)
        sizes.append(len(oracle.dump().model_dump_json()))
    trials = len(oracle.records)
    assert trials == 211
    assert (sizes[1] - sizes[0]) / trials < 100 + len("worker")


def test_a_transaction_notes_the_stores_time(tmp_path: Path) -> None:
    store, oracle = FolderStore(tmp_path), oracle_of(SMALL, 1)
    given = transact(store, SWEEP.oracle, oracle, lambda: taken(oracle, "w"))
    transact(store, SWEEP.oracle, oracle, lambda: oracle.complete(given, 0.5, 1.0))
    times = [entry.modified.timestamp() for entry in store.list()]
    (stretch,) = oracle.records[given.trial].stretches
    assert stretch.ended is not None
    assert times[0] - 60 < stretch.begun <= stretch.ended <= times[0] + 0.1


def test_a_lost_worker_worked_until_its_last_sign_of_life(tmp_path: Path) -> None:
    """Not until another one found it lost, which may be a day later."""
    store, oracle = FolderStore(tmp_path), oracle_of(SMALL, 1)
    given = transact(store, SWEEP.oracle, oracle, lambda: taken(oracle, "w"))
    store.put("sweep/workers/w", Beat(worker="w").model_dump_json().encode())
    now = oracle.leases[given.trial].begun
    assert now is not None
    os.utime(tmp_path / "sweep/workers/w", (now - 1000, now - 1000))
    oracle.leases[given.trial] = oracle.leases[given.trial].model_copy(update={"begun": now - 5000})
    oracle.now = store.now()
    reap(store, SWEEP, oracle, Terms())
    (stretch,) = oracle.records[given.trial].stretches
    assert stretch.how == "lost"
    assert stretch.ended is not None and abs(stretch.ended - (now - 1000)) < 1
