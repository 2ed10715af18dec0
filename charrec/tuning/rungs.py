"""A search for network 4 rung by rung, for its report."""

from collections.abc import Collection, Iterator

from charrec.results import TrialRow
from charrec.study import Search
from charrec.sweep import row as any_trial
from charrec.sweep import rungs
from charrec.sweep.rungs import RungRow
from charrec.sweep.schedule import schedule
from charrec.tuning.space import OBJECTIVE


def by_rung(search: Search, trials: Collection[TrialRow]) -> Iterator[RungRow]:
    """Every rung of the schedule, started or not."""
    return rungs.by_rung(schedule(search), [_of_any(row) for row in trials], OBJECTIVE)


def _of_any(row: TrialRow) -> any_trial.TrialRow:
    plain = row.model_dump(exclude={"val_accuracy", "network"})
    return any_trial.TrialRow(**plain, score=row.val_accuracy, values=dict(row.network))
