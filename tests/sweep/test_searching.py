"""The search of any Keras model, from a script: found once, by whoever comes, and each mistake told."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from charrec.commands.sweep import main
from charrec.errors import InputError
from charrec.machine.termination import Terminated
from charrec.storage import Store
from charrec.sweep import Asha, BestOf, Budget, Found, Search, search, status
from charrec.sweep.blame import MachineAtFault
from charrec.sweep.fits import Fits
from charrec.sweep.heartbeat import Heartbeat, Terms
from tests.sweep.tiny import FIT, XV, YV, build, building, model
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

SMALL = Search(max_epochs=2, factor=2, objective="val_accuracy", seed=3)  # 5 trials of 4 configurations
EXPLORED = 3  # calls of the builder before the first trial: at its defaults, at the other end of its units, for a batch
UNLUCKY = 5  # units, of one of the four: it diverges


def unlucky(hp: Any) -> Any:
    made = build(hp)
    if hp.get("units") == UNLUCKY:
        made.optimizer.learning_rate = float("nan")
    return made


def searched(
    store: str | Path | Store, how: Search = SMALL, builder: Callable[[Any], Any] = unlucky, **options: Any
) -> Found:
    fit = options.pop("fit", FIT)
    return search(builder, how, store, fit, terms=Terms(lease=60, poll=0.1), **options)


def outcome(found: Found) -> list[dict[str, Any]]:
    return [row.model_dump(exclude={"trial", "seconds"}) for row in found.trials]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """By a process that is asked to stop in its middle, and another one."""
    store, begun = str(tmp_path_factory.mktemp("store")), []

    def stop(_title: str, epoch: int, _epochs: int) -> None:
        begun.append(epoch)
        if begun == [1, 1, 2]:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Terminated, match="the next process goes on with it"):
        searched(store, show=stop)
    return searched(store)


def test_the_best_is_found_with_its_history_and_its_model(found: Found) -> None:
    assert len(found.trials) == 5
    best = found.trials[0]
    assert (found.best.values, found.best.score) == (best.values, best.score)
    assert found.best.values.keys() == {"units", "rate"}
    scores = [row.values["val_accuracy"] for row in found.best.history]
    assert max(scores[: best.epochs]) == found.best.score
    _, accuracy = found.model().evaluate(XV, YV, verbose=0)
    assert accuracy == pytest.approx(found.best.score)
    assert found.unrepeatable == ()


def test_a_trial_that_diverges_has_failed_with_its_words_and_the_others_go_on(found: Found) -> None:
    last = found.trials[-1]
    assert (last.state, last.values["units"]) == ("FAILED", UNLUCKY)
    assert {row.state for row in found.trials[:-1]} == {"COMPLETED"}
    with pytest.raises(InputError, match="has no weights, since it ended FAILED; expected a trial that has an epoch"):
        found.model(last)
    (trouble,) = status(found.store, found.plan).troubles
    assert "Diverged: loss is nan in epoch 1; the earlier epochs are stored" in trouble.message


def test_whoever_comes_later_finds_the_same_and_trains_nothing(found: Found) -> None:
    again = searched(found.store, show=lambda *_: pytest.fail("nothing is left to train"))
    assert outcome(again) == outcome(found)


def test_a_spent_budget_returns_what_there_is_and_without_it_the_search_goes_on(
    found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Heartbeat, "lap", lambda _heart: 1.0)  # seconds, twice in a trial of one epoch
    budget = Budget(device_hours=5 / 3600)
    part = searched(str(tmp_path), SMALL.model_copy(update={"budget": budget}))
    assert part.over and part.over.startswith("its budget is spent, ")
    assert 0 < len(part.trials) < len(found.trials)
    assert (part.best.values, part.best.score) == (part.trials[0].values, part.trials[0].score)
    whole = searched(str(tmp_path))
    assert whole.over is None
    assert outcome(whole) == outcome(found)


@pytest.mark.long
def test_a_search_that_was_stopped_is_as_one_that_was_not(found: Found, tmp_path: Path) -> None:
    assert outcome(searched(str(tmp_path))) == outcome(found)


def test_the_command_shows_it_and_cannot_work_at_it(found: Found, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", found.store.url]) == 0
    assert f"best {found.best.score:.4f}" in (said := capsys.readouterr().out)
    assert "units" in said and "rate" in said and said.startswith("sweeps/search\n")
    assert main(["work", found.store.url]) == 2
    assert "is the search of a script" in capsys.readouterr().err


@pytest.mark.parametrize("how", [BestOf(trials=3, best=1), Asha(trials=3, factor=2)], ids=["best of", "ASHA"])
def test_a_search_by_another_schedule_finds_as_well_and_says_where_it_depends_on_its_workers(
    how: BestOf | Asha, tmp_path: Path
) -> None:
    found = searched(str(tmp_path), Search(max_epochs=2, objective="val_accuracy", schedule=how), build)
    assert (len(found.trials), found.trials[0].score) == (4, found.best.score)
    assert bool(found.unrepeatable) == isinstance(how, Asha)
    assert Fits.stored(found.store, "sweeps/search") == found.plan


def test_a_store_that_holds_another_search_is_refused(found: Found) -> None:
    before = [entry[:3] for entry in found.store.list()]
    changes: dict[str, dict[str, Any]] = {
        "seed": {"how": SMALL.model_copy(update={"seed": 4})},
        "space": {"builder": building(units=lambda hp: hp.Int("units", 2, 40))},
        "fit's batch_size": {"fit": FIT | {"batch_size": 10}},
        "fit's x": {"fit": FIT | {"x": FIT["x"] + 1}},
    }
    for what, change in changes.items():
        with pytest.raises(InputError, match=f"holds another search, with another {what}; expected one search per key"):
            searched(found.store, **change)
    assert [entry[:3] for entry in found.store.list()] == before
    assert Fits.stored(found.store, "sweeps/search") == found.plan


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"builder": lambda hp: model(hp.Choice("units", [2, 3]))}, "a space of 2 points; expected at least 4, which"),
        ({"how": SMALL.model_copy(update={"objective": "val_beauty"})}, "not known whether more or less is better"),
        ({"fit": FIT | {"epochs": 3}}, "epochs among the arguments of `fit`"),
    ],
)
def test_bad_input_is_told_before_anything_is_stored(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        searched(tmp_path / "store", **change)
    assert not (tmp_path / "store").exists()


def test_a_builder_that_fails_everywhere_is_the_machines_fault_in_its_words(tmp_path: Path) -> None:
    built = iter(range(10))

    def breaking(hp: Any) -> Any:
        if next(built) >= EXPLORED:
            raise KeyError("no such layer")
        return build(hp)

    with pytest.raises(
        MachineAtFault, match="completed no trial, .* failed at trial 0000: KeyError: 'no such layer'; trial"
    ):
        searched(str(tmp_path), builder=breaking)
