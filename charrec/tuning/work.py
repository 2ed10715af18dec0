"""A worker at the search for network 4."""

from collections.abc import Callable
from typing import Any

from charrec.data.arrays import Arrays
from charrec.storage import Store
from charrec.sweep import worker
from charrec.sweep.heartbeat import Terms
from charrec.sweep.oracle import Assignment
from charrec.sweep.worker import PATIENT, Ended, Ending
from charrec.tuning.convnets import ConvNets
from charrec.tuning.plan import Sweep


def work(
    store: Store,
    sweep: Sweep,
    glyphs: Arrays,
    show: Callable[..., Any] | None = None,
    stop: Callable[[], bool] = lambda: False,
    terms: Terms = PATIENT,
    trial: Callable[[Assignment, Callable[[], Ended]], object] = lambda _given, attempt: attempt(),
) -> Ending:
    """Take trials of the search until none is left (`charrec.sweep.worker.work`), which train on these images."""
    return worker.work(store, sweep, ConvNets(sweep, glyphs), show, stop, terms, trial)
