"""`charrec champion`: the networks that were in use, and a way back to one of them."""

from charrec.commands import columns
from charrec.serving.champion import Promotion, history, rollback
from charrec.storage import Store
from charrec.storage.absence import no_study

HEAD = ("number", "since", "by", "network", "accuracy", "study", "why")


def show(store: Store) -> None:
    """Print every promotion; the last one is in use."""
    known = _history(store)
    if not known:
        print(f"{store.url} has no champion until a retraining promotes one; the latest study's best reads")
        return
    print(columns([HEAD, *map(_row, known)]))
    print(f"In use is {known[-1].number}, {known[-1].candidate.training}; {store.url}/{known[-1].candidate.report}")


def back(store: Store, number: int) -> None:
    """Make a former champion the champion."""
    _history(store)
    now = rollback(store, number)
    print(f"Champion {now.number} is {now.candidate.training}: {now.why}")


def _history(store: Store) -> tuple[Promotion, ...]:
    """Every promotion. Raises InputError where there is none, nor a study that could have one."""
    known = history(store)
    if not known and (error := no_study(store)):
        raise error
    return known


def _row(entry: Promotion) -> tuple[str, ...]:
    network = entry.candidate
    accuracy = f"{100 * network.accuracy:.2f} %"
    return (str(entry.number), entry.when, entry.by, network.recipe.model, accuracy, network.identity, entry.why)
