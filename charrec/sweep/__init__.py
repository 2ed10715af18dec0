"""The search for network 4: Keras Tuner's Hyperband, spread over any number of workers, any of which may vanish.

sweep = Sweep(key="sweeps/first", search=Search(), recipe=recipe)
work(store, sweep, glyphs)    # in as many processes, on as many machines as you like
status(store, sweep)          # from anywhere, at any time
result(store, sweep, images)  # once it is finished
"""

from typing import TYPE_CHECKING, Any

from charrec.sweep.outcome import SearchFailed, result
from charrec.sweep.plan import Sweep
from charrec.sweep.standing import Status, status

if TYPE_CHECKING:
    from charrec.sweep.worker import work

__all__ = ["SearchFailed", "Status", "Sweep", "result", "status", "work"]


def __getattr__(name: str) -> Any:
    if name == "work":  # brings in Keras and Keras Tuner
        from charrec.sweep.worker import work

        return work
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
