"""Change an object by compare-and-swap."""

import time
from collections.abc import Callable

from charrec.storage.backoff import waits
from charrec.storage.interface import Conflict, NotFound, Store

ATTEMPTS = 100  # conflicts in a row
FIRST, LONGEST = 0.05, 10.0  # seconds between attempts; 64 workers at once conflict half as often as with at most 2 s


def change(store: Store, key: str, decide: Callable[[bytes | None], bytes | None]) -> None:
    """Replace the object's content by what `decide(content)` returns; None leaves it alone.

    `decide` gets None where there is no object. After a conflict it is called again with what the store holds by then.
    That may be its own write, whose reply was lost: `decide` must recognise it and return None. Raises TimeoutError.
    """
    for wait in waits(FIRST, LONGEST, tries=ATTEMPTS):
        if _changed(store, key, decide):
            return
        time.sleep(wait)
    if not _changed(store, key, decide):
        raise TimeoutError(f"{store.url}/{key}: {ATTEMPTS} conflicts in a row; do too many processes write there?")


def _changed(store: Store, key: str, decide: Callable[[bytes | None], bytes | None]) -> bool:
    """One attempt; False after a conflict."""
    data: bytes | None
    version: str | None
    try:
        data, version = store.read(key)
    except NotFound:
        data, version = None, None
    new = decide(data)
    if new is None:
        return True
    try:
        store.swap(key, new, version) if version else store.create(key, new)
    except Conflict:
        return False
    return True
