"""What a search found: its ranking, and its result once it is finished."""

from pathlib import Path

import pytest

from charrec.study import Search
from charrec.sweep.oracle import FAILURES, Assignment
from charrec.sweep.outcome import ANEW, SearchFailed
from charrec.tuning.outcome import result
from charrec.tuning.ranking import ranking
from tests.sweep.driving import SMALL, alone, oracle_of
from tests.sweep.staged import ENDED, KEY, SECONDS, Staged
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


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
