"""What must hold for every schedule: each trial once, whoever dies, and the same state in the document."""

import random
from pathlib import Path
from typing import Any

import pytest

from charrec.storage import Conflict, open_store
from charrec.storage.folder import FolderStore
from charrec.sweep.document import BELIEVED, Document, parsed
from charrec.sweep.heartbeat import Beat
from charrec.sweep.oracle import FAILURES, LOSSES, Assignment, Oracle
from charrec.sweep.outcome import failed, finished, ranked, runnable
from charrec.sweep.retry import reopen
from charrec.sweep.schedules import Asha
from charrec.sweep.standing import status
from charrec.sweep.table import lines
from charrec.sweep.transaction import transact
from charrec.tuning.ranking import ranking
from tests.sweep.driving import alone, fail_for_good, oracle_of, points, reborn, taken
from tests.sweep.scheduled import SCHEDULES, Scheduled, check_whole, scheduled
from tests.thorough import often
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

INTERLEAVINGS = often(15, 200)


@pytest.fixture(params=SCHEDULES)
def plan(request: pytest.FixtureRequest) -> Scheduled:
    return scheduled(request.param)


@pytest.fixture(params=[name for name, by in SCHEDULES.items() if not isinstance(by, Asha)])
def repeatable(request: pytest.FixtureRequest) -> Scheduled:
    return scheduled(request.param)


@pytest.fixture
def oracle(plan: Scheduled) -> Oracle:
    return oracle_of(plan.schedule, plan.seed)


def summary(document: Document) -> list[dict[str, Any]]:
    """The ranking, but for what may differ: names of trials and seconds."""
    return [row.model_dump(exclude={"trial", "seconds"}) for row in ranking(document)]


def searched(plan: Scheduled) -> Document:
    oracle = oracle_of(plan.schedule, plan.seed)
    alone(oracle)
    return oracle.dump()


def spent(document: Document) -> int:
    return sum(record.epochs - record.first for record in document.trials.values())


def test_a_search_tries_what_its_schedule_says(plan: Scheduled) -> None:
    document = searched(plan)
    check_whole(plan, document)
    told = {
        "Hyperband": (15, 30),
        "random": (6, 24),
        "best of": (9, 13),
        "ASHA": (17, 20),
        "ASHA within 25 epochs": (22, 25),
    }
    name = next(name for name in SCHEDULES if plan == scheduled(name))
    assert (len(document.trials), spent(document)) == told[name]


def test_a_search_that_changes_process_at_every_step_is_the_same(plan: Scheduled) -> None:
    oracle, given = oracle_of(plan.schedule, plan.seed), None
    while given != "STOPPED":
        given = oracle.take("worker")
        oracle = reborn(oracle, plan.schedule, plan.seed)
        if isinstance(given, Assignment):
            oracle.complete(given, points(given), 1.0)
            oracle = reborn(oracle, plan.schedule, plan.seed)
    assert oracle.dump() == searched(plan)


def test_the_document_comes_back_to_the_last_byte(plan: Scheduled, oracle: Oracle) -> None:
    oracle.complete(taken(oracle), 0.5, 2.5)
    oracle.fail(taken(oracle, "a"), "why")
    oracle.lose(taken(oracle, "b").trial, 0)
    taken(oracle, "c")
    text = oracle.dump().model_dump_json()
    assert parsed(text.encode(), "the store", plan.space).model_dump_json() == text
    assert ("brackets" in text) == (plan.by is None)


def test_the_nth_point_is_the_same_whoever_asks(plan: Scheduled, oracle: Oracle) -> None:
    networks = {given.configuration: given.values for given in alone(oracle_of(plan.schedule, plan.seed))}
    number = 0
    while isinstance(given := oracle.take(f"worker-{number}"), Assignment):
        assert given.values == networks.get(given.configuration, given.values)
        number += 1
    assert number > 5


