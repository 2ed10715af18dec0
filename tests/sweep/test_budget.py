"""A search that is stopped, or whose budget is spent, is over with what it has, and goes on where it was."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from charrec.commands.sweep import main
from charrec.errors import InputError
from charrec.storage import Store, open_store
from charrec.sweep import Budget, Search, SearchFailed, status
from charrec.sweep.account import HOUR, Account
from charrec.sweep.document import Document
from charrec.sweep.fits import Fits
from charrec.sweep.heartbeat import Heartbeat, Terms
from charrec.sweep.oracle import Oracle
from charrec.sweep.outcome import ranked, read_document
from charrec.sweep.steering import agree, stop, undo
from charrec.sweep.table import cost_lines
from charrec.sweep.trainable import Place
from charrec.sweep.worker import Ending, work
from tests.sweep.driving import SMALL, oracle_of, taken
from tests.sweep.formula import Formula, in_a_process, plan
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

SEARCH = Search(max_epochs=9, factor=3, objective="score")  # 22 configurations, 9 of them promoted
PLAN = plan(SEARCH)
TERMS = Terms(lease=60, poll=0.02)
SECOND = 1 / HOUR


def document(store: Store, sweep: Fits = PLAN) -> Document:
    found = read_document(store, sweep)
    assert found
    return found


def account(store: Store) -> Account:
    return document(store).account


def agreed(oracle: Oracle, budget: Budget | None) -> None:
    """A script says its budget."""
    oracle.account = oracle.account.agreed(budget, sum(record.seconds for record in oracle.records.values()))


def outcome(store: Store) -> list[dict[str, Any]]:
    return [row.model_dump(exclude={"trial", "seconds"}) for row in ranked(store, PLAN)[1]]


def begun(folder: Path, budget: Budget | None = None) -> Store:
    store = open_store(str(folder))
    PLAN.begin(store)
    agree(store, PLAN, budget)
    return store


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    store = open_store(str(tmp_path_factory.mktemp("undisturbed")))
    assert work(store, PLAN, Formula(), terms=TERMS) == "finished"
    assert document(store).account == Account()
    return outcome(store)


# What it says


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "a budget of hours, device_hours or money"),
        ({"money": 5.0}, "money needs the price of a device-hour"),
        ({"hours": 0.0}, "greater than 0"),
        ({"price": float("nan"), "money": 1.0}, "finite"),
    ],
)
def test_a_budget_that_says_nothing_is_refused(said: dict[str, float], why: str) -> None:
    with pytest.raises(InputError, match=why):
        Budget(**said)


@pytest.mark.parametrize(
    ("budget", "worked", "trained", "why"),
    [
        (Budget(hours=2), 1.9, 9, None),
        (Budget(hours=2), 2, 9, "its budget is spent, 2 of 2 hours"),
        (Budget(device_hours=9), 0, 9.5, "its budget is spent, 9.5 of 9 device-hours"),
        (Budget(money=20, price=2), 0, 9.9, None),
        (Budget(money=20, price=2), 0, 10, "its budget is spent, 20 of 20 in money"),
        (Budget(price=2), 99, 99, None),
    ],
)
def test_a_search_is_over_at_the_first_limit(budget: Budget, worked: float, trained: float, why: str | None) -> None:
    found = Account(budget=budget, worked=worked * HOUR, trained=(trained - 0.5) * HOUR, lost=0.5 * HOUR)
    assert found.over == why


def test_an_hour_counts_while_a_worker_has_a_trial_and_lives() -> None:
    oracle = oracle_of(SMALL, 1)
    oracle.pass_time(1000)  # the first look at the clock
    oracle.pass_time(2000)  # nobody had a trial
    given = taken(oracle)
    oracle.pass_time(2060)
    oracle.pass_time(2050)  # the clock of a store went back
    oracle.pass_time(9000, alone=6900)  # the worker died soon
    assert oracle.account.worked == 60 + 40
    oracle.give_back(given)
    oracle.pass_time(10000)
    assert (oracle.account.worked, oracle.account.until) == (100, 10000)


def test_seconds_are_spent_lost_or_not_counted() -> None:
    oracle = oracle_of(SMALL, 1)
    given = taken(oracle)
    oracle.spend(given, 5)
    assert oracle.account == Account()  # without a budget
    agreed(oracle, Budget(device_hours=1))
    oracle.spend(given, 5)
    oracle.lose(given.trial, 0, lost=7)
    oracle.spend(given, 100)  # it is another's by now
    assert not oracle.give_back(given, lost=100)
    oracle.give_back(taken(oracle), lost=2)
    assert (oracle.account.trained, oracle.account.lost, oracle.account.vanished) == (5, 9, 1)


def test_a_budget_counts_what_was_spent_before_it() -> None:
    oracle = oracle_of(SMALL, 1)
    oracle.complete(taken(oracle), 0.5, 4 * HOUR)
    agreed(oracle, Budget(device_hours=3))
    assert oracle.take("worker") == "OVER"
    agreed(oracle, Budget(device_hours=5))
    oracle.spend(taken(oracle), 0.5 * HOUR)
    assert oracle.account.trained == 4.5 * HOUR
    agreed(oracle, None)
    assert (oracle.account.budget, oracle.account.over) == (None, None)


def test_a_script_that_says_the_same_again_does_not_undo_what_a_terminal_said() -> None:
    small, large = Budget(device_hours=1), Budget(device_hours=2)
    found = Account().agreed(small, 0).under(large, 0).agreed(small, 0)
    assert found.budget == large
    assert found.agreed(Budget(device_hours=3), 0).budget == Budget(device_hours=3)


# Workers


def crew(store: Store, trainables: list[Formula], sweep: Fits = PLAN) -> list[Ending]:
    """All at once, to their end."""
    endings: list[Ending] = []

    def one(trainable: Formula) -> None:
        endings.append(work(store, sweep, trainable, terms=TERMS))

    threads = [threading.Thread(target=one, args=(trainable,)) for trainable in trainables]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    return endings


def test_a_budget_runs_out_while_four_workers_run_and_a_larger_one_loses_nothing(
    tmp_path: Path, undisturbed: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Heartbeat, "lap", lambda _heart: 1.0)  # seconds, each time that a worker counts
    store = begun(tmp_path, Budget(device_hours=20 * SECOND, price=3600))
    first = [Formula() for _ in range(4)]
    assert crew(store, first) == ["over"] * 4
    there = document(store)
    assert 20 <= there.account.trained < 20 + 2 * 4  # each may end the epoch that it is in
    assert not there.leases
    assert 0 < len(there.ended) < len(undisturbed)
    assert crew(store, [Formula()]) == ["over"]  # and begins nothing
    assert document(store).trials == there.trials
    now = status(store, PLAN)
    assert (now.finished, now.over) == (False, there.account.over)
    assert now.costs.money == pytest.approx(there.account.trained)
    rows = ranked(store, PLAN, over=True)[1]
    assert {row.trial for row in rows} == set(there.ended)
    with pytest.raises(SearchFailed, match="is not finished"):
        ranked(store, PLAN)

    agree(store, PLAN, Budget(device_hours=9))
    second = [Formula() for _ in range(4)]
    assert crew(store, second) == ["finished"] * 4
    assert outcome(store) == undisturbed
    assert sum(one.trained for one in (*first, *second)) == sum(
        len(PLAN.progress(store, number).epochs) for number in {row["configuration"] for row in undisturbed}
    )


def test_a_stopped_search_ends_its_epochs_and_goes_on_after_undo(
    tmp_path: Path, undisturbed: list[dict[str, Any]]
) -> None:
    store = begun(tmp_path)

    def stop_at(epoch: int, place: Place) -> None:
        if epoch == 5 and not account(store).stopped:
            stop(store, PLAN)
            place.entitled()  # a sign of life, which looks at the search

    assert work(store, PLAN, Formula(within=stop_at), terms=TERMS) == "over"
    there = document(store)
    (waiting,) = there.waiting
    assert len(PLAN.progress(store, there.trials[waiting].configuration).epochs) == 5
    assert there.account == Account(stopped=True)  # nothing is lost
    assert status(store, PLAN).over == "it was stopped"
    undo(store, PLAN)
    assert work(store, PLAN, Formula(), terms=TERMS) == "finished"
    assert outcome(store) == undisturbed
    with pytest.raises(InputError, match="is finished"):
        stop(store, PLAN)


def test_a_search_that_is_over_before_a_trial_completed_has_no_result(tmp_path: Path) -> None:
    store = begun(tmp_path)
    with pytest.raises(InputError, match="has not begun"):
        stop(store, PLAN)
    agree(store, PLAN, Budget(hours=1))
    stop(store, PLAN)
    assert work(store, PLAN, Formula(), terms=TERMS) == "over"
    with pytest.raises(SearchFailed, match="over before a trial has completed: it was stopped"):
        ranked(store, PLAN, over=True)


def test_hours_are_counted_by_the_stores_clock(tmp_path: Path) -> None:
    store = begun(tmp_path, Budget(hours=0.3 * SECOND))
    assert work(store, PLAN, Formula(0.05), terms=TERMS) == "over"
    assert account(store).worked >= 0.3


def test_what_a_killed_worker_had_trained_is_shown_apart_with_its_cost(
    tmp_path: Path, undisturbed: list[dict[str, Any]]
) -> None:
    store = begun(tmp_path, Budget(device_hours=1, price=3600))
    terms = TERMS.model_copy(update={"lease": 0.8})

    def die(epoch: int, place: Place) -> None:
        if epoch == 2:
            time.sleep(0.2)
            place.entitled()  # the last sign of life
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_process(lambda: work(store, PLAN, Formula(within=die), terms=terms)) == -signal.SIGKILL
    assert work(store, PLAN, Formula(), terms=terms) == "finished"
    assert outcome(store) == undisturbed
    there = account(store)
    assert there.vanished == 1
    assert there.lost >= 0.2
    costs = status(store, PLAN).costs
    assert costs.seconds == there.trained + there.lost
    assert costs.money_lost == pytest.approx(there.lost)
    assert list(cost_lines(costs))[1] == (
        f"lost: 1 worker vanished, {round(there.lost)} s of training in no stored epoch, {there.lost:.2f} in money"
    )


def test_an_epoch_that_is_interrupted_is_lost_and_no_worker_with_it(tmp_path: Path) -> None:
    store = begun(tmp_path)
    asked = iter((False,) * 5)
    assert work(store, PLAN, Formula(0.1), stop=lambda: next(asked, True), terms=TERMS) == "stopped"
    there = account(store)
    assert there.vanished == 0
    assert there.lost > 0


def test_an_account_survives_another_process() -> None:
    oracle = Oracle(PLAN.schedule, PLAN.seed, PLAN.space, PLAN.objective)
    agreed(oracle, Budget(hours=1))
    other = Oracle(PLAN.schedule, PLAN.seed, PLAN.space, PLAN.objective)
    other.load(Document.model_validate_json(oracle.dump().model_dump_json()))
    assert other.account == oracle.account


# The command


def test_a_terminal_stops_it_lets_it_go_on_and_asks_for_its_result(
    tmp_path: Path, undisturbed: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    store = begun(tmp_path)
    oracle = Oracle(PLAN.schedule, PLAN.seed, PLAN.space, PLAN.objective)

    def complete(trials: int) -> None:
        for _ in range(trials):
            given = taken(oracle)
            oracle.complete(given, float(len(oracle.records)), 1.0)
        store.put(PLAN.oracle, oracle.dump().model_dump_json().encode())

    def said(*words: str) -> tuple[int, str]:
        return main([words[0], store.url, *words[1:]]), capsys.readouterr().out

    store.put(PLAN.oracle, oracle.dump().model_dump_json().encode())
    assert said("result")[0] == 1  # nothing has completed
    complete(3)
    code, shown = said("result")
    assert (code, shown.splitlines()[0]) == (3, PLAN.key)
    assert said("stop") == (
        0, f"{PLAN.key}: stopped; its workers leave at the end of their epoch. `--undo` lets it go on.\n",
    )  # fmt: skip
    code, shown = said("result", "--json")
    found = json.loads(shown)
    assert (code, found["finished"], found["over"]) == (0, False, "it was stopped")
    assert [row["score"] for row in found["trials"]] == [3.0, 2.0, 1.0]
    assert "over: it was stopped" in said("status")[1]
    assert said("stop", "--undo")[0] == 0
    assert account(store) == Account()
    assert work(store, PLAN, Formula(), terms=TERMS) == "finished"
    code, shown = said("result")
    head, first, *rows = shown.splitlines()[3:]
    assert (code, head.split(), len(rows)) == (
        0,
        ["score", "epochs", "configuration", "width", "depth"],
        len(undisturbed) - 1,
    )
    best = ranked(store, PLAN)[1][0]
    assert first.split() == [
        "1",
        f"{best.score:.4f}",
        str(best.epochs),
        str(best.configuration),
        *map(str, best.values.values()),
    ]
    assert main(["stop", store.url]) == 2
