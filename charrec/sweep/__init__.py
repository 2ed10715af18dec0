"""A durable search: Keras Tuner's Hyperband, spread over any number of workers, any of which may vanish.

work(store, plan, trainable)  # in as many processes, on as many machines as you like
status(store, plan)           # from anywhere, at any time

`charrec.tuning` searches network 4 of a study with it.
"""

from typing import TYPE_CHECKING, Any

from charrec.sweep.objective import Objective
from charrec.sweep.outcome import SearchFailed
from charrec.sweep.standing import Status, status

if TYPE_CHECKING:
    from charrec.sweep.worker import work

__all__ = ["Objective", "SearchFailed", "Status", "status", "work"]


def __getattr__(name: str) -> Any:
    if name == "work":  # brings in Keras and Keras Tuner
        from charrec.sweep.worker import work

        return work
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
