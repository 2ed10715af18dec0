"""A finished search goes on: with more rounds, in a larger space, with its best for more epochs."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from charrec.commands.sweep import main
from charrec.errors import InputError
from charrec.storage import Store, open_store
from charrec.sweep import Search, status
from charrec.sweep.document import Document, point
from charrec.sweep.extension import Extension
from charrec.sweep.fits import Fits
from charrec.sweep.heartbeat import Terms
from charrec.sweep.joining import join
from charrec.sweep.outcome import ranked, read_document
from charrec.sweep.retry import reopen
from charrec.sweep.space import Space
from charrec.sweep.steering import begin, extend_best, extend_rounds, stop
from charrec.sweep.trainable import Place
from charrec.sweep.worker import work
from charrec.tuning.plan import Sweep
from tests.sweep.driving import SMALL, alone, oracle_of
from tests.sweep.formula import Formula, in_a_process, plan
from tests.toy import RECIPE, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

SEARCH = Search(max_epochs=4, factor=2, objective="score")
PLAN = plan(SEARCH)
TERMS = Terms(lease=60, poll=0.02)
NARROW = Space.of_choices({"width": tuple(range(1, 31)), "depth": (1, 2, 3)})
WIDER = Space.of_choices({"width": tuple(range(1, 200)), "depth": (1, 2, 3)})


def document(store: Store, sweep: Fits = PLAN) -> Document:
    found = read_document(store, sweep)
    assert found
    return found


def outcome(store: Store, sweep: Fits = PLAN) -> list[dict[str, Any]]:
    return [row.model_dump(exclude={"trial", "seconds"}) for row in ranked(store, sweep)[1]]


def searched(folder: Path, rounds: int = 1, sweep: Fits = PLAN) -> tuple[Store, Formula]:
    """To its end."""
    store, trainable = open_store(str(folder)), Formula()
    assert work(store, join(store, sweep, rounds), trainable, terms=TERMS) == "finished"
    return store, trainable


def finish(store: Store, sweep: Fits = PLAN) -> Formula:
    trainable = Formula()
    assert work(store, sweep, trainable, terms=TERMS) == "finished"
    return trainable


def test_rounds_that_come_later_find_what_they_had_found_from_the_beginning(tmp_path: Path) -> None:
    both, trained_both = searched(tmp_path / "both", rounds=2)
    store, trained_first = searched(tmp_path / "later")
    first = document(store)
    extend_rounds(store, PLAN, 2)
    now = status(store, PLAN)
    assert (now.finished, now.runnable) == (False, 10)  # of the second round's first rungs
    trained_later = finish(store)
    assert outcome(store) == outcome(both)
    assert trained_first.trained + trained_later.trained == trained_both.trained
    assert {name: document(store).trials[name] for name in first.trials} == first.trials
    assert len(document(store).trials) == 2 * len(first.trials)
    brackets = {record.bracket for record in document(store).trials.values()}
    assert brackets == {0, 1, 2, 3, 4, 5}
    done = status(store, PLAN)
    assert (done.finished, done.epochs_done) == (True, done.epochs)
    extend_rounds(store, PLAN, 2)  # which it has
    assert status(store, PLAN).finished


def test_rounds_may_come_while_it_runs_and_a_script_that_says_fewer_joins(tmp_path: Path) -> None:
    both, _ = searched(tmp_path / "both", rounds=2)
    store = open_store(str(tmp_path / "store"))
    rounds = iter((2, 1))

    def extend(epoch: int, _place: Place) -> None:
        if epoch == 4 and (more := next(rounds, None)):
            assert join(store, PLAN, more) == PLAN

    assert work(store, join(store, PLAN, 1), Formula(within=extend), terms=TERMS) == "finished"
    assert outcome(store) == outcome(both)


def test_the_best_train_on_from_their_checkpoints(tmp_path: Path) -> None:
    store, _ = searched(tmp_path)
    before = ranked(store, PLAN)[1]
    chosen = list(dict.fromkeys(row.configuration for row in before))[:4]
    had = {number: len(PLAN.progress(store, number).epochs) for number in chosen}
    extend_best(store, PLAN, 4, 7)
    now = status(store, PLAN)
    assert (now.finished, now.runnable) == (False, 4)
    assert now.epochs - now.epochs_done == sum(7 - epochs for epochs in had.values())
    assert finish(store).trained == sum(7 - epochs for epochs in had.values())
    assert {row.configuration for row in ranked(store, PLAN)[1] if row.epochs == 7} == set(chosen)
    with pytest.raises(InputError, match="the best 4 of .* have trained for 7 epochs or more"):
        extend_best(store, PLAN, 4, 7)
    extend_rounds(store, PLAN, 2)  # one after the other, in any order
    finish(store)
    assert len({(row.bracket, row.rung) for row in ranked(store, PLAN)[1]}) == len(status(store, PLAN).rungs)


def test_a_worker_is_killed_in_the_middle_of_an_extended_search(tmp_path: Path) -> None:
    undisturbed, _ = searched(tmp_path / "undisturbed")
    extend_best(undisturbed, PLAN, 3, 9)
    finish(undisturbed)
    store, _ = searched(tmp_path / "store")
    extend_best(store, PLAN, 3, 9)
    terms = TERMS.model_copy(update={"lease": 0.8})

    def die(epoch: int, _place: Place) -> None:
        if epoch == 7:
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_process(lambda: work(store, PLAN, Formula(within=die), terms=terms)) == -signal.SIGKILL
    assert work(store, PLAN, Formula(), terms=terms) == "finished"
    assert outcome(store) == outcome(undisturbed)
    assert document(store).account.vanished == 1


def test_a_larger_space_is_searched_in_further_rounds_and_points_keep_their_values(tmp_path: Path) -> None:
    narrow, wider = plan(SEARCH, NARROW), plan(SEARCH, WIDER)
    store, _ = searched(tmp_path, sweep=narrow)
    first = document(store, narrow)
    with pytest.raises(InputError, match="holds another search, with another space"):
        join(store, wider, 1)
    sweep = join(store, wider, 2)
    assert sweep == narrow  # as it is stored
    finish(store, sweep)
    after = document(store, narrow)
    assert {name: after.trials[name] for name in first.trials} == first.trials
    points = [point(record.values) for name, record in after.trials.items() if name not in first.trials]
    assert all(WIDER.holds(one) for one in points)
    assert any(not NARROW.holds(one) for one in points)
    assert join(store, wider, 2) == narrow
    assert join(store, wider, 1) == narrow
    for rounds in (1, 3):
        with pytest.raises(InputError, match="a search whose space was enlarged; expected the script that enlarged it"):
            join(store, narrow, rounds)
    assert document(store, narrow) == after


def test_a_space_without_a_point_that_was_tried_is_refused(tmp_path: Path) -> None:
    store, _ = searched(tmp_path, sweep=plan(SEARCH, NARROW))
    for choices in ({"width": tuple(range(200, 300)), "depth": (1,)}, {"width": tuple(range(300)), "new": (1, 2)}):
        with pytest.raises(InputError, match="without the point of trial 0000"):
            join(store, plan(SEARCH, Space.of_choices(choices)), 2)


def test_what_cannot_go_on_is_told(tmp_path: Path) -> None:
    narrow = plan(SEARCH, NARROW)
    store = open_store(str(tmp_path))
    with pytest.raises(InputError, match="has not begun"):
        extend_rounds(store, PLAN, 2)
    narrow.begin(store)
    begin(store, narrow)
    with pytest.raises(InputError, match="is not finished; expected a finished search before its best train on"):
        extend_best(store, narrow, 1, 10)
    with pytest.raises(InputError, match="is not finished; expected a finished search before its space grows"):
        join(store, plan(SEARCH, WIDER), 2)
    with pytest.raises(InputError, match="a space of 90 points; expected at least 150, which the search tries"):
        extend_rounds(store, narrow, 15)
    assert document(store, narrow).extension == Extension()


def test_what_is_extended_goes_on_though_it_was_stopped(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    begin(store, join(store, PLAN, 1))
    stop(store, PLAN)
    extend_rounds(store, PLAN, 2)
    finish(store)


def test_failed_trials_are_tried_anew_with_all_rounds_but_in_no_larger_space(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))

    def fail(epoch: int, place: Place) -> None:
        if epoch == 2 and place.key.endswith("003"):
            raise ValueError("a formula without a value")

    sweep = join(store, plan(SEARCH, NARROW), 2)
    while work(store, sweep, Formula(within=fail), terms=TERMS) == "alone":
        pass
    extend_best(store, sweep, 1, 9)
    assert reopen(store, sweep) == 1
    finish(store, sweep)
    undisturbed, _ = searched(tmp_path / "undisturbed", 2, sweep)
    assert outcome(store, sweep) == outcome(undisturbed, sweep)


def test_a_terminal_extends_a_scripts_search_and_gives_a_studys_a_budget(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, _ = searched(tmp_path / "scripts")
    words = ["extend", store.url, "--rounds", "2", "--best", "2", "--epochs", "6", "--device-hours", "5"]
    assert main(words) == 0
    assert capsys.readouterr().out.startswith(f"{PLAN.key}: it goes on. Start its workers again")
    assert document(store).account.budget
    for words, said in (
        ([], "nothing to extend by"),
        (["--best", "2"], "--best K without --epochs N; expected both of them. Add --epochs N."),
        (["--epochs", "2"], "--epochs N without --best K; expected both of them. Add --best K."),
        (["--money", "5"], "--money without --price; expected the price of a device-hour. Add --price X."),
    ):
        assert main(["extend", store.url, *words]) == 2
        assert said in capsys.readouterr().err

    studys = open_store(str(tmp_path / "studys"))
    sweep = Sweep(key="sweeps/a", search=SMALL, recipe=RECIPE.model_copy(update={"model": "model_4"}))
    sweep.begin(studys)
    oracle = oracle_of(SMALL, sweep.recipe.seed)
    alone(oracle)
    studys.put(sweep.oracle, oracle.dump().model_dump_json().encode())
    assert main(["extend", studys.url, "--rounds", "2"]) == 2
    assert "is the search of a study, whose settings say how much it searches" in capsys.readouterr().err
    for words in (["extend", studys.url, "--money", "5", "--price", "2"], ["stop", studys.url, "--undo"]):
        assert main(words) == 0
        assert capsys.readouterr().out == "sweeps/a: finished, no trial is left.\n"
