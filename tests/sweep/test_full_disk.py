"""A disk without room, a real one: it ends a worker, and no trial."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from charrec.storage import open_store
from charrec.sweep.blame import MachineAtFault
from charrec.sweep.document import Document, parsed
from charrec.sweep.heartbeat import Terms
from charrec.sweep.oracle import LOSSES, Assignment
from charrec.sweep.worker import Ended
from charrec.tuning.plan import Sweep
from charrec.tuning.work import work
from tests.small_disk import SmallDisk, small_disk
from tests.sweep.driving import SMALL, alone, oracle_of, points, searched, taken
from tests.sweep.swarm import SWEEP, small_arrays
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", "256k") as disk:
        yield disk


def document(disk: SmallDisk) -> Document:
    return parsed(open_store(str(disk.path)).get(SWEEP.oracle), "the disk's")


def test_workers_that_cannot_even_give_their_trial_back_cost_it_nothing(disk: SmallDisk) -> None:
    """More of them than the losses that a trial survives."""
    sweep = Sweep(key="sweep", search=SMALL, recipe=SWEEP.recipe)
    oracle = oracle_of(sweep.search, sweep.recipe.seed)
    oracle.complete(first := taken(oracle), points(first), 1.0)
    store = open_store(str(disk.path))
    store.put(sweep.oracle, oracle.dump().model_dump_json().encode())
    got = []

    def on_a_full_disk(given: Assignment, attempt: Callable[[], Ended]) -> None:
        got.append(given.trial)
        disk.fill()
        attempt()

    for _ in range(LOSSES + 2):
        with pytest.raises(MachineAtFault, match=r"cannot be written: No space left on device"):
            work(store, sweep, small_arrays(), terms=Terms(lease=3600), trial=on_a_full_disk)
        left = document(disk)
        assert list(left.leases) == got[-1:]  # nor could it be given back
        assert not any(record.losses or record.doubts or record.failures for record in left.trials.values())
        disk.clear()
    assert len(set(got)) == 1
    oracle.load(left)
    oracle.free(got[0])
    alone(oracle)
    undisturbed = searched(SMALL, sweep.recipe.seed)
    assert {name: one.score for name, one in oracle.dump().trials.items()} == {
        name: one.score for name, one in undisturbed.trials.items()
    }


def test_a_temporary_folder_without_room_ends_the_worker_alone(
    tmp_path: Path, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(disk.path))
    store = open_store(str(tmp_path / "store"))
    with pytest.raises(MachineAtFault, match=r"model.weights.h5 cannot be written: No space left on device"):
        work(store, SWEEP, small_arrays(), terms=Terms(lease=3600))
    left = parsed(store.get(SWEEP.oracle), "the store's")
    assert (left.leases, left.waiting, left.ended) == ({}, ["0000"], [])
    assert not any(record.losses or record.doubts or record.failures for record in left.trials.values())
    assert [path.name for path in disk.path.iterdir()] == []
