"""Whose a training is, and what of it lies in the store: claims, commits, damaged and lost checkpoints."""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest

from charrec.errors import InputError
from charrec.storage import Conflict, Corrupt, DiskError, NotFound, Store, Unrecorded, open_store
from charrec.storage.document import Foreign
from charrec.storage.folder import FolderStore
from charrec.training.checkpoints import (
    Checkpoint,
    Progress,
    TakenOver,
    claim,
    commit,
    load,
    mend,
    read_progress,
    read_version,
    resume,
    save,
    sweep_up,
)
from charrec.training.interruption import Begun
from charrec.training.recipe import Arrays, compiled
from charrec.training.train import train
from tests.thorough import some
from tests.toy import EPOCHS, SMALL, WARNINGS, history, needed

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def other_process(store: Store, arrays: Arrays, epoch: int) -> Callable[..., None]:
    """For `show`: before this epoch, another process trains it under the same key."""

    def show(_title: str, now: int, _epochs: int) -> None:
        if now == epoch:
            train(SMALL, arrays, epoch, open_store(store.url), "t")

    return show


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_second_process_on_one_training_is_refused(epoch: int, store: Store, arrays: Arrays) -> None:
    with pytest.raises(InputError, match=r"t/progress.json was changed by another process; expected one process per"):
        train(SMALL, arrays, EPOCHS, store, "t", other_process(store, arrays, epoch))
    progress = read_progress(store, "t")
    assert progress.last and len(progress.epochs) == epoch
    load(compiled(SMALL, arrays), store, progress.last)  # the other's checkpoint is intact


@pytest.fixture(scope="module")
def model(arrays: Arrays) -> Any:
    """A network whose weights are stored without training."""
    return compiled(SMALL, arrays)


def extended(progress: Progress, checkpoint: Checkpoint) -> Progress:
    return progress.model_copy(update={"last": checkpoint, "best": progress.best or checkpoint})


def test_a_training_belongs_to_its_latest_claimant(store: Store, model: Any) -> None:
    """A late commit by the former owner is refused and its upload deleted; the new owner's checkpoints stay intact."""
    first, version = claim(store, "t", "first")
    first_checkpoint = save(model, store, "t", "first", 1, Begun())
    committed = extended(first, first_checkpoint)
    version = commit(store, "t", committed, version, first)

    second, newer = claim(store, "t", "second")
    assert second == committed.model_copy(update={"owner": "second"})
    late = save(model, store, "t", "first", 2, Begun())
    with pytest.raises(TakenOver, match=r"t/progress.json was changed by another process; expected one process per"):
        commit(store, "t", extended(committed, late), version, committed)
    assert read_progress(store, "t") == second
    assert {entry.key for entry in store.list("t/epoch-")} == {first_checkpoint.key}

    commit(store, "t", extended(second, save(model, store, "t", "second", 2, Begun())), newer, second)
    progress = read_progress(store, "t")
    assert progress.last and progress.best
    assert (progress.last.key, progress.best.key) == ("t/epoch-002-second.weights.h5", first_checkpoint.key)
    for checkpoint in (progress.last, progress.best):
        load(model, store, checkpoint)


def test_a_checkpoint_that_a_later_owner_has_replaced_is_no_missing_object(store: Store, model: Any) -> None:
    """The process slept between its claim and its first look at the weights."""
    before, version = claim(store, "t", "writer")
    commit(store, "t", extended(before, save(model, store, "t", "writer", 1, Begun())), version, before)
    asleep, _ = claim(store, "t", "asleep")

    awake, version = claim(store, "t", "awake")
    newer = save(model, store, "t", "awake", 2, Begun())
    commit(store, "t", awake.model_copy(update={"last": newer, "best": newer}), version, awake)
    with pytest.raises(TakenOver):
        resume(model, store, "t", asleep)


def test_a_checkpoint_that_is_gone_from_its_owners_hands_is_missing(store: Store, model: Any) -> None:
    before, version = claim(store, "t", "writer")
    progress = extended(before, save(model, store, "t", "writer", 1, Begun()))
    commit(store, "t", progress, version, before)
    assert progress.last
    store.delete(progress.last.key)
    with pytest.raises(NotFound, match=re.escape(progress.last.key)):
        resume(model, store, "t", progress)


