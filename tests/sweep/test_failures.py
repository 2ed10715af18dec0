"""What fails, whose worker vanishes and who comes too late: each counts once, for the right one, or not at all."""

import math
from collections import Counter

import pytest

from charrec.sweep.document import Failure
from charrec.sweep.oracle import COSTLY, FAILURES, LOSSES, TOO_LARGE, Assignment, Oracle
from charrec.tuning.ranking import ranking
from tests.sweep.driving import SCHEDULE, SMALL, fail_for_good, in_rungs, points, reborn, taken
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


# Failures


def test_a_trial_that_fails_is_tried_again_by_another_worker_alone(small: Oracle) -> None:
    given = taken(small)
    small.fail(given, "out of range")
    assert small.dump().waiting == [given.trial]
    assert small.dump().trials[given.trial].message == "out of range"
    other = taken(small)
    assert other.trial != given.trial
    again = taken(small, "another")
    assert again == given._replace(token=other.token + 1)
    small.complete(again, 0.5, 1.0)
    record = small.dump().trials[given.trial]
    assert (record.status, record.score, record.message) == ("COMPLETED", 0.5, None)
    assert [failure.worker for failure in record.failures] == ["worker"]


def test_the_last_of_those_that_wait_comes_first(small: Oracle) -> None:
    first, second = taken(small, "a"), taken(small, "b")
    small.give_back(first)
    small.give_back(second)
    assert [taken(small, name).trial for name in ("c", "d")] == [second.trial, first.trial]


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_score_that_is_no_number_is_a_failure(score: float, small: Oracle) -> None:
    given = taken(small)
    assert small.complete(given, score, 1.0)
    record = small.dump().trials[given.trial]
    assert (record.status, record.score, record.message) == ("FAILED", None, f"its score is {score}")
    assert reborn(small, SMALL).dump() == small.dump()


def test_a_worker_waits_for_another_where_only_its_own_failure_is_left(small: Oracle) -> None:
    failed = taken(small)
    small.fail(failed, "why")
    while isinstance(given := small.take("worker"), Assignment):
        small.complete(given, points(given), 1.0)
    assert given == "IDLE"
    assert (small.leases, small.dump().waiting) == ({}, [failed.trial])
    assert taken(reborn(small, SMALL), "another").trial == failed.trial


def test_a_trial_that_fails_on_two_workers_has_failed_with_its_words(small: Oracle) -> None:
    given = taken(small)
    fail_for_good(small, given)
    record = small.dump().trials[given.trial]
    assert (record.status, record.score) == ("FAILED", None)
    assert [(failure.worker, failure.message) for failure in record.failures] == [
        ("worker", "the loss is not a number"),
        ("witness", "the loss is not a number"),
    ]
    assert record.message == "the loss is not a number"
    assert taken(small).trial != given.trial


def test_failures_on_machines_that_have_shown_nothing_never_count(small: Oracle) -> None:
    for number in range(5 * FAILURES):
        assert small.doubt(taken(small, f"sick-{number}"), "no GPU")
    given = taken(small)
    record = small.dump().trials[given.trial]
    assert (given.trial, record.status, record.doubts, record.failures) == ("0000", "RUNNING", 5 * FAILURES, [])
    assert small.aborted is None
    assert small.complete(given, 0.5, 1.0)


@pytest.mark.parametrize("how", ["fail", "doubt", "lose"])
def test_a_worker_that_has_shown_nothing_gets_what_is_free_of_doubt_first(how: str, small: Oracle) -> None:
    given = taken(small)
    small.lose(given.trial, 0) if how == "lose" else getattr(small, how)(given, "why")
    fresh = [small.take(f"fresh-{number}", shown=False) for number in range(4)]
    assert [each.trial for each in fresh if isinstance(each, Assignment)] == ["0001", "0002", "0003", given.trial]
    assert small.take("one-more", shown=False) == "IDLE"


def test_a_worker_gets_no_trial_that_it_will_not_have(small: Oracle) -> None:
    given = taken(small)
    small.doubt(given, "why")
    assert taken(small, "another").trial == given.trial
    small.give_back(small._assignment(given.trial, small.token))
    other = small.take("worker", shown=False, barred={given.trial})
    assert isinstance(other, Assignment)
    assert other.trial != given.trial
    assert small.dump().waiting == [given.trial]


def test_the_proof_of_a_machine_is_a_trial_that_has_completed(small: Oracle) -> None:
    assert small.proof() is None
    fail_for_good(small, taken(small))
    assert small.proof() is None
    given = taken(small)
    small.complete(given, 0.5, 1.0)
    assert small.proof() == given._replace(token=0)