def disturbed(plan: Scheduled, seed: int) -> Document:
    """1 to 8 workers that finish, fail, leave, are lost and wake up in any order; one point fits on none."""
    rng = random.Random(seed)
    oracle, started, asked = oracle_of(plan.schedule, plan.seed), 0, None
    held: list[Assignment] = []
    dead: list[Assignment] = []
    workers = rng.randint(1, 8)
    while asked != "STOPPED":
        move = rng.random()
        if rng.random() < 0.05:
            oracle = reborn(oracle, plan.schedule, plan.seed)
        if len(held) < workers and move < 0.5:
            started += 1
            asked = oracle.take(f"worker-{started}", shown=rng.random() < 0.5)
            held += [asked] if isinstance(asked, Assignment) else []
        elif dead and move < 0.6:
            zombie, before = rng.choice(dead), oracle.dump()
            assert not oracle.complete(zombie, 0.9, 1.0) and not oracle.fail(zombie, "late")
            assert not oracle.give_back(zombie) and not oracle.suspect(zombie, "late", memory=True, lost=9)
            assert oracle.dump() == before
        elif held:
            given = held.pop(rng.randrange(len(held)))
            end(oracle, given, rng)
            dead.append(given)
    return oracle.dump()


def end(oracle: Oracle, given: Assignment, rng: random.Random) -> None:
    """The trial leaves its worker, in one way or another."""
    how, record = rng.random(), oracle.records[given.trial]
    if how < 0.1:
        assert oracle.give_back(given)
    elif how < 0.2:
        assert oracle.doubt(given, "a sick machine")
    elif how < 0.3:
        epochs = record.losses_at + (record.losses >= LOSSES)
        oracle.lose(given.trial, epochs)
    elif given.configuration == 1 and len(record.failures) < BELIEVED:
        if how < 0.6:
            oracle.suspect(given, "no memory", memory=True, lost=1.0)  # which counts or does not
        else:
            assert oracle.fail(given, "no memory", memory=True)
    else:
        assert oracle.complete(given, points(given), 1.0)


def failing(plan: Scheduled) -> Document:
    """The same without any disturbance: one worker after the other, and the point that fails everywhere."""
    oracle, number = oracle_of(plan.schedule, plan.seed), 0
    while isinstance(given := oracle.take(f"worker-{number}"), Assignment):
        number += 1
        if given.configuration == 1:
            assert oracle.fail(given, "an error")
        else:
            assert oracle.complete(given, points(given), 1.0)
    return oracle.dump()


def test_no_interleaving_loses_a_trial_or_doubles_one(plan: Scheduled, seed: int) -> None:
    quiet, others = summary(failing(plan)), 0
    for number in range(seed, seed + INTERLEAVINGS):
        wild = disturbed(plan, number)
        check_whole(plan, wild)
        others += summary(wild) != quiet
    assert bool(others) == isinstance(plan.by, Asha), "what is trained depends on the order of ends, or not"


def test_a_failed_trial_ranks_last_and_the_search_ends(plan: Scheduled, oracle: Oracle) -> None:
    fail_for_good(oracle, taken(oracle))
    alone(oracle)
    document = oracle.dump()
    check_whole(plan, document)
    last = ranking(document)[-1]
    assert (last.configuration, last.state, last.val_accuracy) == (0, "FAILED", None)
    assert not any(record.parent == "0000" for record in document.trials.values())


def test_of_equals_the_earlier_is_promoted(plan: Scheduled, oracle: Oracle) -> None:
    alone(oracle, lambda _: 0.5)
    promoted = [record.configuration for record in oracle.dump().trials.values() if record.rung == 1]
    assert promoted[:1] == ([] if plan.by == SCHEDULES["random"] else [0])


def test_failures_in_a_row_end_the_search(plan: Scheduled, oracle: Oracle) -> None:
    for _ in range(FAILURES):
        fail_for_good(oracle, taken(oracle), "no GPU")
    assert oracle.take("worker") == "STOPPED"
    assert reborn(oracle, plan.schedule, plan.seed).aborted


def test_any_number_of_points_that_fit_nowhere_ends_no_search(plan: Scheduled, oracle: Oracle) -> None:
    """All but every fourth; each leaves its first worker unable to train."""
    number = 0
    while isinstance(given := oracle.take(f"worker-{number}"), Assignment):
        number += 1
        if given.configuration % 4 == 3:
            assert oracle.complete(given, points(given), 1.0)
        elif oracle.records[given.trial].doubts:
            assert oracle.fail(given, "no memory", memory=True)
        else:
            assert not oracle.suspect(given, "no memory", memory=True, lost=1.0)
    document = oracle.dump()
    assert (given, document.aborted, runnable(plan, document)) == ("STOPPED", None, 0)
    if not isinstance(plan.by, Asha):  # which promotes the fewer
        check_whole(plan, document)
    fitting = {record.configuration for record in document.trials.values() if not record.too_large}
    assert fitting == {number for number in fitting if number % 4 == 3} != set()


