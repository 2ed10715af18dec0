"""A durable search: Hyperband and other schedules, spread over any number of workers, any of which may vanish.

found = search(build, Search(max_epochs=10), store="s3://bucket/mnist", fit=dict(x=x, y=y, validation_data=(xv, yv)))

`build(hp)` is an ordinary Keras Tuner model builder (docs/search.md). Underneath, for what trains otherwise:

work(store, plan, trainable)  # in as many processes, on as many machines as you like
status(store, plan)           # from anywhere, at any time

`charrec.tuning` searches network 4 of a study so.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from charrec.sweep.account import Budget
from charrec.sweep.fits import Search
from charrec.sweep.objective import Objective
from charrec.sweep.outcome import SearchFailed
from charrec.sweep.schedules import Asha, BestOf, Random
from charrec.sweep.standing import Status, status

if TYPE_CHECKING:
    from charrec.sweep.searching import Found, search
    from charrec.sweep.worker import work

__all__ = [
    "Asha", "BestOf", "Budget", "Found", "Objective", "Random", "Search", "SearchFailed", "Status", "search", "status",
    "work",
]  # fmt: skip

LATER = {"Found": "searching", "search": "searching", "work": "worker"}  # they bring in Keras and Keras Tuner


def __getattr__(name: str) -> Any:
    if name in LATER:
        return getattr(import_module(f"charrec.sweep.{LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
