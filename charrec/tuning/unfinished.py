"""Searches of the same values that other code began: an upgrade of charrec leaves them behind."""

import logging

from charrec.errors import InputError
from charrec.storage import Store
from charrec.sweep.outcome import finished
from charrec.sweep.plan import PLAN
from charrec.tuning.plan import Sweep

log = logging.getLogger(__name__)


def unfinished(store: Store, sweep: Sweep) -> list[str]:
    """Their keys, where this search has not begun itself."""
    if store.exists(sweep.oracle):
        return []
    keys = [entry.key.removesuffix(PLAN) for entry in store.list("sweeps/") if entry.key.endswith(PLAN)]
    return [key for key in keys if key != sweep.key and _same(store, key, sweep)]


def _same(store: Store, key: str, sweep: Sweep) -> bool:
    try:
        other = Sweep.stored(store, key)
        return other.model_copy(update={"key": sweep.key}) == sweep and not finished(store, other)
    except InputError as error:  # of a version whose documents this one does not read
        log.info("%s", error)
        return False
