"""The search and plain trainings under interleavings drawn by seeds: docs/reliability.md has what was found.

`python -m tests.simulation SEED` and `python -m tests.simulation training SEED` print the interleaving of a seed.
"""

import pytest

from tests.simulation import plain_training, proving, searching
from tests.simulation.bucket import Weather
from tests.simulation.mutations import SEARCHES, TRAININGS, Mutation
from tests.sweep.scheduled import SCHEDULES
from tests.thorough import often, some
from tests.toy import KERAS_TUNERS

pytestmark = pytest.mark.filterwarnings(*KERAS_TUNERS)

SEEDS = often(50, 10_000)
ENOUGH = 400  # seeds, within which every mutation is seen
SEEN = {
    "without_fencing": 44, "without_compare_and_swap": 3, "without_transaction_ids": 6, "sweeping_before_looking": 138,
    "deleting_before_committing": 0, "committing_without_owning": 22, "claiming_unasked": 12,
    "taking_409_for_a_conflict": 35,
}  # fmt: skip
SEEN_IN_TRAININGS = {
    "sweeping_before_looking": 5, "deleting_before_committing": 0, "committing_without_owning": 0,
    "blaming_the_store": 40,
}  # fmt: skip


@pytest.mark.parametrize("part", range(10))
def test_whatever_happens_the_search_ends_as_if_undisturbed(part: int) -> None:
    for seed in range(part * SEEDS // 10, (part + 1) * SEEDS // 10):
        run = searching.simulate(seed)
        assert not run.violation, f"{run}\nAgain: .venv/bin/python -m tests.simulation {seed}"


@pytest.mark.parametrize("name", [name for name, by in SCHEDULES.items() if by])
def test_whatever_happens_a_search_by_another_schedule_loses_nothing(name: str) -> None:
    for seed in range(often(5, 1000)):
        run = searching.simulate(seed, SCHEDULES[name])
        assert not run.violation, f"{run}\nAgain: .venv/bin/python -m tests.simulation '{name}' {seed}"


@pytest.mark.parametrize("name", SCHEDULES)
def test_whatever_happens_a_search_of_two_executions_loses_none(name: str) -> None:
    for seed in range(often(3, 1000)):
        run = searching.simulate(seed, SCHEDULES[name], 2)
        assert not run.violation, f"{run}\nAgain: .venv/bin/python -m tests.simulation '{name} x 2' {seed}"


def test_whatever_happens_a_point_that_fits_nowhere_ends_as_one_that_diverges() -> None:
    for seed in range(often(10, 1000)):
        run = searching.simulate(seed, short=True)
        assert not run.violation, f"{run}\nAgain: .venv/bin/python -m tests.simulation short {seed}"


def test_a_seed_decides_everything() -> None:
    first, again, another = (str(searching.simulate(seed)) for seed in (3, 3, 4))
    assert first == again != another


@pytest.mark.parametrize("mutation", some(SEARCHES, 4), ids=lambda mutation: mutation.__name__)
def test_a_fault_in_the_code_is_seen(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the seed that saw it first, or by another of the first, if the simulation draws otherwise by now."""
    searching.undisturbed(searching.SMALL, None)  # of the sound code
    mutation(monkeypatch)
    seeds = [SEEN[mutation.__name__], *range(ENOUGH)]
    assert any(searching.simulate(seed).violation for seed in seeds)


def test_whatever_happens_a_plain_training_ends_as_if_undisturbed() -> None:
    for seed in range(SEEDS):
        run = plain_training.simulate(seed)
        assert not run.violation, f"{run}\nAgain: .venv/bin/python -m tests.simulation training {seed}"


@pytest.mark.parametrize("mutation", some(TRAININGS, 2), ids=lambda mutation: mutation.__name__)
def test_a_fault_in_the_code_of_trainings_is_seen(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    plain_training.undisturbed()  # of the sound code
    mutation(monkeypatch)
    seeds = [SEEN_IN_TRAININGS[mutation.__name__], *range(ENOUGH)]
    assert any(plain_training.simulate(seed).violation for seed in seeds)


def test_a_sound_store_is_never_refused() -> None:
    for seed in range(often(50, 1000)):
        run = proving.simulate(seed)
        assert not run.violation, run


@pytest.mark.parametrize("racy", ["IfMatch", "IfNoneMatch"])
def test_most_proofs_refuse_a_store_that_checks_before_it_writes(racy: str) -> None:
    """Of two writers at once both may win; whether one proof meets that is a matter of chance."""
    refused = [bool(proving.run(seed, Weather(racy=racy)).found["refusals"]) for seed in range(20)]
    assert sum(refused) >= 18
