"""What people say to a search that is in a store: its budget, that it is over, and that it goes on."""

from collections.abc import Callable

from charrec.errors import InputError
from charrec.storage import Store
from charrec.storage.change import change
from charrec.sweep.account import Budget
from charrec.sweep.document import Document, parsed
from charrec.sweep.outcome import finished, read_document
from charrec.sweep.plan import Plan


def agree(store: Store, sweep: Plan, budget: Budget | None) -> None:
    """A script says its budget. What a terminal has said since counts until a script says another one than before."""
    document = read_document(store, sweep)
    if budget == (document.account.said if document else None):
        return
    from charrec.sweep.oracle import DurableHyperband  # Keras Tuner's, which takes seconds
    from charrec.sweep.transaction import transact

    oracle = DurableHyperband(sweep.schedule, sweep.seed, sweep.space, sweep.objective)
    transact(store, sweep.oracle, oracle, lambda: oracle.agree(budget))


def stop(store: Store, sweep: Plan) -> None:
    """The search is over with what it has: no trial is begun, and workers leave at the end of their epoch.

    Raises InputError where it has not begun, or is finished.
    """
    if finished(store, sweep):
        raise InputError(f"{store.url}/{sweep.key} is finished", "a search that goes on", "Ask for its result.")
    _change(store, sweep, lambda document: _accounted(document, stopped=True))


def undo(store: Store, sweep: Plan) -> None:
    """It goes on. Raises InputError where it has not begun."""
    _change(store, sweep, lambda document: _accounted(document, stopped=False))


def _accounted(document: Document, **changes: bool) -> Document:
    return document.model_copy(update={"account": document.account.model_copy(update=changes)})


def _change(store: Store, sweep: Plan, changed: Callable[[Document], Document]) -> None:
    """Done twice it is the same, so a lost reply does no harm."""

    def decide(data: bytes | None) -> bytes | None:
        if data is None:
            raise InputError(f"{store.url}/{sweep.key} has not begun", "a search with workers", "Start one.")
        before = parsed(data, f"{store.url}/{sweep.oracle}", sweep.space)
        after = changed(before)
        return None if after == before else after.model_dump_json().encode()

    change(store, sweep.oracle, decide)
