"""Tests whether conditional writes hold on this very store; several S3-protocol servers only pretend."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from uuid import uuid4

from charrec.errors import InputError
from charrec.storage.interface import Conflict, Store

WRITERS = 4
EACH = 2  # increments
PAIRS = 4  # of creators, each at an object of its own: SeaweedFS lets the rivals for one object wait a second each


def prove_compare_and_swap(store: Store, prefix: str) -> None:
    """Try them on small objects under `prefix`, which are gone afterwards: about 50 requests.

    Raises InputError where the store lets two writers create one object, overwrites what has changed, refuses what
    it should do, or loses increments of a counter that several writers share. Found so: rclone and s3rver ignore the
    condition, Swift answers 501 or lets both create, Ceph 16 refuses the right version. moto's HEAD of a missing
    object cannot be told from a web page's.
    """
    key = f"{prefix}/compare-and-swap-{uuid4().hex[:12]}"
    try:
        _in_turn(store, key)
        _swapped_in_a_race(store, key)
    finally:
        store.delete(key)
    _created_in_a_race(store, key)


def _in_turn(store: Store, key: str) -> None:
    if store.exists(key):
        raise _refused(store, "has an object that nobody wrote")
    first = _written(partial(store.create, key, b"0"))
    if first is None:
        raise _refused(store, "refused to create an object that did not exist")
    if _written(partial(store.create, key, b"again")):
        raise _refused(store, "created an object that existed")
    if not _written(partial(store.swap, key, b"1", first)):
        raise _refused(store, "refused to overwrite the version that it had just written")
    if _written(partial(store.swap, key, b"2", first)):
        raise _refused(store, "overwrote an object that had changed")


def _swapped_in_a_race(store: Store, key: str) -> None:
    """The object is a counter that stands at 1."""
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda _: _count(store, key), range(WRITERS)))
    counted = int(store.get(key)) - 1
    if counted < WRITERS * EACH:  # more: a reply was lost, and the increment done again
        raise _refused(store, f"kept {counted} of {WRITERS * EACH} increments by {WRITERS} writers")


def _count(store: Store, key: str) -> None:
    done = 0
    while done < EACH:
        data, version = store.read(key)
        if _written(partial(store.swap, key, str(int(data) + 1).encode(), version)):
            done += 1


def _created_in_a_race(store: Store, key: str) -> None:
    """Pairs of writers, all at once, of which one each may create the pair's object."""
    keys, start = [f"{key}-{pair}" for pair in range(PAIRS)], Barrier(2 * PAIRS)

    def create(number: int) -> bool:
        start.wait(60)
        return _written(partial(store.create, keys[number // 2], b"%d" % number)) is not None

    try:
        with ThreadPoolExecutor(2 * PAIRS) as pool:
            won = list(pool.map(create, range(2 * PAIRS)))
        for pair, one in enumerate(keys):
            creators = [number for number in (2 * pair, 2 * pair + 1) if won[number]]
            if len(creators) != 1:
                raise _refused(store, f"let {len(creators)} of 2 writers create one object")
            if store.get(one) != b"%d" % creators[0]:
                raise _refused(store, "kept what a writer wrote that it had refused")
    finally:
        for one in keys:
            store.delete(one)


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
