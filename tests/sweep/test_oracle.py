"""The search as a state machine: it gives out trials, and whatever happens to them, ends with the same ranking."""

import random
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from charrec.study import FULL, Search
from charrec.sweep.document import BELIEVED, Document
from charrec.sweep.oracle import LOSSES, REMEMBERED, Assignment, Oracle
from charrec.tuning.ranking import ranking
from charrec.tuning.space import SPACE, propose
from tests.sweep.driving import DECK, SCHEDULE, SMALL, alone, in_rungs, oracle_of, points, reborn, searched, taken
from tests.thorough import often
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


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
