"""One network is in use; who comes into use, and who was before, is never lost."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from charrec.errors import InputError
from charrec.serving.candidate import Candidate, candidate_of
from charrec.serving.champion import NAME, current, history, promote, rollback
from charrec.storage import Conflict, Store, open_store
from charrec.storage.folder import FolderStore
from charrec.training.checkpoints import Checkpoint, Progress
from tests.report.sample_result import tiny_result

pytestmark = pytest.mark.filterwarnings("error")

BASE = candidate_of(tiny_result(), "model_2", glyphs="g", letters="l", digits="d", report="reports/1/report.html")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def network(store: Store, name: str) -> Candidate:
    """A candidate whose weights are in the store."""
    key = f"trainings/{name}"
    best = Checkpoint(epoch=1, key=f"{key}/epoch-001.weights.h5", sha256=name * 64)
    store.put(best.key, b"weights")
    store.put(f"{key}/progress.json", Progress(best=best).model_dump_json().encode())
    return BASE.model_copy(update={"training": key, "weights_sha256": best.sha256, "split": "font"})


def told(store: Store) -> list[tuple[int, str, str]]:
    return [(entry.number, entry.by, entry.candidate.training[-1]) for entry in history(store)]


def test_there_is_none_at_first(store: Store) -> None:
    assert (current(store), history(store)) == (None, ())


def test_the_last_promotion_is_the_champion(store: Store) -> None:
    first = promote(store, network(store, "a"), "the first", None)
    second = promote(store, network(store, "b"), "better", 1)
    assert current(store) == second
    assert history(store) == (first, second)
    assert told(store) == [(1, "first", "a"), (2, "gate", "b")]
    assert second.why == "better" and second.when.endswith("+00:00")


@pytest.mark.parametrize("expected", [None, 1, 3])
def test_who_was_compared_with_another_champion_is_not_promoted(store: Store, expected: int | None) -> None:
    promote(store, network(store, "a"), "", None)
    promote(store, network(store, "b"), "", 1)
    with pytest.raises(Conflict, match=f"the champion is number 2, the comparison was with {expected}"):
        promote(store, network(store, "c"), "", expected)
    assert told(store) == [(1, "first", "a"), (2, "gate", "b")]


def test_of_many_that_beat_the_same_champion_at_once_one_is_promoted(store: Store) -> None:
    promote(store, network(store, "a"), "", None)
    challengers = [network(store, name) for name in "bcdef"]
    together = Barrier(len(challengers))

    def try_it(challenger: Candidate) -> str:
        together.wait()
        try:
            return promote(store, challenger, "better", 1).candidate.training
        except Conflict:
            return ""

    with ThreadPoolExecutor(len(challengers)) as pool:
        promoted = [training for training in pool.map(try_it, challengers) if training]
    assert len(promoted) == 1
    assert [entry.candidate.training for entry in history(store)] == ["trainings/a", *promoted]


def test_to_promote_the_champion_again_changes_nothing(store: Store) -> None:
    first = promote(store, network(store, "a"), "once", None)
    assert promote(store, network(store, "a"), "twice", 1) == first
    assert history(store) == (first,)


class Deaf(FolderStore):
    """Writes, and never hears that it did."""

    def swap(self, key: str, data: bytes, version: str) -> str:
        super().swap(key, data, version)
        raise Conflict(key)

    def create(self, key: str, data: bytes) -> str:
        super().create(key, data)
        raise Conflict(key)


def test_a_promotion_whose_reply_was_lost_happens_once(tmp_path: Path) -> None:
    store = Deaf(tmp_path)
    promote(store, network(store, "a"), "", None)
    promote(store, network(store, "b"), "", 1)
    rollback(store, 1)
    assert told(store) == [(1, "first", "a"), (2, "gate", "b"), (3, "rollback", "a")]


def test_a_rollback_is_one_more_entry(store: Store) -> None:
    for number, name in enumerate("abc"):
        promote(store, network(store, name), "", number or None)
    back = rollback(store, 1)
    assert (back.number, back.why, current(store)) == (4, "back to 1 from 3", back)
    assert told(store)[-1] == (4, "rollback", "a")
    assert rollback(store, 2).number == 5


@pytest.mark.parametrize(
    ("number", "found"),
    [
        (9, r"has no champion 9; expected a former one \(2\)"),
        (0, r"has no champion 0"),
        (3, r"champion 3 is in use; expected a former one \(2\)"),
        (1, r"champion 1 is in use"),  # 3 is a rollback to it
    ],
)
def test_a_rollback_to_nowhere_is_refused(store: Store, number: int, found: str) -> None:
    promote(store, network(store, "a"), "", None)
    promote(store, network(store, "b"), "", 1)
    rollback(store, 1)
    with pytest.raises(InputError, match=found):
        rollback(store, number)
    assert len(history(store)) == 3


def test_a_rollback_where_there_is_no_champion_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match=r"has no champion 1; expected a former one, of which there is none"):
        rollback(store, 1)


def test_the_gate_does_not_bring_back_what_was_rolled_back_but_a_person_does(store: Store) -> None:
    promote(store, network(store, "a"), "", None)
    promote(store, bad := network(store, "b"), "", 1)
    rollback(store, 1)
    with pytest.raises(InputError, match=r"trainings/b was taken out of use by rollback 3"):
        promote(store, bad, "better", 3)
    assert rollback(store, 2).candidate == bad
    promote(store, network(store, "c"), "", 4)
    assert promote(store, bad, "better than c too", 5).number == 6


def test_a_network_that_no_gate_could_compare_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match=r"was trained with --split random; expected --split font"):
        promote(store, network(store, "a").model_copy(update={"split": "random"}), "", None)
    assert not store.exists(NAME)


def test_a_network_without_its_weights_is_refused(store: Store) -> None:
    promote(store, first := network(store, "a"), "", None)
    promote(store, network(store, "b"), "", 1)
    store.delete(f"{first.training}/epoch-001.weights.h5")
    with pytest.raises(InputError, match=r"has no weights of trainings/a; expected those of SHA-256 aaaa"):
        rollback(store, 1)
    other = network(store, "c").model_copy(update={"weights_sha256": "d" * 64})
    with pytest.raises(InputError, match=r"trainings/c has weights of SHA-256 cccc.*; expected those of SHA-256 dddd"):
        promote(store, other, "", 2)
    assert len(history(store)) == 2


def with_(change: Callable[[Any], object]) -> Callable[[str], str]:
    def changed(text: str) -> str:
        plain = json.loads(text)
        change(plain)
        return json.dumps(plain)

    return changed


FOREIGN: dict[str, tuple[Callable[[str], str], str]] = {
    "of another version": (with_(lambda plain: plain.update(version=2)), "champions of version 2"),
    "without a version": (with_(lambda plain: plain.pop("version")), "champions of version None"),
    "cut off": (lambda text: text[:-9], "no JSON"),
    "a list": (lambda text: f"[{text}]", "champions of version None"),
    "with another field": (with_(lambda plain: plain["promotions"][0].update(x=1)), "promotions.0.x: Extra inputs"),
    "with a gap": (with_(lambda plain: plain["promotions"].pop(0)), "the numbers do not run from 1"),
    "with two firsts": (with_(lambda plain: plain["promotions"][1].update(by="first")), "by 'first'"),
    "with a local time": (with_(lambda plain: plain["promotions"][0].update(when="2026-01-01T00:00:00")), "in UTC"),
    "with a rate above one": (
        with_(lambda plain: plain["promotions"][0]["candidate"].update(accuracy=91.2)),
        "promotions.0.candidate.accuracy",
    ),
}


@pytest.mark.parametrize("how", FOREIGN)
def test_a_document_of_another_kind_is_refused_and_left_as_it_is(store: Store, how: str) -> None:
    promote(store, network(store, "a"), "", None)
    promote(store, network(store, "b"), "", 1)
    change, found = FOREIGN[how]
    foreign = change(store.get(NAME).decode()).encode()
    store.put(NAME, foreign)
    for use in (current, lambda store: promote(store, network(store, "c"), "", 2), lambda store: rollback(store, 1)):
        with pytest.raises(InputError) as refusal:
            use(store)
        assert found in refusal.value.found
    assert store.get(NAME) == foreign