def test_what_could_run_is_what_is_given_out(plan: Scheduled, seed: int) -> None:
    rng, oracle = random.Random(seed), oracle_of(plan.schedule, plan.seed)
    held: list[Assignment] = []
    number, asked = 0, None
    while asked != "STOPPED":
        number += 1
        if rng.random() < 0.3:
            copy = reborn(oracle, plan.schedule, plan.seed)
            while isinstance(copy.take(f"asker-{len(copy.leases)}"), Assignment):
                pass
            assert runnable(plan, oracle.dump()) == len(copy.leases), f"step {number}"
        if len(held) < 5 and rng.random() < 0.6:
            asked = oracle.take(f"worker-{number}")
            held += [asked] if isinstance(asked, Assignment) else []
        elif held:
            given = held.pop(rng.randrange(len(held)))
            assert oracle.give_back(given) if rng.random() < 0.1 else oracle.complete(given, points(given), 1.0)


# In a store


class Unanswered(FolderStore):
    """The reply to every other write is lost; who writes again is told of a conflict."""

    writes = 0

    def swap(self, key: str, data: bytes, version: str) -> str:
        return self._answered(super().swap(key, data, version))

    def create(self, key: str, data: bytes) -> str:
        return self._answered(super().create(key, data))

    def _answered(self, version: str) -> str:
        self.writes += 1
        if self.writes % 2:
            raise Conflict("written already")
        return version


def test_a_write_whose_reply_was_lost_is_done_once(
    plan: Scheduled, oracle: Oracle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charrec.storage.change.time.sleep", lambda _seconds: None)
    store = Unanswered(tmp_path)
    while isinstance(given := transact(store, plan.oracle, oracle, lambda: oracle.take("worker")), Assignment):
        kept = transact(store, plan.oracle, oracle, lambda now=given: oracle.complete(now, points(now), 1.0))  # type: ignore[misc]
        assert kept
    document = parsed(store.get(plan.oracle), "the store", plan.space)
    assert (document.ended, summary(document)) == (searched(plan).ended, summary(searched(plan)))
    assert store.writes - 2 * len(document.trials) in (0, 1)  # Hyperband drops its last bracket when it is asked again


def test_the_status_shows_it_from_its_beginning_to_its_end(plan: Scheduled, oracle: Oracle, tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    plan.begin(store)
    before = status(store, plan)
    assert (before.finished, before.epochs_done, before.runnable) == (False, 0, plan.schedule.ready([]))
    given = taken(oracle)
    oracle.complete(given, points(given), 10.0)
    taken(oracle)
    store.put(plan.oracle, oracle.dump().model_dump_json().encode())
    store.put(f"{plan.key}/workers/worker", Beat(worker="worker").model_dump_json().encode())
    amid = status(store, plan)
    assert (amid.finished, amid.epochs_done) == (False, given.epochs - given.first)
    assert [(row.worker, row.trial) for row in amid.workers] == [("worker", "0001")]
    assert amid.best and amid.best.configuration == 0 and amid.seconds_left
    alone(oracle)
    store.put(plan.oracle, oracle.dump().model_dump_json().encode())
    after = status(store, plan)
    assert (after.finished, after.runnable, after.seconds_left) == (True, 0, 0.0)
    assert after.epochs_done == after.epochs == spent(oracle.dump())
    assert sum(rung.completed for rung in after.rungs) == len(oracle.records)
    assert lines(after)[0].endswith("; finished")
    assert finished(store, plan) and failed(store, plan) is None
    assert ranked(store, plan)[1][0].score == after.best.score if after.best else False


def test_a_search_with_failed_trials_begins_anew(repeatable: Scheduled, tmp_path: Path) -> None:
    """And ends as if they had never failed."""
    store, oracle = open_store(str(tmp_path)), oracle_of(repeatable.schedule, repeatable.seed)
    fail_for_good(oracle, taken(oracle))
    alone(oracle)
    store.put(repeatable.oracle, oracle.dump().model_dump_json().encode())
    assert reopen(store, repeatable) == 1
    oracle.load(parsed(store.get(repeatable.oracle), "the store", repeatable.space))
    assert (oracle.records, oracle.leases) == ({}, {})
    alone(oracle)
    assert summary(oracle.dump()) == summary(searched(repeatable))