def test_a_claim_by_one_who_lost_the_right_to_it_leaves_the_owner_alone(store: Store) -> None:
    """It asks between reading and claiming: who may claim later changes what it has read, so its own claim fails."""
    claim(store, "t", "owner")

    def refused() -> None:
        raise PermissionError

    def overtaken() -> None:
        claim(store, "t", "next")

    with pytest.raises(PermissionError):
        claim(store, "t", "former", refused)
    with pytest.raises(TakenOver):
        claim(store, "t", "former", overtaken)
    assert read_progress(store, "t").owner == "next"


def test_one_of_two_simultaneous_claims_is_refused(store: Store) -> None:
    class Slow(Wrapped):
        def swap(self, key: str, data: bytes, version: str) -> str:
            claim(self.store, "t", "quick")
            return self.store.swap(key, data, version)

    claim(store, "t", "nobody")
    with pytest.raises(TakenOver):
        claim(Slow(store), "t", "slow")
    assert read_progress(store, "t").owner == "quick"


def test_a_claim_deletes_the_leftovers_of_dead_owners(store: Store, model: Any) -> None:
    before, version = claim(store, "t", "first")
    kept = save(model, store, "t", "first", 1, Begun())
    commit(store, "t", extended(before, kept), version, before)
    save(model, store, "t", "first", 2, Begun())
    store.put("t/epoch-001-7-of-one-long-dead.weights.h5", b"")
    claim(store, "t", "second")
    assert [entry.key for entry in store.list("t/epoch-")] == [kept.key]


def test_a_former_owner_deletes_nothing(store: Store, model: Any) -> None:
    claim(store, "t", "first")
    claim(store, "t", "second")
    uploaded = save(model, store, "t", "second", 1, Begun())  # not committed yet
    sweep_up(store, "t", "first")
    assert [entry.key for entry in store.list("t/epoch-")] == [uploaded.key]
    sweep_up(store, "t", "second")
    assert store.list("t/epoch-") == []


def test_a_sweep_that_stalls_deletes_nothing_of_a_later_owner(store: Store, model: Any) -> None:
    class Stalled(Wrapped):
        def list(self, prefix: str = "") -> list[Any]:
            listed = self.store.list(prefix)
            claim(self.store, "t", "second")
            save(model, self.store, "t", "second", 1, Begun())
            return listed

    claim(store, "t", "first")
    sweep_up(Stalled(store), "t", "first")
    assert [entry.key for entry in store.list("t/epoch-")] == ["t/epoch-001-second.weights.h5"]


