"""The search as a state machine: it gives out trials, and whatever happens to them, ends with the same ranking."""

import math
import random
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from charrec.study import FULL, Search
from charrec.sweep.document import BELIEVED, Document
from charrec.sweep.oracle import FAILURES, LOSSES, REMEMBERED, Assignment, Oracle
from charrec.tuning.ranking import ranking
from charrec.tuning.space import SPACE, propose
from tests.sweep.driving import DECK, SMALL, alone, fail_for_good, oracle_of, points, reborn, searched, taken
from tests.thorough import often
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

# What Hyperband makes of the deck's numbers: (bracket, rung) -> trials, from which epoch to which
SCHEDULE = {
    (2, 0): (12, 0, 2),
    (2, 1): (4, 2, 4),
    (2, 2): (2, 4, 10),
    (1, 0): (6, 0, 4),
    (1, 1): (2, 4, 10),
    (0, 0): (4, 0, 10),
}


@pytest.fixture
def oracle() -> Oracle:
    return oracle_of(DECK, FULL.seed)


@pytest.fixture
def small() -> Oracle:
    return oracle_of(SMALL, 1)


def in_rungs(document: Document) -> dict[tuple[int, int], list[int]]:
    """(bracket, rung) -> the configurations there, in the order of their trials."""
    found: dict[tuple[int, int], list[int]] = {}
    for record in document.trials.values():
        place = int(record.values["tuner/bracket"]), int(record.values["tuner/round"])
        found.setdefault(place, []).append(record.configuration)
    return found


def unordered(rungs: dict[tuple[int, int], list[int]]) -> dict[tuple[int, int], list[int]]:
    return {place: sorted(numbers) for place, numbers in rungs.items()}


def summary(document: Document) -> list[dict[str, Any]]:
    """The ranking, but for what may differ: names of trials and seconds."""
    return [row.model_dump(exclude={"trial", "seconds"}) for row in ranking(document)]


# A whole search


def test_the_decks_search_is_30_trials_of_22_configurations_in_120_epochs(oracle: Oracle) -> None:
    trials = alone(oracle)
    records = oracle.dump().trials.values()
    counted = Counter(
        (r.values["tuner/bracket"], r.values["tuner/round"], r.values["tuner/initial_epoch"], r.values["tuner/epochs"])
        for r in records
    )
    assert counted == {(*rung, start, stop): count for rung, (count, start, stop) in SCHEDULE.items()}
    assert len(trials) == 30
    assert len({propose(given.values) for given in trials}) == 22
    assert sum(given.epochs - given.first for given in trials) == 120


def test_configurations_are_numbered_by_appearance_and_promoted_trials_keep_theirs(oracle: Oracle) -> None:
    trials = alone(oracle)
    numbers = [given.configuration for given in trials]
    assert list(dict.fromkeys(numbers)) == list(range(22))
    networks = {given.configuration: given.values for given in trials}
    records = oracle.dump().trials
    for given in trials:
        values = records[given.trial].values
        assert given.values == networks[given.configuration]
        if values["tuner/round"]:
            parent = records[str(values["tuner/trial_id"])]
            assert parent.configuration == given.configuration
            assert parent.values["tuner/epochs"] == given.first
        else:
            assert "tuner/trial_id" not in values
            assert given.first == 0


def test_the_best_of_a_rung_are_promoted(oracle: Oracle) -> None:
    scores = {(given.configuration, given.epochs): points(given) for given in alone(oracle)}
    rungs = in_rungs(oracle.dump())
    for (bracket, rung), above in rungs.items():
        if rung:
            here = rungs[bracket, rung - 1]
            epochs = SCHEDULE[bracket, rung - 1][2]
            best = sorted(here, key=lambda number: -scores[number, epochs])
            assert set(above) == set(best[: len(above)])


def test_of_equals_the_earlier_configurations_are_promoted(oracle: Oracle) -> None:
    alone(oracle, lambda _: 0.5)
    rungs = in_rungs(oracle.dump())
    assert rungs[2, 1] == [0, 1, 2, 3]
    assert rungs[2, 2] == [0, 1]
    assert rungs[1, 1] == [12, 13]


