"""A stored outcome: readable, whole or none, written once."""

import json
import re
from hashlib import sha256
from pathlib import Path

import keras
import numpy as np
import pytest

from charrec.errors import InputError
from charrec.machine.provenance import commit, this_machine
from charrec.memo.outcome import Outcome, Provenance, name_of, outcome_of, recall, remember, require
from charrec.results import Stored
from charrec.storage import Conflict, Store, Unrecorded, open_store
from charrec.storage.folder import FolderStore
from charrec.study import Frozen

pytestmark = pytest.mark.filterwarnings("error")

PROVENANCE = Provenance(started="2026-11-27T12:00:00+00:00", seconds=1.5, machine=this_machine(), code="abc")


FOREIGN_KEY = json.dumps({"key": "step/b", "value": {"number": 1}, "provenance": PROVENANCE.model_dump()}).encode()


class Found(Frozen):
    number: int


class Wider(Frozen):
    number: int
    name: str


class Pointing(Frozen):
    one: Stored
    others: dict[str, tuple[Stored, ...]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def outcome(key: str, value: Frozen) -> Outcome[Frozen]:
    return outcome_of(type(value))(key=key, value=value, provenance=PROVENANCE)


def pointing(store: Store) -> Pointing:
    """A result with three objects."""
    objects = []
    for name in "abc":
        store.put(f"step/a/{name}", name.encode())
        objects.append(Stored(key=f"step/a/{name}", sha256=sha256(name.encode()).hexdigest()))
    return Pointing(one=objects[0], others={"few": (objects[1],), "more": (objects[2],)})


def test_a_remembered_outcome_is_recalled_as_cached(store: Store) -> None:
    assert recall(store, "step/a", Found) is None
    made = remember(store, outcome("step/a", Found(number=7)))
    found = recall(store, "step/a", Found)
    assert (made.cached, found and found.cached) == (False, True)
    assert found == made.model_copy(update={"cached": True})


def test_of_two_writers_the_first_counts_for_both(store: Store) -> None:
    remember(store, outcome("step/a", Found(number=1)))
    assert remember(store, outcome("step/a", Found(number=2))).value == Found(number=1)
    assert require(store, "step/a", Found).value == Found(number=1)


def test_a_result_of_another_shape_is_another_result(store: Store) -> None:
    remember(store, outcome("step/a", Found(number=1)))
    assert recall(store, "step/a", Wider) is None
    remember(store, outcome("step/a", Wider(number=2, name="b")))
    assert require(store, "step/a", Found).value == Found(number=1)


def test_a_result_whose_docstring_changed_is_still_recalled(store: Store) -> None:
    first, second = (
        type("Kind", (Frozen,), {"__doc__": doc, "__annotations__": {"number": int}, "__module__": __name__})
        for doc in ("One.", "Two.")
    )
    remember(store, outcome("step/a", first(number=1)))
    assert recall(store, "step/a", second)


def test_a_result_is_json_for_people(store: Store) -> None:
    remember(store, outcome("step/a", Found(number=7)))
    (entry,) = store.list("step/a/")
    assert re.fullmatch(r"step/a/result-[0-9a-f]{8}\.json", entry.key)
    document = json.loads(store.get(entry.key))
    assert document["value"] == {"number": 7}
    assert "cached" not in document
    with pytest.raises(Conflict):
        store.create(entry.key, b"")


@pytest.mark.parametrize("name", ["a", "b", "c"])
@pytest.mark.parametrize("harm", ["gone", "overwritten", "damaged"])
def test_a_result_is_none_once_an_object_that_it_points_at_is_lost(store: Store, name: str, harm: str) -> None:
    value = pointing(store)
    remember(store, outcome("step/a", value))
    assert recall(store, "step/a", Pointing)
    if harm == "gone":
        store.delete(f"step/a/{name}")
    elif harm == "overwritten":
        store.put(f"step/a/{name}", b"other")
    else:
        Path(store.local(f"step/a/{name}", Path())).write_bytes(b"?")
    assert recall(store, "step/a", Pointing) is None
    with pytest.raises(InputError, match="no whole outcome under 'step/a'"):
        require(store, "step/a", Pointing)
    again = pointing(store)
    assert remember(store, outcome("step/a", again)).value == again
    assert recall(store, "step/a", Pointing)


@pytest.mark.parametrize("content", [b"", b"{", b'{"value": 1}', b"\xff", b"[" * 100_000, FOREIGN_KEY])
def test_a_result_that_cannot_be_read_is_none_and_written_anew(store: Store, content: bytes) -> None:
    store.put(name_of("step/a", Found), content)
    assert recall(store, "step/a", Found) is None
    remember(store, outcome("step/a", Found(number=7)))
    assert require(store, "step/a", Found).value == Found(number=7)


def forget(store: Store, key: str) -> None:
    """Lose the record of its SHA-256, as a copy does."""
    assert isinstance(store, FolderStore)
    (store.root / ".sha256" / key).unlink()


@pytest.mark.parametrize("name", ["a", "b", "c", "the result"])
def test_a_result_whose_record_alone_is_lost_is_not_computed_again(store: Store, name: str) -> None:
    remember(store, outcome("step/a", pointing(store)))
    forget(store, name_of("step/a", Pointing) if name == "the result" else f"step/a/{name}")
    with pytest.raises(Unrecorded, match="Delete nothing: `charrec store check"):
        recall(store, "step/a", Pointing)


def test_a_damaged_result_without_a_record_is_none(store: Store) -> None:
    remember(store, outcome("step/a", pointing(store)))
    forget(store, "step/a/b")
    Path(store.url.removeprefix("file://"), "step/a/b").write_bytes(b"?")
    assert recall(store, "step/a", Pointing) is None
    remember(store, outcome("step/a", Found(number=7)))
    Path(store.url.removeprefix("file://"), name_of("step/a", Found)).write_bytes(b"{}")
    forget(store, name_of("step/a", Found))
    assert recall(store, "step/a", Found) is None


def test_a_result_that_points_at_no_object_is_none(store: Store) -> None:
    value = pointing(store)
    odd = value.model_copy(update={"one": Stored(key="../a", sha256="0" * 64)})
    store.put(name_of("step/a", Pointing), outcome("step/a", odd).model_dump_json(exclude={"cached"}).encode())
    assert recall(store, "step/a", Pointing) is None


def test_the_machine_names_itself_and_its_libraries() -> None:
    machine = this_machine()
    assert machine.cpu
    assert machine.cores >= 1
    assert machine.memory_gib > 0.1
    assert machine.versions["keras"] == keras.__version__
    assert machine.versions["numpy"] == np.__version__


def test_the_code_is_named_by_its_commit_or_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"([0-9a-f]{12}\+?)?", commit.__wrapped__())
    monkeypatch.setenv("CHARREC_COMMIT", "abc")
    assert commit.__wrapped__() == "abc"
