"""What was done is found and not done again."""

import json
import pickle
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from charrec.memo.outcome import Outcome, commit, remember, this_machine
from charrec.results import Rate
from charrec.storage import Conflict, Store, open_store
from charrec.study import Frozen

pytestmark = pytest.mark.filterwarnings("error")


class Found(Frozen):
    number: int


class Wider(Frozen):
    number: int
    name: str


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def test_a_step_is_computed_once(store: Store) -> None:
    calls = []

    def compute() -> Found:
        calls.append(1)
        return Found(number=7)

    first, second = (remember(store, "step/a", Found, compute) for _ in range(2))
    assert len(calls) == 1
    assert (first.cached, second.cached) == (False, True)
    assert first.model_copy(update={"cached": True}) == second
    assert (second.key, second.value) == ("step/a", Found(number=7))


def test_another_key_is_another_step(store: Store) -> None:
    for number in (1, 2):
        assert remember(store, f"step/{number}", Found, lambda n=number: Found(number=n)).value.number == number  # type: ignore[misc]


def test_of_two_writers_the_first_counts_for_both(store: Store) -> None:
    def slow() -> Found:
        remember(store, "step/a", Found, lambda: Found(number=1))  # another process is faster
        return Found(number=2)

    assert remember(store, "step/a", Found, slow).value.number == 1
    assert remember(store, "step/a", Found, slow).value.number == 1


def test_a_result_of_another_shape_is_computed_anew(store: Store) -> None:
    remember(store, "step/a", Found, lambda: Found(number=1))
    wider = remember(store, "step/a", Wider, lambda: Wider(number=2, name="b"))
    assert (wider.cached, wider.value.name) == (False, "b")
    assert remember(store, "step/a", Found, lambda: Found(number=3)).value.number == 1


def test_a_result_whose_docstring_changed_is_still_found(store: Store) -> None:
    first = type("Kind", (Frozen,), {"__doc__": "One.", "__annotations__": {"number": int}, "__module__": __name__})
    second = type("Kind", (Frozen,), {"__doc__": "Two.", "__annotations__": {"number": int}, "__module__": __name__})
    remember(store, "step/a", first, lambda: first(number=1))
    assert remember(store, "step/a", second, lambda: second(number=2)).cached


def test_a_failed_step_leaves_nothing_and_can_be_tried_again(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        remember(store, "step/a", Found, lambda: Found(number=1 // 0))
    assert store.list() == []
    assert remember(store, "step/a", Found, lambda: Found(number=1)).cached is False


def test_a_result_is_json_that_a_person_can_read(store: Store) -> None:
    remember(store, "step/a", Found, lambda: Found(number=7))
    (entry,) = store.list("step/a/")
    assert re.fullmatch(r"step/a/result-[0-9a-f]{8}\.json", entry.key)
    document = json.loads(store.get(entry.key))
    assert document["value"] == {"number": 7}
    assert "cached" not in document
    with pytest.raises(Conflict):
        store.create(entry.key, b"")


def test_an_outcome_crosses_a_process_border_whole(store: Store) -> None:
    outcome = remember(store, "step/a", Rate, lambda: Rate(value=0.5, low=0.4, high=0.6, n=10))
    crossed = pickle.loads(pickle.dumps(outcome))
    assert crossed == outcome
    assert type(crossed) is Outcome[Rate]
    assert pickle.loads(pickle.dumps(outcome.model_copy(update={"cached": True}))).cached


def test_a_result_says_where_when_and_by_what_code_it_was_made(store: Store) -> None:
    made = remember(store, "step/a", Found, lambda: Found(number=7)).provenance
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", made.started)
    assert 0 <= made.seconds < 5
    assert made.machine == this_machine()
    assert made.machine.cpu
    assert made.machine.cores >= 1
    assert made.machine.memory_gib > 0.1
    assert made.machine.versions["keras"] == keras.__version__
    assert made.machine.versions["numpy"] == np.__version__
    assert made.code == commit()


def test_the_code_is_named_by_its_commit_or_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"([0-9a-f]{12}\+?)?", commit.__wrapped__())
    monkeypatch.setenv("CHARREC_COMMIT", "abc")
    assert commit.__wrapped__() == "abc"