def test_a_promoted_trial_carries_the_bracket_of_its_parent() -> None:
    """With 12 workers, bracket 0 is begun before the first trial of bracket 2 is promoted; Keras Tuner says 0 then."""
    oracle = oracle_of(DECK, FULL.seed)
    held = [taken(oracle, f"worker-{number}") for number in range(22)]
    for given in held:
        oracle.complete(given, points(given), 1.0)
    alone(oracle)
    trials = oracle.dump().trials
    promoted = [record for record in trials.values() if "tuner/trial_id" in record.values]
    assert len(promoted) == 8
    for record in promoted:
        parent = trials[str(record.values["tuner/trial_id"])]
        assert record.values["tuner/bracket"] == parent.values["tuner/bracket"] > 0
    assert {place: len(numbers) for place, numbers in in_rungs(oracle.dump()).items()} == {
        place: count for place, (count, _, _) in SCHEDULE.items()
    }


def test_another_seed_proposes_other_networks_and_seed_0_is_one() -> None:
    zero, again, one = (searched(SMALL, seed) for seed in (0, 0, 1))
    assert summary(zero) == summary(again) != summary(one)


def test_every_value_of_the_space_can_be_drawn() -> None:
    drawn: dict[str, set[float]] = {name: set() for name in SPACE}
    for seed in range(8):
        for row in ranking(searched(DECK, seed)):
            for name, value in row.network.items():
                drawn[name].add(value)
    assert {name: tuple(sorted(values)) for name, values in drawn.items()} == SPACE


def test_the_longest_search_that_is_allowed_never_runs_out_of_points(seed: int) -> None:
    rows = ranking(searched(Search(max_epochs=243), seed))
    first = [row for row in rows if row.rung == 0]
    assert len(first) == len({tuple(row.network.items()) for row in first}) == 415
    with pytest.raises(ValidationError, match="less than or equal to 243"):
        Search(max_epochs=244)


def test_a_search_writes_no_files_and_prints_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    oracle = oracle_of(SMALL, 1)
    oracle.lose(taken(oracle).trial, 0)
    oracle.doubt(taken(oracle, "sick"), "why")
    oracle.fail(taken(oracle, "sound"), "why")
    alone(oracle)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


# Another process


def test_a_search_that_changes_process_at_every_step_is_the_same(oracle: Oracle) -> None:
    kept: list[Oracle] = []

    def changing(now: Oracle) -> Oracle:
        kept.append(reborn(now))
        return kept[-1]

    whole = searched()
    given = None
    while given != "STOPPED":
        given = oracle.take("worker")
        oracle = changing(oracle)
        if isinstance(given, Assignment):
            oracle.complete(given, points(given), 1.0)
            oracle = changing(oracle)
    assert len(kept) == 61
    assert oracle.dump() == whole


def test_the_state_survives_json(small: Oracle) -> None:
    first = taken(small)
    small.complete(first, points(first), 2.5)
    small.fail(taken(small), "the loss is not a number")
    small.give_back(taken(small, "a"))
    small.lose(taken(small, "b").trial, 0)
    taken(small, "c")
    small.transactions.append("0123456789ab")
    document = small.dump()
    other = reborn(small, SMALL)
    assert other.dump() == document
    assert reborn(other, SMALL).dump() == document


def test_only_the_latest_transactions_are_remembered(small: Oracle) -> None:
    small.transactions.extend(str(number) for number in range(1000))
    assert small.dump().transactions == [str(number) for number in range(1000 - REMEMBERED, 1000)]


# Interleavings

INTERLEAVINGS = often(40, 200)


