"""Where a search stands: true at every moment, and asking changes nothing."""

from pathlib import Path
from typing import Any

import pytest

from charrec.storage import Store
from charrec.study import Search
from charrec.sweep.oracle import FAILURES
from charrec.sweep.ranking import ranking as ranking_of_any
from charrec.sweep.schedule import Rung, schedule
from charrec.sweep.standing import status
from charrec.tuning.ranking import of_network_4, ranking
from charrec.tuning.space import OBJECTIVE
from tests.sweep.driving import DECK, SMALL, points, searched, taken
from tests.sweep.staged import KEY, SECONDS, Staged
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


def test_the_schedule_of_the_decks_search() -> None:
    rungs = schedule(DECK)
    assert rungs == tuple(
        Rung(bracket=bracket, rung=rung, trials=trials, first=first, epochs=epochs)
        for bracket, rung, trials, first, epochs in [
            (2, 0, 12, 0, 2),
            (2, 1, 4, 2, 4),
            (2, 2, 2, 4, 10),
            (1, 0, 6, 0, 4),
            (1, 1, 2, 4, 10),
            (0, 0, 4, 0, 10),
        ]
    )
    assert sum(rung.trials for rung in rungs) == 30
    assert sum(rung.trials * (rung.epochs - rung.first) for rung in rungs) == 120


@pytest.mark.parametrize(
    "search", [Search(max_epochs=1, factor=2), SMALL, Search(max_epochs=4), Search(max_epochs=9), Search(max_epochs=20)]
)
def test_a_search_runs_its_schedule(search: Search) -> None:
    found: dict[tuple[int, ...], int] = {}
    for row in ranking(searched(search, 1)):
        found[row.bracket, row.rung, row.epochs] = found.get((row.bracket, row.rung, row.epochs), 0) + 1
    assert found == {(rung.bracket, rung.rung, rung.epochs): rung.trials for rung in schedule(search)}


def test_a_search_that_has_not_begun(staged: Staged) -> None:
    now = staged.status
    assert [(rung.trials, rung.completed, rung.running) for rung in now.rungs] == [
        (trials, 0, 0) for trials in (12, 4, 2, 6, 2, 4)
    ]
    assert (now.epochs_done, now.epochs, now.finished, now.aborted) == (0, 120, False, None)
    assert (now.workers, now.troubles, now.best, now.seconds_left) == ((), (), None, None)


def test_trials_are_counted_by_rung_and_state(busy: Staged) -> None:
    counted = {
        (rung.bracket, rung.rung): (rung.completed, rung.running, rung.waiting, rung.failed)
        for rung in busy.status.rungs
    }
    assert counted == {
        (2, 0): (12, 0, 0, 0),
        (2, 1): (1, 2, 0, 1),
        (2, 2): (0, 0, 0, 0),
        (1, 0): (0, 1, 1, 0),
        (1, 1): (0, 0, 0, 0),
        (0, 0): (0, 0, 0, 0),
    }


def test_epochs_count_as_soon_as_they_are_stored_and_those_of_a_failed_trial_as_done(busy: Staged) -> None:
    now = busy.status
    ended = 12 * 2 + 2 + 2
    assert now.epochs_done == ended + 1
    assert now.epochs == 120


def test_workers_are_alive_lost_or_idle(busy: Staged) -> None:
    rows = {row.worker: row for row in busy.status.workers}
    assert sorted(rows) == ["alive", "asleep", "idle", "vanished"]
    assert {name: (row.trial, row.epochs, row.of, row.lost) for name, row in rows.items()} == {
        "alive": ("0014", 1, 2, False),
        "asleep": ("0015", 0, 2, True),  # its last sign is older than its lease
        "vanished": ("0016", 0, 4, True),  # it gave none
        "idle": (None, None, None, False),
    }
    assert rows["alive"].age == pytest.approx(3, abs=2)
    assert rows["asleep"].age == pytest.approx(100, abs=2)
    assert rows["vanished"].age is None


def test_a_worker_is_lost_when_its_lease_is_over(busy: Staged) -> None:
    rows = {row.worker: row.lost for row in status(busy.store, busy.sweep, lease=1000).workers}
    assert rows == {"alive": False, "asleep": False, "vanished": True, "idle": False}


def test_what_went_wrong_is_told_until_it_is_mended(busy: Staged) -> None:
    busy.oracle.fail(taken(busy.oracle, "another"), "ResourceExhausted: out of memory")
    busy.put()
    told = [(row.trial, row.failed, row.message) for row in busy.status.troubles]
    assert told == [
        ("0013", True, "TrainingDiverged: the loss is not a number"),
        ("0017", False, "ResourceExhausted: out of memory"),
    ]
    taken(busy.oracle, "a-third")
    busy.put()
    assert [row.trial for row in busy.status.troubles] == ["0013"]


