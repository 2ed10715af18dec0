"""Where a search stands, for people and programs: true at every moment, and asking changes nothing."""

import json
import os
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from charrec.commands.sweep import main
from charrec.results import Epoch
from charrec.storage import Store, open_store
from charrec.study import Search
from charrec.sweep.heartbeat import Beat
from charrec.sweep.oracle import FAILURES, LOSSES, Assignment
from charrec.sweep.outcome import ANEW, SearchFailed
from charrec.sweep.ranking import ranking as ranking_of_any
from charrec.sweep.schedule import Rung, schedule
from charrec.sweep.standing import Status, status
from charrec.sweep.table import headline, lines
from charrec.training.checkpoints import Progress
from charrec.tuning.outcome import result
from charrec.tuning.plan import Sweep
from charrec.tuning.ranking import of_network_4, ranking
from charrec.tuning.space import OBJECTIVE
from tests.sweep.driving import DECK, SMALL, alone, fail_for_good, oracle_of, points, searched, taken
from tests.toy import RECIPE, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

KEY = "sweeps/0123456789abcdef"
SECONDS = 10.0  # of an epoch
ENDED = rf"^{KEY} has failed: Number of consecutive failures exceeded the limit of 5\.\nInternalError: no GPU\n{ANEW}$"


class Staged:
    """A search as its workers would leave it in a folder."""

    def __init__(self, folder: Path, search: Search = DECK, key: str = KEY) -> None:
        self.store: Store = open_store(str(folder))
        self.folder = folder
        self.sweep = Sweep(key=key, search=search, recipe=RECIPE.model_copy(update={"model": "model_4"}))
        self.sweep.begin(self.store)
        self.oracle = oracle_of(search, self.sweep.recipe.seed)

    def put(self) -> None:
        self.store.put(self.sweep.oracle, self.oracle.dump().model_dump_json().encode())

    def finish(self) -> None:
        alone(self.oracle)
        self.put()

    def complete(self, trials: int) -> None:
        for _ in range(trials):
            given = taken(self.oracle, "worker")
            self.oracle.complete(given, points(given), SECONDS * (given.epochs - given.first))

    def fail(self, message: str) -> Assignment:
        """The next trial, for good."""
        given = taken(self.oracle, "worker")
        fail_for_good(self.oracle, given, message)
        return given

    def sign(self, worker: str, age: float) -> None:
        """A worker's sign of life, so many seconds old."""
        name = f"{self.sweep.key}/workers/{worker}"
        self.store.put(name, Beat(worker=worker).model_dump_json().encode())
        os.utime(self.folder / name, (time.time() - age,) * 2)

    def trained(self, given: Assignment, epochs: int) -> None:
        """The trial's configuration has so many epochs in all."""
        row = Epoch(epoch=1, loss=1, accuracy=0, val_loss=1, val_accuracy=0, seconds=1, images_per_second=1)
        rows = tuple(row.model_copy(update={"epoch": epoch}) for epoch in range(1, epochs + 1))
        name = f"{self.sweep.training(given.configuration)}/progress.json"
        self.store.put(name, Progress(owner="a", epochs=rows).model_dump_json().encode())

    @property
    def status(self) -> Status:
        return status(self.store, self.sweep)


@pytest.fixture
def staged(tmp_path: Path) -> Staged:
    return Staged(tmp_path / "store")


@pytest.fixture
def busy(staged: Staged) -> Staged:
    """Of everything something: ended, failed, running, lost and waiting trials, an idle worker."""
    staged.complete(13)  # bracket 2's first rung, and one that was promoted from it
    staged.fail("TrainingDiverged: the loss is not a number")
    for worker, age, done in (("alive", 3.0, 1), ("asleep", 100.0, 0)):
        given = taken(staged.oracle, worker)
        staged.trained(given, given.first + done)
        staged.sign(worker, age)
    taken(staged.oracle, "vanished")
    staged.oracle.give_back(taken(staged.oracle, "preempted"))
    staged.sign("idle", 4.0)
    staged.put()
    return staged


# The schedule


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


# The status


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


# The ranking


def test_the_ranking_is_by_accuracy_then_epochs_then_configuration(tmp_path: Path) -> None:
    oracle = oracle_of(SMALL, 1)
    alone(oracle, lambda given: 0.7 if given.configuration == 3 else 0.5)
    rows = ranking(oracle.dump())
    assert [(row.configuration, row.epochs, row.val_accuracy) for row in rows] == [
        (3, 2, 0.7),
        (0, 2, 0.5),
        (2, 2, 0.5),
        (0, 1, 0.5),
        (1, 1, 0.5),
    ]


def test_an_accuracy_of_0_is_better_than_none(tmp_path: Path) -> None:
    small = Staged(tmp_path / "store", SMALL)
    failed = small.fail("why")
    while isinstance(given := small.oracle.take("worker"), Assignment):
        small.oracle.complete(given, 0.0, 1.0)
    small.put()
    rows = ranking(small.oracle.dump())
    assert [row.val_accuracy for row in rows] == [0.0, 0.0, 0.0, 0.0, None]
    assert rows[-1].trial == failed.trial
    assert result(small.store, small.sweep, 1).chosen == rows[0].network