class Weather:
    """What happens to a search, by whom and when; and, the same for all workers, how each trial ends."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.seed = seed
        self.hopeless = {self.rng.randrange(22) for _ in range(self.rng.choice([0, 0, 1, 2]))}

    def score(self, configuration: int, epochs: int) -> float:
        """One of four: most trials have equals."""
        return random.Random(f"{self.seed} {configuration} {epochs}").choice([0.0, 0.5, 0.6, 0.7])

    def failures(self, configuration: int, epochs: int) -> int:
        """On how many workers a trial fails before it succeeds."""
        if configuration in self.hopeless:
            return BELIEVED
        return random.Random(f"{configuration} {epochs} {self.seed}").choice([0] * 6 + list(range(1, BELIEVED)))

    def ends(self, oracle: Oracle, given: Assignment) -> bool:
        """How the trial ends, if this worker still has it."""
        if len(oracle.records[given.trial].failures) < self.failures(given.configuration, given.epochs):
            return oracle.fail(given, "an error")
        return oracle.complete(given, self.score(given.configuration, given.epochs), 1.0)


def undisturbed(weather: Weather) -> Document:
    oracle, names = oracle_of(DECK, weather.seed), count()
    while isinstance(given := oracle.take(f"worker-{next(names)}"), Assignment):
        assert weather.ends(oracle, given)
    return oracle.dump()


def disturbed(weather: Weather) -> Document:
    """1 to 8 workers, sick ones too, which finish, fail, leave and vanish in any order, and may be dead unawares."""
    rng = weather.rng
    oracle = oracle_of(DECK, weather.seed)
    held: dict[str, Assignment] = {}
    dead: list[Assignment] = []
    workers, started, asked = rng.randint(1, 8), 0, None
    while asked != "STOPPED":
        if rng.random() < 0.03:
            oracle = reborn(oracle)
        move = rng.random()
        if len(held) < workers and move < 0.5:
            started += 1
            asked = oracle.take(f"worker-{started}", shown=rng.random() < 0.5)
            if isinstance(asked, Assignment):
                held[f"worker-{started}"] = asked
        elif dead and move < 0.6:
            zombie, before = rng.choice(dead), oracle.dump()
            assert not weather.ends(oracle, zombie)
            assert not oracle.give_back(zombie)
            assert oracle.dump() == before
        elif held:
            worker = rng.choice(sorted(held))
            given = held.pop(worker)
            if move < 0.87:
                assert weather.ends(oracle, given)
            elif move < 0.9:
                assert oracle.doubt(given, "a sick machine")
                dead.append(given)
            elif move < 0.95:
                assert oracle.give_back(given)
                dead.append(given)
            else:
                epochs = oracle.records[given.trial].losses_at + rng.choice([0, 1])
                oracle.lose(given.trial, epochs if oracle.records[given.trial].losses < LOSSES else epochs + 1)
                dead.append(given)
    return oracle.dump()


def test_no_interleaving_of_workers_changes_what_a_search_finds(seed: int) -> None:
    seen: Counter[str] = Counter()
    for number in range(seed, seed + INTERLEAVINGS):
        weather = Weather(number)
        quiet, wild = undisturbed(weather), disturbed(weather)
        assert len(quiet.trials) == 30, f"seed {number}"
        assert summary(wild) == summary(quiet), f"seed {number}"
        assert unordered(in_rungs(wild)) == unordered(in_rungs(quiet)), f"seed {number}"
        assert not wild.leases and not wild.waiting and wild.aborted is None
        seen["another order"] += in_rungs(wild) != in_rungs(quiet)
        seen["equals"] += max(Counter(row.val_accuracy for row in ranking(quiet)).values()) > 5
        seen["a trial failed"] += any(record.status == "FAILED" for record in wild.trials.values())
        seen["a try failed"] += any(record.failures for record in wild.trials.values())
        seen["a doubt"] += any(record.doubts for record in wild.trials.values())
        seen["a loss"] += any(record.losses for record in wild.trials.values())
    assert len(seen) == 6, seen
    assert min(seen.values()) > INTERLEAVINGS / 10, seen  # the weather was as wild as it is meant to be


def test_the_nth_new_configuration_is_the_same_whoever_asks() -> None:
    networks = {given.configuration: given.values for given in alone(oracle_of(DECK, 1))}
    crowd = oracle_of(DECK, 1)
    at_once = [taken(crowd, f"worker-{number}") for number in range(22)]
    assert {given.configuration: given.values for given in at_once} == networks
    assert crowd.take("one more") == "IDLE"


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
