"""Several trainings of each point, whose mean is the trial's score: each is resumed, counted and kept on its own."""

import json
import os
import signal
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from pydantic import ValidationError

from charrec.commands.sweep import main
from charrec.errors import InputError
from charrec.storage import Store, open_store
from charrec.sweep import Asha, Budget, Random, Search, search, status
from charrec.sweep.document import Document
from charrec.sweep.fits import Fits
from charrec.sweep.heartbeat import Heartbeat, Terms
from charrec.sweep.oracle import Oracle
from charrec.sweep.outcome import ranked, read_document
from charrec.sweep.retry import reopen
from charrec.sweep.steering import agree, begin, extend_best
from charrec.sweep.trainable import Place
from charrec.sweep.trial import trial_seed
from charrec.sweep.worker import work
from tests.sweep.driving import fail_for_good, taken
from tests.sweep.formula import Formula, in_a_process, plan, score
from tests.sweep.scheduled import SCHEDULES, Named
from tests.sweep.tiny import FIT, XV, YV, build
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

TERMS = Terms(lease=60, poll=0.02)
EPOCHS, TIMES = 3, 3


def thrice(trials: int, **changes: Any) -> Fits:
    """Random search, each point trained three times."""
    how = {"max_epochs": EPOCHS, "objective": "score", "schedule": Random(trials=trials), "executions_per_trial": TIMES}
    return plan(Search.model_validate(how | changes))


def document(store: Store, sweep: Fits) -> Document:
    found = read_document(store, sweep)
    assert found
    return found


def epochs(store: Store, sweep: Fits, configuration: int = 0) -> list[int]:
    """Of each execution, those that are stored."""
    return [len(sweep.progress(store, configuration, one).epochs) for one in range(sweep.executions)]


@pytest.mark.parametrize("by", SCHEDULES.values(), ids=SCHEDULES)
def test_a_score_is_the_mean_of_trainings_from_other_seeds(by: Named, tmp_path: Path) -> None:
    """By every schedule; and no epoch is trained twice, promoted or not."""
    store, formula = open_store(str(tmp_path)), Formula()
    sweep = plan(Search(max_epochs=4, objective="score", schedule=by, executions_per_trial=2))
    assert work(store, sweep, formula, terms=TERMS) == "finished"
    rows = ranked(store, sweep)[1]
    for row in rows:
        seeds = [trial_seed(sweep.seed, row.configuration, execution) for execution in (0, 1)]
        assert row.score == fmean(score(row.values, seed, row.epochs) for seed in seeds)
    now = status(store, sweep)
    assert (now.epochs_done, now.finished) == (formula.trained, True)
    last = {row.configuration: row.epochs for row in sorted(rows, key=lambda row: row.epochs)}
    assert {number: epochs(store, sweep, number) for number in last} == {n: [most, most] for n, most in last.items()}


def test_a_worker_that_is_killed_in_the_second_execution_is_followed_by_one_that_goes_on_there(tmp_path: Path) -> None:
    store, sweep, terms = open_store(str(tmp_path)), thrice(1), TERMS.model_copy(update={"lease": 0.8})

    def die(epoch: int, place: Place) -> None:
        if place.key.endswith("-execution-1") and epoch == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_process(lambda: work(store, sweep, Formula(within=die), terms=terms)) == -signal.SIGKILL
    assert epochs(store, sweep) == [3, 1, 0]
    amid = status(store, sweep)
    assert (amid.executions, amid.epochs_done, amid.epochs) == (3, 4, 9)
    assert [(row.epochs, row.of) for row in amid.workers] == [(4, 9)]
    second = Formula()
    assert work(store, sweep, second, terms=terms) == "finished"
    assert (second.trained, epochs(store, sweep)) == (5, [3, 3, 3])
    (record,) = document(store, sweep).trials.values()
    assert [(one.how, one.epochs) for one in record.stretches] == [("lost", 4), ("completed", 9)]
    (row,) = ranked(store, sweep)[1]
    assert row.score == fmean(score(row.values, trial_seed(0, 0, execution), 3) for execution in range(3))


def test_a_trial_that_is_given_back_says_what_all_its_executions_have(tmp_path: Path) -> None:
    store, sweep = open_store(str(tmp_path)), thrice(1)
    asked = []

    def ask(epoch: int, place: Place) -> None:
        if place.key.endswith("-execution-1") and epoch == 2:
            asked.append(epoch)

    assert work(store, sweep, Formula(within=ask), stop=lambda: bool(asked), terms=TERMS) == "stopped"
    (record,) = document(store, sweep).trials.values()
    assert [(one.how, one.epochs) for one in record.stretches] == [("given back", 5)]
    assert epochs(store, sweep) == [3, 2, 0]