def test_the_seconds_left_are_those_of_the_epochs_left_by_the_workers_at_work(busy: Staged) -> None:
    left = 120 - (12 * 2 + 2 + 2 + 1)
    assert busy.status.seconds_left == pytest.approx(SECONDS * left)  # one is at work, two are lost, one is idle
    busy.sign("vanished", 1.0)
    assert busy.status.seconds_left == pytest.approx(SECONDS * left / 2)


def test_an_epoch_counts_as_much_in_a_short_trial_as_in_a_long_one(tmp_path: Path) -> None:
    small = Staged(tmp_path / "store", SMALL)
    for seconds in (1.0, 1.0, 7.0):  # of one epoch each: two of a first rung, one that was promoted
        small.oracle.complete(taken(small.oracle), 0.5, seconds)
    long = taken(small.oracle)
    assert (long.first, long.epochs) == (0, 2)
    small.oracle.complete(long, 0.5, 21.0)
    taken(small.oracle, "alive")
    small.sign("alive", 0.0)
    small.put()
    assert small.status.seconds_left == pytest.approx(2 * (1 + 1 + 7 + 21) / 5)


def test_without_a_worker_or_a_trial_that_ended_nobody_knows_how_long_it_takes(staged: Staged) -> None:
    given = taken(staged.oracle, "alive")
    staged.sign("alive", 0.0)
    staged.put()
    assert staged.status.seconds_left is None
    staged.oracle.complete(given, 0.5, 1.0)
    staged.put()
    assert staged.status.seconds_left is None


def test_the_best_so_far_is_the_first_of_the_ranking(busy: Staged) -> None:
    best = busy.status.best
    assert best
    assert best == ranking_of_any(busy.oracle.dump(), OBJECTIVE)[0]
    assert of_network_4(best) == ranking(busy.oracle.dump())[0]
    assert best.score == max(rung.best for rung in busy.status.rungs if rung.best is not None)
    assert (best.bracket, best.rung, best.state) == (2, 1, "COMPLETED")


def test_a_search_is_finished_when_nothing_is_left(tmp_path: Path) -> None:
    small = Staged(tmp_path / "store", SMALL)
    for _ in range(5):
        given = taken(small.oracle)
        small.put()
        assert not small.status.finished
        small.oracle.complete(given, points(given), 1.0)
    small.put()
    now = small.status
    assert now.finished
    assert (now.epochs_done, now.epochs, now.seconds_left) == (7, 7, 0.0)


def test_a_search_with_failed_trials_is_finished_too(tmp_path: Path) -> None:
    small = Staged(tmp_path / "store", SMALL)
    small.complete(1)
    small.fail("why")
    small.finish()
    now = small.status
    assert now.finished
    assert (now.epochs_done, now.epochs, sum(rung.failed for rung in now.rungs)) == (7, 7, 1)


def test_a_search_that_was_ended_is_not_finished_and_tells_why(staged: Staged) -> None:
    for _ in range(FAILURES):
        staged.fail("InternalError: no GPU")
    staged.put()
    now = staged.status
    assert not now.finished
    assert now.aborted == f"Number of consecutive failures exceeded the limit of {FAILURES}.\nInternalError: no GPU"
    assert now.best is None


def test_asking_changes_nothing(busy: Staged) -> None:
    before = [entry[:3] for entry in busy.store.list()]
    assert status(busy.store, busy.sweep).rungs == status(busy.store, busy.sweep).rungs
    assert [entry[:3] for entry in busy.store.list()] == before


class Asked:
    """A store, and the keys that it was asked for."""

    def __init__(self, store: Store) -> None:
        self.store, self.keys = store, list[str]()

    def __getattr__(self, name: str) -> Any:
        def call(key: str) -> Any:
            self.keys.append(key)
            return getattr(self.store, name)(key)

        return call


def test_the_status_of_ended_trials_takes_two_requests_however_many_are_at_work(busy: Staged) -> None:
    whole, asked = busy.status, Asked(busy.store)
    told = status(asked, busy.sweep, running=False)  # type: ignore[arg-type]
    assert asked.keys == [busy.sweep.oracle, f"{KEY}/workers/"]
    assert (whole.epochs_done, told.epochs_done) == (29, 28)
    assert (told.rungs, told.best, told.runnable) == (whole.rungs, whole.best, whole.runnable)
