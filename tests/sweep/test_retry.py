"""A search in which trials failed begins anew, and ends as if none had; no store stays stuck."""

from pathlib import Path

import pytest

from charrec.commands.sweep import main
from charrec.storage import Store, open_store
from charrec.study import Search
from charrec.sweep.document import Document, parsed
from charrec.sweep.oracle import FAILURES
from charrec.sweep.outcome import failed, finished
from charrec.sweep.retry import reopen
from charrec.tuning.outcome import result
from charrec.tuning.plan import Sweep
from charrec.tuning.ranking import ranking
from tests.sweep.driving import DECK, SMALL, alone, fail_for_good, oracle_of, points, searched, taken
from tests.toy import RECIPE, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

KEY = "sweeps/0123456789abcdef"


class Ended:
    """A search that has come to some end, in a store."""

    def __init__(self, folder: Path, search: Search) -> None:
        self.store: Store = open_store(str(folder))
        self.sweep = Sweep(key=KEY, search=search, recipe=RECIPE.model_copy(update={"model": "model_4"}))
        self.sweep.begin(self.store)
        self.oracle = oracle_of(search, self.sweep.recipe.seed)

    def put(self) -> None:
        self.store.put(self.sweep.oracle, self.oracle.dump().model_dump_json().encode())

    def document(self) -> Document:
        return parsed(self.store.get(self.sweep.oracle), "the test's")

    def go_on(self) -> Document:
        """Healthy workers, to the end."""
        self.oracle.load(self.document())
        alone(self.oracle)
        self.put()
        return self.document()


@pytest.fixture
def aborted(tmp_path: Path) -> Ended:
    """After three trials, one machine's failures ended it."""
    search = Ended(tmp_path / "store", DECK)
    for _ in range(3):
        given = taken(search.oracle)
        search.oracle.complete(given, points(given), 1.0)
    for _ in range(FAILURES):
        fail_for_good(search.oracle, taken(search.oracle), "InternalError: no GPU")
    search.put()
    return search


@pytest.fixture
def small(tmp_path: Path) -> Ended:
    """It is finished; the better one of bracket 1's first rung failed, and the other was promoted."""
    search = Ended(tmp_path / "store", SMALL)
    best = searched(SMALL, search.sweep.recipe.seed)
    promoted = next(one.configuration for one in best.trials.values() if one.values["tuner/round"] == 1)
    while not isinstance(given := search.oracle.take("worker"), str):
        if given.configuration == promoted:
            fail_for_good(search.oracle, given)
        else:
            search.oracle.complete(given, points(given), 1.0)
    search.put()
    return search


def timeless(document: Document) -> list[dict[str, object]]:
    return [row.model_dump(exclude={"trial", "seconds"}) for row in ranking(document)]


def test_an_aborted_search_begins_anew_and_ends_as_one_without_a_failure(aborted: Ended) -> None:
    why = failed(aborted.store, aborted.sweep)
    assert why
    assert "no GPU" in why
    assert reopen(aborted.store, aborted.sweep) == FAILURES
    assert failed(aborted.store, aborted.sweep) is None
    assert not finished(aborted.store, aborted.sweep)
    assert timeless(aborted.go_on()) == timeless(searched(DECK, aborted.sweep.recipe.seed))


def test_a_trial_that_was_promoted_in_place_of_a_failed_one_is_not_after_it(small: Ended) -> None:
    before, undisturbed = small.document(), searched(SMALL, small.sweep.recipe.seed)
    assert timeless(before) != timeless(undisturbed)
    assert reopen(small.store, small.sweep) == 1
    assert timeless(small.go_on()) == timeless(undisturbed)


def test_tokens_go_on_so_that_a_worker_of_before_changes_nothing(aborted: Ended) -> None:
    held = taken(oracle_of(DECK, aborted.sweep.recipe.seed))  # token 1, as the first of all
    latest = aborted.document().token
    reopen(aborted.store, aborted.sweep)
    aborted.oracle.load(aborted.document())
    first = taken(aborted.oracle)
    assert (first.trial, first.token) == (held.trial, latest + 1)
    assert not aborted.oracle.complete(held, 0.9, 1.0)


def test_its_trainings_stay_and_its_result_goes(small: Ended) -> None:
    for name in ("result-01234567.json", "configuration-000/progress.json"):
        small.store.put(f"{KEY}/{name}", b"{}")
    reopen(small.store, small.sweep)
    assert [entry.key.removeprefix(KEY) for entry in small.store.list()] == [
        "/configuration-000/progress.json",
        "/oracle.json",
        "/sweep.json",
    ]


@pytest.mark.parametrize("state", ["not begun", "in the middle", "finished"])
def test_a_search_without_a_failed_trial_stays_as_it_is(state: str, tmp_path: Path) -> None:
    search = Ended(tmp_path / "store", SMALL)
    if state == "in the middle":
        search.oracle.fail(taken(search.oracle), "once")
        taken(search.oracle)
    if state == "finished":
        alone(search.oracle)
        search.store.put(f"{KEY}/result-01234567.json", b"{}")
    if state != "not begun":
        search.put()
    before = [entry[:3] for entry in search.store.list()]
    assert reopen(search.store, search.sweep) == 0
    assert [entry[:3] for entry in search.store.list()] == before


def test_a_search_of_which_every_trial_failed_is_stuck_until_it_begins_anew(tmp_path: Path) -> None:
    tiny = Ended(tmp_path / "store", Search(max_epochs=1, factor=2))
    fail_for_good(tiny.oracle, taken(tiny.oracle), "no GPU")
    tiny.put()
    assert failed(tiny.store, tiny.sweep) == "no trial of 1 succeeded; trial 0000: no GPU"
    assert reopen(tiny.store, tiny.sweep) == 1
    tiny.go_on()
    assert failed(tiny.store, tiny.sweep) is None
    assert len(result(tiny.store, tiny.sweep, 1).trials) == 1


def test_the_command_says_what_is_tried_anew(aborted: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    for said in (
        f"{KEY}: {FAILURES} failed trials are tried anew. Run the study again, or start `charrec sweep work`.\n",
        f"{KEY}: no trial has failed.\n",
    ):
        assert main(["retry", aborted.store.url]) == 0
        assert capsys.readouterr() == (said, "")
    aborted.go_on()
    assert result(aborted.store, aborted.sweep, 1).chosen == ranking(aborted.document())[0].network
