"""Change the search: load, operate, swap; of two that come at once, one does it all again."""

import random
import time
from collections.abc import Callable
from typing import TypeVar
from uuid import uuid4

from charrec.errors import InputError
from charrec.storage import Conflict, NotFound, Store
from charrec.sweep.document import parsed
from charrec.sweep.oracle import DurableHyperband

Answer = TypeVar("Answer")

ATTEMPTS = 100  # conflicts in a row before a transaction gives up
LONGEST = 10.0  # seconds between two attempts; 64 workers at once conflict half as often as with 2


def transact(store: Store, name: str, oracle: DurableHyperband, operation: Callable[[], Answer]) -> Answer:
    """The answer of `operation`, which acts on `oracle`, and whose effect is now what the store holds.

    It may run often, each time on what the store holds by then. The transaction's id goes into the document, so a
    swap that happened and whose reply was lost is not done twice, however many others came after it.
    """
    transaction, answer = uuid4().hex[:12], None
    for attempt in range(ATTEMPTS):
        try:
            data, version = store.read(name)
        except NotFound:
            data, version = None, None
        if data is None and not attempt and oracle.token:
            raise InputError(f"{store.url}/{name} is gone", "the search that was there", "Start the workers anew.")
        if data is not None:
            oracle.load(parsed(data, f"{store.url}/{name}"))
            if transaction in oracle.transactions:
                return answer  # type: ignore[return-value]  # of the attempt that was swapped
        before = oracle.dump()
        answer = operation()
        if version and oracle.dump() == before:
            return answer
        oracle.transactions.append(transaction)
        after = oracle.dump().model_dump_json().encode()
        try:
            if version:
                store.swap(name, after, version)
            else:
                store.create(name, after)
            return answer
        except Conflict:
            time.sleep(random.uniform(0, min(LONGEST, 0.05 * 2**attempt)))
    raise TimeoutError(f"{store.url}/{name}: {ATTEMPTS} conflicts in a row; are too many workers at it?")