@pytest.mark.parametrize("doomed", [{0}, {3}, {0, 5, 9, 13}])
def test_failed_trials_count_as_the_worst_and_rungs_keep_their_sizes(doomed: set[int], oracle: Oracle) -> None:
    """Keras Tuner's own rule would wait for ever for a rung's missing trials, or end the search without them."""
    while isinstance(given := oracle.take("worker"), Assignment):
        if given.configuration in doomed:
            fail_for_good(oracle, given)
        else:
            oracle.complete(given, 0.0, 1.0)  # nobody is worse, but for those that failed
    rungs = in_rungs(oracle.dump())
    assert {place: len(numbers) for place, numbers in rungs.items()} == {
        place: count for place, (count, _, _) in SCHEDULE.items()
    }
    promoted = {number for (_, rung), numbers in rungs.items() if rung for number in numbers}
    assert not promoted & doomed
    states = Counter(record.status for record in oracle.dump().trials.values())
    assert states == {"COMPLETED": 30 - len(doomed), "FAILED": len(doomed)}
    assert {row.configuration for row in ranking(oracle.dump())[-len(doomed) :]} == doomed


def test_where_all_others_failed_too_a_failed_one_is_promoted(small: Oracle) -> None:
    """A rung is never left empty: the search would not end."""
    for _ in range(2):
        fail_for_good(small, taken(small))
    promoted = taken(small)
    assert (promoted.configuration, promoted.first, promoted.epochs) == (0, 1, 2)


def test_failures_in_a_row_end_the_search_for_everyone(oracle: Oracle) -> None:
    alive = taken(oracle, "another")
    for _ in range(FAILURES):
        assert oracle.aborted is None
        fail_for_good(oracle, taken(oracle), "no GPU")
    assert oracle.aborted == f"Number of consecutive failures exceeded the limit of {FAILURES}.\nno GPU"
    assert oracle.take("worker") == oracle.take("one more") == "STOPPED"
    assert reborn(oracle).take("somebody else") == "STOPPED"
    assert oracle.complete(alive, 0.5, 1.0)  # what was begun may end
    assert oracle.take("another") == "STOPPED"
    assert oracle.dump().aborted == f"Number of consecutive failures exceeded the limit of {FAILURES}.\nno GPU"


def test_failures_with_a_success_between_do_not_end_the_search(oracle: Oracle) -> None:
    for number in range(2 * FAILURES):
        given = taken(oracle)
        if number % FAILURES == 0:
            oracle.complete(given, 0.5, 1.0)
        else:
            fail_for_good(oracle, given)
    assert oracle.aborted is None


# Memory


def test_a_trial_that_does_not_fit_on_two_workers_says_so_and_what_to_do(small: Oracle) -> None:
    given = taken(small)
    assert small.fail(given, "out of memory (MemoryError)", memory=True)
    assert small.records[given.trial].message == "out of memory (MemoryError)"
    assert small.fail(taken(small, "another"), "out of memory (MemoryError)", memory=True)
    record = small.records[given.trial]
    assert (record.status, record.message) == ("FAILED", f"{TOO_LARGE}: out of memory (MemoryError)")
    assert "`charrec sweep retry`" in TOO_LARGE
    assert reborn(small, SMALL).dump() == small.dump()


@pytest.mark.parametrize(("first", "last"), [(True, False), (False, True)])
def test_one_that_did_not_fit_on_one_worker_and_failed_otherwise_on_the_other_has_the_last_ones_words(
    first: bool, last: bool, small: Oracle
) -> None:
    given = taken(small)
    small.fail(given, "this", memory=first)
    small.fail(taken(small, "another"), "that", memory=last)
    assert (small.records[given.trial].status, small.records[given.trial].message) == ("FAILED", "that")
    assert not small.records[given.trial].too_large


def test_trials_that_do_not_fit_end_no_search_and_break_no_row_of_failures(oracle: Oracle) -> None:
    for number in range(2 * FAILURES - 2):
        assert oracle.aborted is None
        given = taken(oracle)
        oracle.fail(given, "why", memory=number % 2 == 0)
        oracle.fail(taken(oracle, "witness"), "why", memory=number % 2 == 0)
    assert oracle.aborted is None  # four of each
    fail_for_good(oracle, taken(oracle))
    assert oracle.aborted


def test_a_worker_that_cannot_train_after_a_trial_is_in_doubt_until_the_trial_has_cost_others(small: Oracle) -> None:
    """Then it counts, if the worker had shown before that it can train."""
    given = taken(small)
    for number in range(COSTLY):
        assert not small.suspect(given, "out of memory", memory=True, lost=2.5)
        record = small.records[given.trial]
        assert (record.doubts, record.failures, record.message) == (number + 1, [], "out of memory")
        given = taken(small, f"shown-{number}")
    small.give_back(given)
    fresh = [small.take(f"fresh-{number}", shown=False) for number in range(4)]
    assert small.dump().leases[given.trial].shown is False
    again = fresh[-1]
    assert isinstance(again, Assignment) and again.trial == given.trial
    assert not small.suspect(again, "out of memory", memory=True, lost=0)  # it had shown nothing
    assert small.records[given.trial].doubts == COSTLY + 1
    for worker in ("one", "two"):
        again = taken(small, worker)
        assert small.suspect(again, "out of memory", memory=True, lost=1.0)
        assert not small.suspect(again, "too late", memory=True, lost=1.0)
    record = small.records[given.trial]
    assert (record.status, record.doubts) == ("FAILED", COSTLY + 1)
    assert record.failures == [Failure(worker=one, message="out of memory", memory=True) for one in ("one", "two")]
    assert small.account.lost == 2.5 * COSTLY + 2


