"""A small search by each schedule, for what must hold for all of them."""

from charrec.study import Search
from charrec.sweep.brackets import hyperband
from charrec.sweep.schedules import Asha, BestOf, Random
from charrec.sweep.scheduling import Schedule
from charrec.tuning.plan import Sweep
from tests.toy import RECIPE

Named = Random | BestOf | Asha | None  # None: Hyperband

SCHEDULES: dict[str, Named] = {
    "Hyperband": None,
    "random": Random(trials=6),
    "best of": BestOf(trials=7, epochs=1, best=2),
    "ASHA": Asha(total_epochs=25, factor=2),
}
ORDERED = "ASHA"  # what it trains depends on the order in which trials end
SEARCH = Search(max_epochs=4, factor=2)


class Scheduled(Sweep):
    """A search for network 4 by any schedule."""

    by: Named = None

    @property
    def schedule(self) -> Schedule:
        return self.by.within(self.search.max_epochs) if self.by else hyperband(self.search)


def scheduled(name: str) -> Scheduled:
    return Scheduled(
        key="sweep", search=SEARCH, recipe=RECIPE.model_copy(update={"model": "model_4", "seed": 6}), by=SCHEDULES[name]
    )
