"""A search space and images -> the best network found by Hyperband, by any number of workers at once."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from charrec.data.arrays import Glyphs
from charrec.data.glyphs import load_columns
from charrec.machine.backend import require_backend
from charrec.machine.hardware import require_usable_gpu
from charrec.machine.termination import Terminated, until_terminated
from charrec.memo.step import Bench, Step
from charrec.results import SearchResult
from charrec.study import Frozen, Search
from charrec.sweep.heartbeat import Terms
from charrec.sweep.outcome import ON, SearchFailed, failed, finished, over
from charrec.training.recipe import Recipe
from charrec.tuning.outcome import result
from charrec.tuning.plan import Sweep

if TYPE_CHECKING:
    from charrec.sweep.oracle import Assignment
    from charrec.sweep.worker import Ended, Ending

TERMS = Terms()


class Given(Frozen):
    search: Search
    recipe: Recipe  # of every trial, but for its network and its seed
    glyphs: Glyphs


def compute(given: Given, bench: Bench) -> SearchResult:
    """Work at the search, beside any other worker, until it is finished; one that failed earlier begins anew.

    Raises Terminated after SIGTERM, with everything stored, and SearchFailed where too many trials failed.
    """
    sweep = sweep_of(given)
    if failed(bench.store, sweep):
        join(given, bench, anew=True)
    while not finished(bench.store, sweep):
        join(given, bench)
    columns = load_columns(given.glyphs.packed.local(bench.store, bench.cache))
    images = len(given.glyphs.halves(columns)[0])
    return result(bench.store, sweep, min(given.search.images or images, images))


def join(
    given: Given,
    bench: Bench,
    trial: "Callable[[Assignment, Callable[[], Ended]], object] | None" = None,
    terms: Terms = TERMS,
    anew: bool = False,
) -> "Ending":
    """Be one worker of the search as long as there is work; `trial` runs around each trial (`sweep.worker.work`).

    `anew`: if the search has failed, begin it anew. Raises Terminated after SIGTERM, with everything stored,
    SearchFailed and MachineAtFault.
    """
    require_backend(given.recipe.backend)
    require_usable_gpu()
    from charrec.sweep.retry import reopen  # which import Keras
    from charrec.tuning.work import work

    sweep = sweep_of(given)
    arrays = sweep.arrays(bench.store, bench.cache)
    if anew and failed(bench.store, sweep):
        reopen(bench.store, sweep)
    around = {"trial": trial} if trial else {}
    with until_terminated() as stop:
        ending = work(bench.store, sweep, arrays, bench.show, stop, terms, **around)
    if ending == "over":
        raise SearchFailed(f"{sweep.key} is over before it is finished: {over(bench.store, sweep)}. {ON}")
    if ending == "stopped":
        raise Terminated("the search was asked to stop; it resumes from there")
    return ending


def sweep_of(given: Given) -> Sweep:
    """The search in the store."""
    return Sweep(key=SEARCH.key(given), search=given.search, recipe=given.recipe, glyphs=given.glyphs)


SEARCH = Step("search", "sweeps/", Given, SearchResult, compute)