# Workers that vanish


def test_a_trial_that_always_loses_its_worker_has_failed(small: Oracle) -> None:
    given = taken(small)
    for _ in range(LOSSES):
        small.lose(given.trial, 3)
        assert taken(small).trial == given.trial
    small.lose(given.trial, 3)
    record = small.dump().trials[given.trial]
    assert record.status == "FAILED"
    assert record.message == f"lost {LOSSES + 1} workers in a row in epoch 4"
    assert taken(small).trial != given.trial


def test_workers_that_had_shown_nothing_may_be_lost_for_ever(small: Oracle) -> None:
    """Their machine may end every process, for want of memory perhaps; another gets the trial done."""
    for number in range(3 * LOSSES):
        lost = taken(small, f"sick-{number}")
        small.leases[lost.trial] = small.leases[lost.trial].model_copy(update={"shown": False})
        small.lose(lost.trial, 0)
    record = small.dump().trials["0000"]
    assert (record.status, record.losses, record.doubts) == ("INVALID", 0, 3 * LOSSES)
    assert record.message == f"lost worker sick-{3 * LOSSES - 1}"
    assert small.complete(taken(small), 0.5, 1.0)


def test_a_trial_is_costly_by_the_workers_lost_and_the_doubts_and_not_by_failures_that_count(
    small: Oracle,
) -> None:
    given = taken(small, "a")
    small.lose(given.trial, 0)
    small.fail(taken(small, "b"), "why")
    assert (small.costly(given.trial, 1), small.costly(given.trial, 2)) == (True, False)
    small.doubt(taken(small, "c"), "why")
    assert (small.costly(given.trial, 2), small.costly(given.trial, 3)) == (True, False)


def test_a_worker_that_has_shown_something_since_is_lost_as_any_other(small: Oracle) -> None:
    given = small.take("fresh", shown=False)
    assert isinstance(given, Assignment)
    assert reborn(small, SMALL).leases[given.trial].shown is False
    assert small.vouch(given)
    small.lose(given.trial, 0)
    assert small.dump().trials[given.trial].losses == 1
    assert not small.vouch(given)


def test_a_trial_that_gets_on_between_its_losses_has_not(small: Oracle) -> None:
    given = taken(small)
    for loss in range(4 * LOSSES):
        small.lose(given.trial, loss // LOSSES)
        assert small.dump().trials[given.trial].message == "lost worker worker"
        assert taken(small).trial == given.trial
    assert small.complete(taken(small), 0.5, 1.0)


def test_a_trial_that_is_given_back_has_neither_failed_nor_lost_its_worker(small: Oracle) -> None:
    given = taken(small)
    for _ in range(2 * LOSSES):
        assert small.give_back(taken(small))
    assert small.dump().waiting == [given.trial]
    record = small.dump().trials[given.trial]
    assert (record.status, record.message, record.losses, record.doubts) == ("INVALID", None, 0, 0)
    assert record.failures == []


# Fencing


@pytest.mark.parametrize("gone", ["lost", "given back"])
@pytest.mark.parametrize("taken_again", [False, True])
def test_an_assignment_that_is_over_changes_nothing(gone: str, taken_again: bool, small: Oracle) -> None:
    old = taken(small, "old")
    if gone == "lost":
        small.lose(old.trial, 0)
    else:
        small.give_back(old)
    if taken_again:
        assert small.holds(taken(small, "new"))
    before = small.dump()
    assert not small.holds(old)
    assert not small.complete(old, 0.9, 1.0)
    assert not small.fail(old, "too late")
    assert not small.give_back(old)
    assert small.dump() == before


def test_a_trial_that_has_ended_cannot_end_again(small: Oracle) -> None:
    given = taken(small)
    assert small.complete(given, 0.5, 1.0)
    before = small.dump()
    assert not small.complete(given, 0.9, 1.0)
    assert not small.fail(given, "after all")
    assert small.dump() == before


def test_a_worker_that_asks_again_gets_its_trial_again_and_its_former_answer_is_worth_nothing(
    small: Oracle,
) -> None:
    first = taken(small)
    again = taken(reborn(small, SMALL))
    assert again == first._replace(token=first.token + 1)
    assert taken(small).trial == first.trial
    assert not small.holds(first)


def test_tokens_only_grow(small: Oracle) -> None:
    tokens = []
    for loss in range(3):
        given = taken(small, f"worker-{loss}")
        tokens.append(given.token)
        small.lose(given.trial, 0)
        small = reborn(small, SMALL)
    tokens += [taken(small, f"worker-{number}").token for number in range(3, 6)]
    assert tokens == [1, 2, 3, 4, 5, 6]
