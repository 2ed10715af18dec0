"""The result of a search for network 4, as a study keeps it."""

from charrec.results import SearchResult
from charrec.storage import Store
from charrec.sweep.outcome import epochs_of, ranked
from charrec.tuning.plan import Sweep
from charrec.tuning.ranking import of_network_4


def result(store: Store, sweep: Sweep, images: int) -> SearchResult:
    """What a finished search found. Raises SearchFailed where it is not finished, was ended, or every trial failed."""
    document, found = ranked(store, sweep)
    rows = tuple(map(of_network_4, found))
    return SearchResult(
        trials=rows,
        space=sweep.search.space.searched,
        chosen=rows[0].network,
        epochs=sum(epochs_of(record) for record in document.trials.values()),
        images=images,
        seconds=sum(record.seconds for record in document.trials.values()),
    )
