"""Schedules on known curves, where what they find can be told by hand."""

from collections.abc import Sequence

import numpy as np
import pytest

from charrec.study import FULL
from charrec.sweep.schedule import schedule
from charrec.sweep.schedules import Asha, BestOf, Random
from tests.benchmarks import regret
from tests.benchmarks.regret import BUDGET, SCHEDULES, Played, choices
from tests.benchmarks.schedules import Ended, Job, Ruled, play
from tests.benchmarks.space import POINTS
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

STEADY = np.outer(np.linspace(0.1, 0.9, 6), [0.5, 0.75, 1.0])  # (6, 3): whoever leads after one epoch leads to the end
CROSSING = np.array([[0.5, 0.5, 0.5], [0.4, 0.6, 0.8]])  # the quick one and the good one
SPACE_CURVES = np.random.default_rng(0).random((len(POINTS), 10))


def best_of(order: Sequence[int], epochs: int, best: int) -> Ruled:
    return Ruled(BestOf(trials=len(order), epochs=epochs, best=best).within(3), iter(order))


def asha(total: int) -> Ruled:
    return Ruled(Asha(trials=6, factor=3, total_epochs=total).within(3), iter(range(6)))


def jobs(ended: list[Ended]) -> list[Job]:
    return [row.job for row in ended]


def test_a_job_scores_its_best_epoch_and_pays_for_its_further_ones() -> None:
    ended = play(best_of([0], 2, 1), np.array([[0.3, 0.7, 0.2]]))
    assert [(row.score, row.spent, row.time) for row in ended] == [(0.7, 2, 2), (0.7, 3, 3)]


def test_one_rung_is_random_search() -> None:
    ended = play(Ruled(Random(trials=2).within(3), iter([4, 2, 5])), STEADY)
    assert jobs(ended) == [(4, 3), (2, 3)]
    assert [row.best for row in ended] == [4, 4]


def test_the_best_of_a_rung_go_on() -> None:
    ended = play(best_of(range(6), 1, 2), STEADY)
    assert jobs(ended)[6:] == [(5, 3), (4, 3)]
    assert (ended[-1].best, ended[-1].spent) == (5, 6 + 2 * 2)


def test_a_point_that_starts_slowly_is_lost_after_one_epoch_and_not_after_two() -> None:
    assert play(best_of([0, 1], 1, 1), CROSSING)[-1].best == 0
    assert play(best_of([0, 1], 2, 1), CROSSING)[-1].best == 1


def test_a_rung_waits_until_its_best_are_certain() -> None:
    """Six jobs of one epoch on four workers take two epochs' time, two of the second rung as many."""
    ended = play(best_of(range(6), 1, 2), STEADY, workers=4)
    assert [row.time for row in ended] == [1] * 4 + [2] * 2 + [4] * 2


def test_asha_promotes_the_best_third_without_waiting() -> None:
    ended = play(asha(10), STEADY)
    assert jobs(ended) == [(0, 1), (1, 1), (2, 1), (2, 3), (3, 1), (3, 3), (4, 1), (5, 1)]  # 4 would cost 2 more
    assert ended[-1].spent == 10


def test_asha_never_spends_more_than_its_budget() -> None:
    ended = play(asha(4), STEADY)
    assert jobs(ended) == [(0, 1), (1, 1), (2, 1), (3, 1)]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("workers", [1, 8])
def test_every_schedule_spends_the_decks_budget(name: str, workers: int) -> None:
    ended = play(SCHEDULES[name](3), SPACE_CURVES, workers)
    assert BUDGET - 1 <= ended[-1].spent <= BUDGET == 120
    assert workers > 1 or ended[-1].time == ended[-1].spent


def test_hyperband_is_the_decks() -> None:
    ended = play(SCHEDULES["Hyperband"](3), SPACE_CURVES)
    rungs = [(rung.trials, rung.epochs) for rung in schedule(FULL.search)]
    assert len(ended) == sum(trials for trials, _ in rungs) == 30
    for epochs in (2, 4, 10):
        assert sum(job.epochs == epochs for job in jobs(ended)) == sum(n for n, last in rungs if last == epochs)


def test_the_regret_of_a_known_table() -> None:
    """Point 1 is the better one; a run that began with point 0 finds it after two more epochs."""
    table = np.array([[0.5, 0.6], [0.2, 0.9]])
    found = Played([play(Ruled(Random(trials=2).within(2), iter(order)), table) for order in ([0, 1], [1, 0])])
    assert found.first == 2
    assert [found.chosen(2), found.chosen(4)] == [[0, 1], [1, 1]]
    assert found.regrets(table.max(axis=1), 2) == pytest.approx([0.3, 0])
    assert found.regrets(table.max(axis=1), 4) == pytest.approx([0, 0])


def test_the_regret_after_a_time_counts_what_all_workers_found() -> None:
    """Two workers train both points at once."""
    table = np.array([[0.5, 0.6], [0.2, 0.9]])
    found = Played([play(Ruled(Random(trials=2).within(2), iter([0, 1])), table, workers=2)])
    assert found.regrets_at(table.max(axis=1), 2) == pytest.approx([0])


def test_what_is_trained_again_is_what_the_schedules_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regret, "SEEDS", 3)
    found = choices(SPACE_CURVES)
    assert found == {play(SCHEDULES[name](seed), SPACE_CURVES)[-1].best for name in SCHEDULES for seed in range(3)}
