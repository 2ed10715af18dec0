"""Change the search: load, operate, swap; of two that come at once, one does it all again."""

from collections.abc import Callable
from typing import TypeVar, cast
from uuid import uuid4

from charrec.errors import InputError
from charrec.storage import Store
from charrec.storage.change import change
from charrec.sweep.document import parsed
from charrec.sweep.oracle import Oracle

Answer = TypeVar("Answer")


def transact(store: Store, name: str, oracle: Oracle, operation: Callable[[], Answer]) -> Answer:
    """The answer of `operation`, which acts on `oracle`, and whose effect is now what the store holds.

    It may run often, each time on what the store holds by then, and answer differently. Each attempt's id goes into the
    document, so a swap that happened and whose reply was lost is not done twice, however many others came after it, and
    the answer is that of the attempt which the store holds.
    """
    answers: dict[str, Answer] = {}  # of attempts whose swap may have happened, or still may
    empty = None if oracle.token else oracle.dump()  # what a search starts from
    answer: Answer | None = None

    def decide(data: bytes | None) -> bytes | None:
        nonlocal answer
        held = parsed(data, f"{store.url}/{name}", oracle.space) if data is not None else empty
        if held is None:
            raise InputError(f"{store.url}/{name} is gone", "the search that was there", "Start the workers anew.")
        oracle.load(held)
        oracle.now = store.now()
        for attempt in answers.keys() & set(oracle.transactions):  # one of them was swapped after all
            answer = answers[attempt]
            return None
        before = oracle.dump()
        answer = operation()
        if data is not None and oracle.dump() == before:
            return None
        attempt = uuid4().hex[:12]
        answers[attempt] = answer
        oracle.transactions.append(attempt)
        return oracle.dump().model_dump_json().encode()

    change(store, name, decide)
    return cast(Answer, answer)