# The result


def test_the_result_of_a_finished_search(staged: Staged) -> None:
    staged.complete(30)
    staged.put()
    found = result(staged.store, staged.sweep, 1234)
    assert found.trials == tuple(ranking(staged.oracle.dump()))
    assert found.chosen == found.trials[0].network
    assert (found.epochs, found.images, found.seconds) == (120, 1234, 120 * SECONDS)
    assert {name: len(values) for name, values in found.space.items()} == {
        "filters_hp_1": 2,
        "filters_hp_2": 2,
        "filters_hp_3": 4,
        "dropout": 5,
        "units": 9,
    }


def test_a_search_that_is_not_finished_has_no_result(staged: Staged) -> None:
    with pytest.raises(SearchFailed, match=rf"^{KEY} has not begun$"):
        result(staged.store, staged.sweep, 1)
    staged.complete(29)
    staged.put()
    with pytest.raises(SearchFailed, match=rf"^{KEY} is not finished: 29 trials have ended, others will$"):
        result(staged.store, staged.sweep, 1)


def test_a_search_that_was_ended_has_no_result(staged: Staged) -> None:
    staged.complete(3)
    for _ in range(FAILURES):
        staged.fail("InternalError: no GPU")
    staged.put()
    with pytest.raises(
        SearchFailed,
        match=ENDED,
    ):
        result(staged.store, staged.sweep, 1)


def test_a_search_of_which_every_trial_failed_tells_why(tmp_path: Path) -> None:
    tiny = Staged(tmp_path / "store", Search(max_epochs=1, factor=2))
    tiny.fail("InternalError: no GPU")
    assert tiny.oracle.take("worker") == "STOPPED"
    tiny.put()
    with pytest.raises(
        SearchFailed,
        match=rf"^{KEY} has failed: no trial of 1 succeeded; trial 0000: .*no GPU\n{ANEW}$",
    ):
        result(tiny.store, tiny.sweep, 1)


# For people


def test_a_trial_that_was_given_up_with_its_workers_has_not_failed(tmp_path: Path) -> None:
    """In the table, in what is told, and in the result."""
    small = Staged(tmp_path / "store", SMALL)
    for _ in range(LOSSES + 1):
        small.oracle.lose(taken(small.oracle).trial, 0)
    small.fail("TrainingDiverged: the loss is not a number")
    small.finish()
    now = small.status
    assert [(row.trial, row.failed, row.lost) for row in now.troubles] == [("0000", False, True), ("0001", True, False)]
    assert (sum(rung.failed for rung in now.rungs), sum(rung.lost for rung in now.rungs)) == (1, 1)
    assert now.finished
    said = lines(now)[-2:]
    assert said[0] == "trial 0000, configuration 0, given up with its workers: lost 6 workers in a row in epoch 1"
    assert said[1].startswith("trial 0001, configuration 1, failed: TrainingDiverged")
    ended = result(small.store, small.sweep, 100).trials
    assert {row.trial: row.state for row in ended if row.val_accuracy is None} == {"0000": "LOST", "0001": "FAILED"}


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


def test_the_table_of_a_busy_search(busy: Staged) -> None:
    best = busy.status.best
    assert best
    network = ", ".join(f"{name} {value}" for name, value in best.values.items())
    assert (
        re.sub(r"\d+ s ago", "a while ago", "\n".join(lines(busy.status)))  # a loaded machine ages them
        == f"""\
29 of 120 epochs; 14 of 30 trials; best {best.score:.4f} (configuration {best.configuration}); about 15 min left
configuration {best.configuration}, 4 epochs: {network}

bracket  rung  epochs  trials  completed  running  waiting  failed  lost    best
      2     0     1-2      12         12        -        -       -     -  {busy.status.rungs[0].best:.4f}
      2     1     3-4       4          1        2        -       1     -  {best.score:.4f}
      2     2    5-10       2          -        -        -       -     -
      1     0     1-4       6          -        1        1       -     -
      1     1    5-10       2          -        -        -       -     -
      0     0    1-10       4          -        -        -       -     -

worker    trial  configuration  epochs  last sign
alive      0014{configuration(busy, "0014"):>15}  1 of 2  a while ago
asleep     0015{configuration(busy, "0015"):>15}  0 of 2  a while ago, lost
idle       idle                         a while ago
vanished   0016{configuration(busy, "0016"):>15}  0 of 4  none, lost

trial 0013, configuration {configuration(busy, "0013")}, failed: TrainingDiverged: the loss is not a number"""
    )


def configuration(staged: Staged, trial: str) -> int:
    return staged.oracle.records[trial].configuration