class Wrapped:
    """A store whose methods a test can override."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class LostReplies(Wrapped):
    """Every write succeeds but its reply is lost, so the retry sees a conflict."""

    def swap(self, key: str, data: bytes, version: str) -> str:
        self.store.swap(key, data, version)
        raise Conflict(key)

    def create(self, key: str, data: bytes) -> str:
        self.store.create(key, data)
        raise Conflict(key)


def test_a_commit_whose_reply_was_lost_is_recognised(store: Store, arrays: Arrays) -> None:
    progress = train(SMALL, arrays, 2, LostReplies(store), "t")
    assert len(progress.epochs) == 2
    assert read_progress(store, "t") == progress
    assert [entry.key for entry in store.list()] == needed(progress)


def test_a_commit_before_a_change_of_owner_keeps_its_checkpoint(store: Store, model: Any) -> None:
    """Its reply was lost; the former owner must not delete the upload, from which the new owner resumes."""

    class Overtaken(LostReplies):
        def swap(self, key: str, data: bytes, version: str) -> str:
            self.store.swap(key, data, version)
            claim(self.store, "t", "second")
            raise Conflict(key)

    before, version = claim(store, "t", "first")
    uploaded = save(model, store, "t", "first", 1, Begun())
    with pytest.raises(TakenOver):
        commit(Overtaken(store), "t", extended(before, uploaded), version, before)
    progress, _ = read_version(store, "t")
    assert (progress.owner, progress.last) == ("second", uploaded)
    load(model, store, uploaded)


def test_a_damaged_checkpoint_is_not_loaded(store: Store, arrays: Arrays) -> None:
    last = train(SMALL, arrays, 1, store, "t").last
    assert last
    store.put(last.key, b"something else")  # intact as far as the store can tell
    with pytest.raises(Corrupt, match=rf"epoch-001-\w+\.weights\.h5 has SHA-256 .*; expected {last.sha256}"):
        load(compiled(SMALL, arrays), store, last)


@pytest.fixture(scope="module")
def two_of_three(tmp_path_factory: pytest.TempPathFactory, arrays: Arrays) -> Path:
    """A store in which two epochs of "t" are done, the first of them the best, and all three of "undisturbed"."""
    folder = tmp_path_factory.mktemp("two-of-three") / "store"
    store = open_store(str(folder))
    one = train(SMALL, arrays, 1, store, "t").last
    assert one
    best, weights = one.model_copy(update={"key": "t/epoch-001-best.weights.h5"}), store.get(one.key)
    train(SMALL, arrays, 2, store, "t")
    store.put(best.key, weights)
    progress, version = read_version(store, "t")
    assert version
    store.swap("t/progress.json", progress.model_copy(update={"best": best}).model_dump_json().encode(), version)
    train(SMALL, arrays, 3, store, "undisturbed")
    return folder


HARMED = {"the last": ("last", 2), "the best": ("best", 1), "the progress": ("progress", 1)}
HARMS = [(what, how) for how in ("gone", "damaged") for what in HARMED]


@pytest.mark.parametrize(("what", "how"), some(HARMS, 2))
def test_a_damaged_training_goes_back_as_far_as_it_must_and_ends_the_same(
    what: str, how: str, two_of_three: Path, tmp_path: Path, arrays: Arrays
) -> None:
    store = open_store(str(shutil.copytree(two_of_three, tmp_path / "store")))
    (harmed, first), progress = HARMED[what], read_progress(store, "t")
    assert progress.last and progress.best
    key = {"last": progress.last.key, "best": progress.best.key, "progress": "t/progress.json"}[harmed]
    store.delete(key) if how == "gone" else store.put(key, b"damaged")
    begun: list[int] = []
    after = train(SMALL, arrays, 3, store, "t", lambda _title, epoch, _of: begun.append(epoch))
    assert begun == list(range(first, 4))
    assert history(after) == history(read_progress(store, "undisturbed"))
    assert all(store.sha256(each.key) == each.sha256 for each in (after.last, after.best) if each)


def epoch_stored(folder: Path) -> FolderStore:
    """A training of one epoch, whose weights are a word."""
    store = FolderStore(folder)
    store.put("t/epoch-001-a.weights.h5", b"weights")
    last = Checkpoint(epoch=1, key="t/epoch-001-a.weights.h5", sha256=hashlib.sha256(b"weights").hexdigest())
    store.put("t/progress.json", Progress(owner="a", last=last, best=last).model_dump_json().encode())
    return store


@pytest.mark.parametrize("key", ["t/progress.json", "t/epoch-001-a.weights.h5"])
def test_a_training_whose_record_alone_is_lost_does_not_begin_anew(key: str, tmp_path: Path) -> None:
    store = epoch_stored(tmp_path)
    (tmp_path / ".sha256" / key).unlink()
    before = (tmp_path / "t/progress.json").read_bytes()
    with pytest.raises(Unrecorded, match="Delete nothing: `charrec store check"):
        mend(store, "t")
    assert (tmp_path / "t/progress.json").read_bytes() == before


FOREIGN = {
    "nothing": b"",
    "no JSON": b"\xff\xfe",
    "something else": b'{"owner": 1}',
    "very deep": b"[" * 100_000,
    "a key that no object has": json.dumps({"last": {"epoch": 1, "key": "../a", "sha256": "0" * 64}}).encode(),
}


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("what", FOREIGN)
def test_a_progress_that_holds_something_else_begins_anew(what: str, recorded: bool, tmp_path: Path) -> None:
    store = epoch_stored(tmp_path)
    store.put("t/progress.json", FOREIGN[what])
    if not recorded:
        (tmp_path / ".sha256" / "t/progress.json").unlink()
    with pytest.raises(Foreign, match=r"^t/progress.json holds .*; expected what charrec writes there"):
        read_version(store, "t")
    assert read_progress(store, "t") == Progress()
    mend(store, "t")
    assert read_version(store, "t")[0] == Progress()


def test_a_full_temporary_folder_is_told(
    store: Store, arrays: Arrays, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The weights are written there before they are stored."""
    model = compiled(SMALL, arrays)

    def full(path: Path) -> None:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(model, "save_weights", full)
    with pytest.raises(DiskError, match=f"^{tmp_path}/.*weights.h5 cannot be written: No space left .*TMPDIR"):
        save(model, store, "t", "me", 1, Begun())
    assert store.list() == []
    assert list(tmp_path.iterdir()) == []
