"""The simulator's arithmetic where it can be done by hand, and that no fleet changes what a search finds."""

import math
import random
from statistics import fmean

import pytest

from charrec.study import Search
from charrec.sweep.heartbeat import Terms
from charrec.sweep.schedule import schedule
from tests.benchmarks.simulator import Fleet, Simulated, simulate
from tests.thorough import often, some
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

SEEDS = range(20)
IDEAL = Fleet(epoch=1, spread=0, noise=0, startup=0, overhead=0, terms=Terms(poll=0.1))  # times are in epochs
ONE = Fleet(search=Search(max_epochs=1, factor=2), epoch=100, spread=0, noise=0, startup=0, overhead=0)  # trial, epoch


def ran(fleet: Fleet, **changes: object) -> Simulated:
    return simulate(fleet.model_copy(update=changes))


def test_one_worker_alone_takes_the_time_of_120_epochs() -> None:
    alone = simulate(IDEAL)
    assert (alone.makespan, alone.epochs, alone.busy) == (pytest.approx(120), 120, pytest.approx(120))
    assert (alone.idle, alone.startup, alone.lost, alone.preemptions) == (0, 0, 0, 0)


def test_a_worker_that_starts_up_and_loads_takes_that_much_longer() -> None:
    alone = ran(IDEAL, startup=7, overhead=0.5)
    assert alone.makespan == pytest.approx(7 + 30 * 0.5 + 120)
    assert alone.startup_share == pytest.approx(7 / 142)


def test_as_many_workers_as_configurations_take_the_longest_bracket() -> None:
    """Bracket 2 trains 2 + 2 + 6 epochs one after the other, as bracket 1 does 4 + 6 and bracket 0 10."""
    many = ran(IDEAL, workers=22)
    assert 10 <= many.makespan < 10 + 2 * 0.15  # an idle worker asks at the latest 1.5 polls after a barrier
    assert many.idle_share == pytest.approx(1 - 120 / 220, abs=0.02)


@pytest.mark.parametrize(
    ("workers", "makespan", "idle"),
    some([(1, 120, 0.00), (2, 62, 0.03), (4, 34, 0.13), (8, 18, 0.18), (12, 16, 0.36), (22, 12, 0.56)], 1),
)
def test_the_designs_table_holds(workers: int, makespan: float, idle: float) -> None:
    """Epoch times +-30 %. Over 20 seeds this simulator gives 120.3, 62.4, 35.0, 18.4, 15.6, 12.4; idle 0 to 56 %."""
    runs = [ran(IDEAL, workers=workers, spread=0.3, seed=seed) for seed in SEEDS]
    assert fmean(run.makespan for run in runs) == pytest.approx(makespan, rel=0.05)
    assert fmean(run.idle_share for run in runs) == pytest.approx(idle, abs=0.015)


def test_more_workers_than_configurations_only_wait() -> None:
    for seed in SEEDS[: often(2, 5)]:
        spread = IDEAL.model_copy(update={"spread": 0.3, "seed": seed})
        enough, more = ran(spread, workers=22), ran(spread, workers=40)
        assert more.makespan == pytest.approx(enough.makespan, abs=2 * 0.15)
        assert more.busy == pytest.approx(enough.busy)
        assert more.idle > enough.idle


@pytest.mark.parametrize("notice", [False, True])
def test_a_search_finds_the_same_whoever_runs_it(seed: int, notice: bool) -> None:
    fleet = Fleet(terms=Terms(losses=1000))  # once in some hundred seeds a trial loses six workers in a row
    alone = ran(fleet, seed=seed)
    assert [len(alone.trials), len({trial.configuration for trial in alone.trials})] == [30, 22]
    for workers, rate in [(3, 0), (8, 10), (22, 60), (64, 10)]:
        other = ran(fleet, seed=seed, workers=workers, preemptions=rate, notice=notice)
        assert other.trials == alone.trials


def test_another_search_has_its_own_trials() -> None:
    search = Search(max_epochs=27, factor=3)
    found = ran(IDEAL, search=search, workers=16)
    assert len(found.trials) == sum(rung.trials for rung in schedule(search))
    assert found.epochs == sum(rung.trials * (rung.epochs - rung.first) for rung in schedule(search))


def test_a_preemption_loses_at_most_the_epoch_at_hand(seed: int) -> None:
    run = ran(Fleet(), workers=8, preemptions=60, seed=seed)
    assert run.preemptions > 0
    assert 0 < run.lost <= run.preemptions
    assert run.epochs == pytest.approx(120 + run.lost)


def test_a_trial_given_back_waits_for_nothing_and_loses_nothing() -> None:
    runs = [ran(ONE, preemptions=20, notice=True, seed=seed) for seed in range(50)]
    assert any(run.preemptions for run in runs)
    for run in runs:
        assert (run.idle, run.lost) == (0, 0)
        assert (run.makespan, run.epochs) == (pytest.approx(100), pytest.approx(1))


def test_a_lost_trial_waits_for_its_lease_and_no_longer() -> None:
    """One worker, and the next that starts up at once: each preemption costs at most lease, poll, start-up, epoch."""
    fleet = Fleet(preemptions=20, spread=0, noise=0)
    undisturbed = ran(fleet, preemptions=0)
    for seed in SEEDS:
        run = ran(fleet, seed=seed)
        lease, poll = fleet.terms.lease, 1.5 * fleet.terms.poll
        most = max(lease + poll, fleet.startup) + fleet.overhead + fleet.epoch
        assert undisturbed.makespan <= run.makespan <= undisturbed.makespan + run.preemptions * (most + fleet.startup)


def test_a_trial_lost_by_a_worker_waits_for_most_of_a_lease() -> None:
    """Whoever comes next has nothing else to do."""
    runs = [ran(ONE, preemptions=20, seed=seed) for seed in range(50)]
    assert any(run.lost for run in runs) and not all(run.lost for run in runs)
    for run in runs:
        assert run.busy == pytest.approx(100 * (1 + run.lost))
        assert run.makespan == pytest.approx(run.busy + run.idle)
        assert math.ceil(run.lost) * 0.75 * 60 <= run.idle <= run.preemptions * (60 + 1.5 * 5)


def test_without_preemptions_nothing_is_lost(seed: int) -> None:
    run = ran(Fleet(), workers=random.Random(seed).randint(1, 64), seed=seed)
    assert (run.preemptions, run.lost, run.epochs) == (0, 0, 120)


def test_all_time_is_accounted_for(seed: int) -> None:
    """Nobody is taken away: 8 workers are held from the start until each learns that there is no more."""
    run = ran(Fleet(), workers=8, seed=seed)
    assert run.startup == 8 * 20
    assert 8 * run.makespan <= run.held <= 8 * (run.makespan + 1.5 * Terms().poll)


def test_the_same_seed_gives_the_same_answer_and_another_does_not(seed: int) -> None:
    fleet = Fleet(workers=8, preemptions=10, seed=seed)
    assert simulate(fleet) == simulate(fleet) != ran(fleet, seed=(seed + 1) % 2**31)
