"""Tests whether compare-and-swap holds on this very store; several S3-protocol servers only pretend."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import uuid4

from charrec.errors import InputError
from charrec.storage.interface import Conflict, Store

WRITERS = 4
EACH = 2  # increments


def prove_compare_and_swap(store: Store, prefix: str) -> None:
    """Try it on a small object under `prefix`, which is gone afterwards: about 30 requests.

    Raises InputError where the store lets two writers create one object, overwrites what has changed, refuses what
    it should do, or loses increments of a counter that several writers share. Found so: rclone and s3rver ignore the
    condition, Swift answers 501, Ceph 16 refuses the right version.
    """
    key = f"{prefix}/compare-and-swap-{uuid4().hex[:12]}"
    try:
        first = _written(partial(store.create, key, b"0"))
        if first is None:
            raise _refused(store, "refused to create an object that did not exist")
        if _written(partial(store.create, key, b"again")):
            raise _refused(store, "created an object that existed")
        if not _written(partial(store.swap, key, b"1", first)):
            raise _refused(store, "refused to overwrite the version that it had just written")
        if _written(partial(store.swap, key, b"2", first)):
            raise _refused(store, "overwrote an object that had changed")
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda _: _count(store, key), range(WRITERS)))
        counted = int(store.get(key)) - 1
        if counted < WRITERS * EACH:  # more: a reply was lost, and the increment done again
            raise _refused(store, f"kept {counted} of {WRITERS * EACH} increments by {WRITERS} writers")
    finally:
        store.delete(key)


def _count(store: Store, key: str) -> None:
    done = 0
    while done < EACH:
        data, version = store.read(key)
        if _written(partial(store.swap, key, str(int(data) + 1).encode(), version)):
            done += 1


def _written(write: Callable[[], str]) -> str | None:
    """The version, None if the store refused."""
    try:
        return write()
    except Conflict:
        return None


def _refused(store: Store, found: str) -> InputError:
    return InputError(
        f"{store.url} {found}",
        "a store whose conditional writes (If-Match, If-None-Match) hold",
        "Use Amazon S3, MinIO or another server that has them, or a folder.",
    )
