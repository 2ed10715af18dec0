"""Faults put into the code under test, one place each, to show that the simulation would see them."""

from collections.abc import Callable
from typing import Any

import pytest

from charrec.storage import NotFound, Store, conditional
from charrec.storage.s3 import S3Store
from charrec.sweep.document import Document
from charrec.sweep.heartbeat import Heartbeat
from charrec.sweep.oracle import Assignment, Oracle
from charrec.training import checkpoints, train
from charrec.training.checkpoints import Held, read_version

Mutation = Callable[[pytest.MonkeyPatch], None]


def without_fencing(patch: pytest.MonkeyPatch) -> None:
    """Whoever once had the trial may end it, whatever its token."""

    def holds(oracle: Oracle, assignment: Assignment) -> bool:
        return assignment.trial in oracle.leases

    patch.setattr(Oracle, "holds", holds)


def without_compare_and_swap(patch: pytest.MonkeyPatch) -> None:
    """The store overwrites the search, whatever was there."""
    swap = S3Store.swap

    def swapped(store: S3Store, key: str, data: bytes, version: str) -> str:
        return store.put(key, data) if key.endswith("oracle.json") else swap(store, key, data, version)

    patch.setattr(S3Store, "swap", swapped)


def without_transaction_ids(patch: pytest.MonkeyPatch) -> None:
    """A swap whose reply was lost is done again."""
    load = Oracle.load

    def forgetful(oracle: Oracle, document: Document) -> None:
        load(oracle, document.model_copy(update={"transactions": []}))

    patch.setattr(Oracle, "load", forgetful)


def sweeping_before_looking(patch: pytest.MonkeyPatch) -> None:
    """The clean-up looks who owns the training, and lists only then."""

    def sweep_up(store: Store, key: str, owner: str, kind: type[Held[Any]]) -> None:
        progress = read_version(store, key, kind)[0]
        listed = {entry.key for entry in store.list(f"{key}/epoch-")}
        if progress.owner == owner:
            for name in sorted(listed - progress.needed()):
                store.delete(name)

    patch.setattr(checkpoints, "sweep_up", sweep_up)


def deleting_before_committing(patch: pytest.MonkeyPatch) -> None:
    """The former checkpoint goes before the progress points at the new one."""
    commit = checkpoints.commit

    def hasty(store: Store, key: str, progress: Held[Any], version: str | None, before: Held[Any]) -> str:
        for name in sorted(before.needed() - progress.needed()):
            store.delete(name)
        return commit(store, key, progress, version, before)

    patch.setattr(train, "commit", hasty)


def committing_without_owning(patch: pytest.MonkeyPatch) -> None:
    """A former owner's commit is as good as any."""
    commit = checkpoints.commit

    def careless(store: Store, key: str, progress: Held[Any], version: str | None, before: Held[Any]) -> str:
        try:
            version = store.read(f"{key}/progress.json")[1]
        except NotFound:
            version = None
        return commit(store, key, progress, version, before)

    patch.setattr(train, "commit", careless)


def claiming_unasked(patch: pytest.MonkeyPatch) -> None:
    """A worker that lost its trial before it claimed the training claims it all the same."""
    patch.setattr(Heartbeat, "confirm", lambda _heart: None)


def taking_409_for_a_conflict(patch: pytest.MonkeyPatch) -> None:
    """A write that met another one in flight counts as refused, though it may still land."""
    patch.setattr(conditional, "_etag", lambda _head: "another")


def blaming_the_store(patch: pytest.MonkeyPatch) -> None:
    """A checkpoint that another owner deleted after this process's claim is told as missing from the store."""

    def resume(model: Any, store: Store, _key: str, progress: Held[Any]) -> None:
        if progress.last:
            checkpoints.load(model, store, progress.last)

    patch.setattr(train, "resume", resume)


SEARCHES: tuple[Mutation, ...] = (
    without_fencing, without_compare_and_swap, without_transaction_ids, sweeping_before_looking,
    deleting_before_committing, committing_without_owning, claiming_unasked, taking_409_for_a_conflict,
)  # fmt: skip

TRAININGS: tuple[Mutation, ...] = (
    sweeping_before_looking, deleting_before_committing, committing_without_owning, blaming_the_store,
)  # fmt: skip