def test_the_headline_tells_how_it_ended(tmp_path: Path) -> None:
    finished, ended = Staged(tmp_path / "a", SMALL), Staged(tmp_path / "b")
    finished.finish()
    assert headline(finished.status).startswith("7 of 7 epochs; 5 of 5 trials; best 0.")
    assert headline(finished.status).endswith("; finished")
    for _ in range(FAILURES):
        ended.fail("InternalError: no GPU")
    ended.put()
    assert headline(ended.status) == (
        "10 of 120 epochs; 5 of 30 trials;"
        " ended: Number of consecutive failures exceeded the limit of 5. InternalError: no GPU"
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "0 s"),
        (119.4, "119 s"),
        (119.6, "2 min"),
        (3570, "1 h 0 min"),
        (3569, "59 min"),
        (5814, "1 h 37 min"),
        (172_700, "47 h 58 min"),
        (172_800, "2 d 0 h"),
        (1_000_000, "11 d 13 h"),
    ],
)
def test_a_duration_is_told_in_two_units(seconds: float, said: str, staged: Staged) -> None:
    told = staged.status.model_copy(update={"seconds_left": seconds})
    assert headline(told) == f"0 of 120 epochs; 0 of 30 trials; about {said} left"


def test_what_a_trial_said_is_one_short_line_that_cannot_move_the_cursor(tmp_path: Path) -> None:
    small = Staged(tmp_path / "store", SMALL)
    small.fail("ValueError:\n\tthe \x1b[31mred\x1b[0m one\r\n" + 1000 * "x")
    small.put()
    last = lines(small.status)[-1]
    assert last.startswith("trial 0000, configuration 0, failed: ValueError: the [31mred [0m one xxx")
    assert last.endswith("xxx…")
    assert last.isprintable()
    assert len(last) < 250


# The command


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_shows_the_table(busy: Staged, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "status", str(busy.folder), KEY)
    assert (code, err) == (0, "")
    assert out.splitlines() == [KEY, *lines(busy.status)]


def test_the_command_takes_the_search_that_was_begun_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, key in enumerate(("sweeps/bbbb", "sweeps/aaaa", "sweeps/cccc")):
        Staged(tmp_path, key=key)
        os.utime(tmp_path / key / "sweep.json", (1000 - number % 2,) * 2)
    os.utime(tmp_path / "sweeps/aaaa/sweep.json", (2000,) * 2)
    assert run(capsys, "status", str(tmp_path))[1].startswith("sweeps/aaaa\n0 of 120 epochs")


def test_programs_are_told_in_json(busy: Staged, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "status", str(busy.folder), "--json")
    assert (code, err) == (0, "")
    told = Status.model_validate_json(out)
    assert told.rungs == busy.status.rungs
    assert json.loads(out)["epochs_done"] == 29


def test_watching_ends_with_the_search(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = Staged(tmp_path / "store", SMALL)
    small.complete(2)
    small.put()
    later = threading.Timer(0.3, small.finish)
    later.start()
    code, out, _ = run(capsys, "status", str(small.folder), "--watch", "0.05", "--json")
    later.join()
    told = [Status.model_validate_json(line) for line in out.splitlines()]
    assert code == 0
    assert len(told) > 1
    assert [now.finished for now in told] == [False] * (len(told) - 1) + [True]


def test_watching_ends_with_a_search_that_was_ended(staged: Staged, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(FAILURES):
        staged.fail("InternalError: no GPU")
    staged.put()
    code, out, _ = run(capsys, "status", str(staged.folder), "--watch", "600")
    assert code == 0
    assert "ended: Number of consecutive failures" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("status", "{}/nothing"),
            r"/nothing; expected one in which a study ran. Correct the store's address, or run a",
        ),
        (("status", "{}", "sweeps/wrong"), f"has no search sweeps/wrong; expected one of {KEY}. Name one of"),
        (("status", "{}", "../elsewhere"), r"a store's key is '../elsewhere/sweep.json'; expected names of"),
        (("status", "ftp://host/path"), r"a store's address of the kind 'ftp'; expected"),
        (
            ("work", "{}", KEY),
            r"the search sweeps/0123456789abcdef does not name its images; expected a search that a study began",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    words: tuple[str, ...], said: str, staged: Staged, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *(word.format(staged.folder) for word in words))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert said in err
    assert err.count("\n") == 1


def test_a_foreign_search_is_refused(staged: Staged, capsys: pytest.CaptureFixture[str]) -> None:
    staged.store.put(staged.sweep.oracle, b"{}")
    code, out, err = run(capsys, "status", str(staged.folder))
    assert (code, out) == (2, "")
    assert "oracle.json holds a search of version None; expected a search of version 3" in err


def test_a_foreign_description_is_refused(staged: Staged, capsys: pytest.CaptureFixture[str]) -> None:
    staged.store.put(f"{KEY}/sweep.json", b'{"key": "elsewhere"}')
    code, out, err = run(capsys, "status", str(staged.folder))
    assert (code, out) == (2, "")
    assert f"{KEY}/sweep.json holds search: Field required" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
@pytest.mark.parametrize("option", ["--watch", "--idle"])
def test_a_wait_is_a_number_of_seconds(option: str, seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["status" if option == "--watch" else "work", "store", option, seconds])
    assert ended.value.code == 2
    said = f"argument {option}: found {seconds!r}; expected a number above 0"
    assert said in capsys.readouterr().err
