"""A small search by each schedule, for what must hold for all of them."""

from collections import Counter

from charrec.study import Search
from charrec.sweep.brackets import hyperband
from charrec.sweep.document import Document
from charrec.sweep.outcome import runnable
from charrec.sweep.schedules import Asha, BestOf, Random
from charrec.sweep.scheduling import Schedule
from charrec.tuning.plan import Sweep
from charrec.tuning.ranking import ranking
from tests.toy import RECIPE

Named = Random | BestOf | Asha | None  # None: Hyperband

SCHEDULES: dict[str, Named] = {
    "Hyperband": None,
    "random": Random(trials=6),
    "best of": BestOf(trials=7, epochs=1, best=2),
    "ASHA": Asha(trials=9, factor=2),
    "ASHA within 25 epochs": Asha(trials=20, factor=2, total_epochs=25),
}
SEARCH = Search(max_epochs=4, factor=2)


class Scheduled(Sweep):
    """A search for network 4 by any schedule."""

    by: Named = None
    repeats: int = 1

    @property
    def executions(self) -> int:
        return self.repeats

    @property
    def schedule(self) -> Schedule:
        return self.by.within(self.search.max_epochs) if self.by else hyperband(self.search)


def scheduled(name: str) -> Scheduled:
    return Scheduled(
        key="sweep", search=SEARCH, recipe=RECIPE.model_copy(update={"model": "model_4", "seed": 6}), by=SCHEDULES[name]
    )


def check_whole(plan: Sweep, document: Document) -> None:
    """Each trial once, rung by rung, within the budget, and none left to begin."""
    assert not document.leases and not document.waiting and document.aborted is None
    assert runnable(plan, document) == 0
    names = [f"{number:04d}" for number in range(len(document.trials))]
    assert sorted(document.ended) == list(document.trials) == names
    records = document.trials
    assert max(Counter((record.configuration, record.rung) for record in records.values()).values()) == 1
    begun = [record.configuration for record in records.values() if record.parent is None]
    assert begun == list(range(len(begun)))
    networks = [row.network for row in ranking(document) if row.rung == 0]
    assert all(networks.count(network) == 1 for network in networks)
    rungs = {(rung.bracket, rung.rung): rung for rung in plan.schedule.rungs(Counter(r.rung for r in records.values()))}
    for name, record in records.items():
        rung = rungs[record.bracket, record.rung]
        assert (record.first, record.epochs) == (rung.first, rung.epochs)
        assert (record.parent is None) == (record.rung == 0)
        if record.parent is not None:
            parent = records[record.parent]
            assert (parent.configuration, parent.bracket) == (record.configuration, record.bracket)
            assert (parent.rung, parent.epochs) == (record.rung - 1, record.first)
            assert list(records).index(record.parent) < list(records).index(name)
    assert Counter((record.bracket, record.rung) for record in records.values()) == {
        place: rung.trials for place, rung in rungs.items() if rung.trials
    }
