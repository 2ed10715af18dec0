"""What people say to a search that is in a store: its budget, that it is over, that it goes on, and with what."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

from charrec.errors import InputError
from charrec.storage import Conflict, Store
from charrec.storage.change import change
from charrec.sweep.account import Budget
from charrec.sweep.brackets import Brackets
from charrec.sweep.document import Document, parsed, point
from charrec.sweep.extension import Extension, Further
from charrec.sweep.oracle import REMEMBERED, Oracle
from charrec.sweep.outcome import finished, finished_by, read_document, schedule_of
from charrec.sweep.plan import Plan
from charrec.sweep.ranking import ranking
from charrec.sweep.room import require_room
from charrec.sweep.schedule import Rung, configurations
from charrec.sweep.scheduling import Schedule
from charrec.sweep.space import Space


def agree(store: Store, sweep: Plan, budget: Budget | None) -> None:
    """A script says its budget. What a terminal has said since counts until a script says another one than before."""
    document = read_document(store, sweep)
    if budget == (document.account.said if document else None):
        return
    begin(store, sweep)
    _change(store, sweep, lambda now: _accounted(now, now.account.agreed(budget, _trained(now)).model_dump()))


def begin(store: Store, sweep: Plan) -> None:
    """The search's document, where no worker has begun it yet."""
    oracle = Oracle(sweep.schedule, sweep.seed, sweep.space, sweep.objective)
    with suppress(Conflict):
        store.create(sweep.oracle, oracle.dump().model_dump_json().encode())


def stop(store: Store, sweep: Plan) -> None:
    """The search is over with what it has: no trial is begun, and workers leave at the end of their epoch.

    Raises InputError where it has not begun, or is finished.
    """
    if finished(store, sweep):
        raise InputError(f"{store.url}/{sweep.key} is finished", "a search that goes on", "Ask for its result.")
    _change(store, sweep, lambda document: _accounted(document, {"stopped": True}))


def undo(store: Store, sweep: Plan) -> None:
    """It goes on. Raises InputError where it has not begun."""
    _change(store, sweep, lambda document: _accounted(document, {"stopped": False}))


def allow(store: Store, sweep: Plan, budget: Budget) -> None:
    """It goes on under another budget, whatever scripts have said before. Raises InputError where it has not begun."""

    def changed(document: Document) -> Document:
        account = document.account.under(budget, _trained(document))
        return _accounted(document, account.model_dump() | {"stopped": False})

    _change(store, sweep, changed)


def extend_rounds(store: Store, sweep: Plan, rounds: int, space: Space | None = None) -> None:
    """So many rounds of all brackets, with points of their own; at once, or after the search's end.

    `space`: from now on points are drawn from this one. Raises InputError where the schedule has no rounds or the space
    too few points; with another space, where the search is not finished, or a point that was tried is not in it.
    """

    def changed(document: Document) -> Document:
        schedule, before = schedule_of(sweep, document), document.extension
        if rounds <= 1 + len(before.rounds):
            return document
        if space and not finished_by(sweep, document):
            raise _unfinished(store, sweep, "its space grows")
        if space:
            _require_tried(space, document)
        require_rounds(space or before.space or sweep.space, sweep.schedule, rounds)
        width = _after(sweep.schedule.rungs())
        free = _after(schedule.rungs())
        offsets = tuple(free + width * more for more in range(rounds - 1 - len(before.rounds)))
        after = {"rounds": (*before.rounds, *offsets), "space": space or before.space}
        return _extended(document, before.model_copy(update=after))

    _change(store, sweep, changed)


def extend_best(store: Store, sweep: Plan, best: int, epochs: int) -> None:
    """The best configurations of a finished search train on, from their checkpoints to so many epochs in all.

    Raises InputError where it is not finished, or all of them have as many.
    """

    def changed(document: Document) -> Document:
        if not finished_by(sweep, document):
            raise _unfinished(store, sweep, "its best train on")
        latest: dict[int, tuple[int, str]] = {}  # configuration -> epochs, trial; the best configuration first
        for row in ranking(document, sweep.objective):
            if row.score is not None:
                latest[row.configuration] = max(latest.get(row.configuration, (0, "")), (row.epochs, row.trial))
        less = [(had, trial) for had, trial in list(latest.values())[:best] if had < epochs]
        if not less:
            raise InputError(
                f"the best {best} of {store.url}/{sweep.key} have trained for {epochs} epochs or more",
                "more epochs than they have",
                "Ask for more epochs.",
            )
        free = _after(schedule_of(sweep, document).rungs())
        further = [
            Further(
                bracket=free + number, first=first, epochs=epochs, trials=tuple(t for had, t in less if had == first)
            )
            for number, first in enumerate(sorted({had for had, _ in less}))
        ]
        before = document.extension
        return _extended(document, before.model_copy(update={"further": (*before.further, *further)}))

    _change(store, sweep, changed)


def require_rounds(space: Space, schedule: Schedule, rounds: int) -> None:
    """Raises InputError where the schedule has no rounds, or so many try more points than the space has."""
    if not isinstance(schedule, Brackets):
        found = f"a search by {type(schedule).__name__}"
        raise InputError(found, "one by Hyperband, which has rounds", "Begin another search.")
    require_room(space, rounds * configurations(schedule.rungs()))


def _require_tried(space: Space, document: Document) -> None:
    for name, record in document.trials.items():
        if not space.holds(point(record.values)):
            raise InputError(
                f"another space, without the point of trial {name}, {point(record.values)}",
                "one that holds every point that was tried",
                "Add values to choices, or widen ranges; a new hyperparameter belongs under a condition that no"
                " point fulfils which was tried.",
            )


def _unfinished(store: Store, sweep: Plan, what: str) -> InputError:
    return InputError(
        f"{store.url}/{sweep.key} is not finished",
        f"a finished search before {what}",
        "Let it finish first; one that is over goes on after `charrec sweep stop --undo` or with a larger budget.",
    )


def _after(rungs: tuple[Rung, ...]) -> int:
    """The first number above all brackets'."""
    return max(rung.bracket for rung in rungs) + 1


def _trained(document: Document) -> float:
    return sum(record.seconds for record in document.trials.values())


def _accounted(document: Document, changes: dict[str, Any]) -> Document:
    account = type(document.account).model_validate(document.account.model_dump() | changes)
    return document.model_copy(update={"account": account})


def _extended(document: Document, extension: Extension) -> Document:
    return _accounted(document, {"stopped": False}).model_copy(update={"extension": extension})


def _change(store: Store, sweep: Plan, changed: Callable[[Document], Document]) -> None:
    """Each attempt's id goes into the document, so that one whose reply was lost is not made twice."""
    attempts: set[str] = set()

    def decide(data: bytes | None) -> bytes | None:
        if data is None:
            raise InputError(f"{store.url}/{sweep.key} has not begun", "a search with workers", "Start one.")
        before = parsed(data, f"{store.url}/{sweep.oracle}", sweep.space)
        if attempts & set(before.transactions):
            return None
        after = changed(before)
        if after == before:
            return None
        attempt = uuid4().hex[:12]
        attempts.add(attempt)
        remembered = [*before.transactions, attempt][-REMEMBERED:]
        return after.model_copy(update={"transactions": remembered}).model_dump_json().encode()

    change(store, sweep.oracle, decide)