def test_a_budget_ends_it_between_two_executions_as_between_two_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Heartbeat, "lap", lambda _heart: 1.0)  # seconds, before each epoch
    store, sweep, first, second = open_store(str(tmp_path)), thrice(1), Formula(), Formula()
    sweep.begin(store)
    agree(store, sweep, Budget(device_hours=4 / 3600))
    assert work(store, sweep, first, terms=TERMS) == "over"
    assert epochs(store, sweep) == [3, 0, 0]
    agree(store, sweep, None)
    assert work(store, sweep, second, terms=TERMS) == "finished"
    assert (first.trained, second.trained) == (3, 6)


def test_the_best_train_on_in_each_execution_from_its_own_epochs(tmp_path: Path) -> None:
    store, sweep, later = open_store(str(tmp_path)), thrice(2), Formula()
    assert work(store, sweep, Formula(), terms=TERMS) == "finished"
    best = ranked(store, sweep)[1][0]
    extend_best(store, sweep, 1, 5)
    assert work(store, sweep, later, terms=TERMS) == "finished"
    assert (later.trained, epochs(store, sweep, best.configuration)) == (TIMES * 2, [5, 5, 5])


def test_a_retry_trains_no_execution_of_a_completed_trial_again(tmp_path: Path) -> None:
    store, sweep, later = open_store(str(tmp_path)), thrice(2), Formula()
    begin(store, sweep)
    oracle = Oracle(sweep.schedule, sweep.seed, sweep.space, sweep.objective)
    fail_for_good(oracle, taken(oracle))
    store.put(sweep.oracle, oracle.dump().model_dump_json().encode())
    assert work(store, sweep, Formula(), terms=TERMS) == "finished"
    scores = {row.configuration: row.score for row in ranked(store, sweep)[1]}
    assert reopen(store, sweep) == 1
    assert work(store, sweep, later, terms=TERMS) == "finished"
    assert later.trained == TIMES * EPOCHS
    assert {row.configuration: row.score for row in ranked(store, sweep)[1]}[1] == scores[1]


def test_a_terminal_says_what_a_score_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, sweep = open_store(str(tmp_path)), thrice(1)
    assert work(store, sweep, Formula(), terms=TERMS) == "finished"
    said = "a score is the mean of 3 executions, each of which trains the epochs of its rung"
    for command in ("status", "result"):
        assert main([command, store.url]) == 0
        assert said in capsys.readouterr().out
        assert main([command, store.url, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["executions"] == TIMES


@pytest.mark.parametrize("executions", [0, 101])
def test_so_many_executions_are_refused(executions: int) -> None:
    with pytest.raises(ValidationError, match="executions_per_trial"):
        thrice(1, executions_per_trial=executions)


def test_all_epochs_of_asha_are_those_of_all_executions() -> None:
    asha = Asha(trials=20, factor=2, total_epochs=9)
    assert asha.within(4, 2).total == 4
    with pytest.raises(ValidationError, match="let it be at least max_epochs, 4, of each of 3 executions"):
        thrice(1, max_epochs=4, schedule=asha)


def test_a_search_with_another_number_of_them_is_another_search(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    once = plan(Search(objective="score", schedule=Random(trials=1)))
    assert "execution" not in once.model_dump_json()  # it is stored as it was before there were several
    once.begin(store)
    with pytest.raises(InputError, match="holds another search, with another executions_per_trial"):
        plan(Search(objective="score", schedule=Random(trials=1), executions_per_trial=2)).begin(store)


def test_the_best_model_is_that_of_the_best_execution(tmp_path: Path) -> None:
    how = Search(max_epochs=2, objective="val_accuracy", schedule=Random(trials=2), executions_per_trial=2)
    found = search(build, how, str(tmp_path), FIT, terms=TERMS)
    bests = [max(row.values["val_accuracy"] or 0.0 for row in history) for history in found.best.histories]
    assert (len(bests), found.best.score) == (2, fmean(bests))
    assert found.best.histories[0] != found.best.histories[1]
    assert found.best.history == found.best.histories[bests.index(max(bests))]
    _, accuracy = found.model().evaluate(XV, YV, verbose=0)
    assert accuracy == pytest.approx(max(bests))
