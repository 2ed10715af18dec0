"""A schedule with what its search is to do beyond it."""

from collections.abc import Mapping, Sequence
from typing import Any

from charrec.sweep.brackets import Brackets
from charrec.sweep.document import PARENT, Document, TrialRecord
from charrec.sweep.extension import Extension, Further
from charrec.sweep.objective import Objective
from charrec.sweep.schedule import Rung
from charrec.sweep.scheduling import NOTHING, Proposer, Schedule, Seen
from charrec.sweep.space import Space, Value


def extended(schedule: Schedule, extension: Extension) -> Schedule:
    """Only Hyperband has rounds (`steering.require_rounds` refuses others)."""
    if extension.rounds and isinstance(schedule, Brackets):
        schedule = schedule.model_copy(update={"rounds": extension.rounds})
    return Extended(schedule, extension.further) if extension.further else schedule


class Extended:
    """A `Schedule`: another one, and beside it trials that go on with some of its own."""

    def __init__(self, schedule: Schedule, further: Sequence[Further]) -> None:
        self.schedule, self.further = schedule, further
        self.own = {one.bracket for one in further}

    def rungs(self, begun: Mapping[int, int] = NOTHING) -> tuple[Rung, ...]:
        return (
            *self.schedule.rungs(begun),
            *(
                Rung(bracket=one.bracket, rung=0, trials=len(one.trials), first=one.first, epochs=one.epochs)
                for one in self.further
            ),
        )

    def ready(self, trials: Sequence[Seen]) -> int:
        others = [trial for trial in trials if trial.bracket not in self.own]
        left = sum(len(one.trials) for one in self.further) - (len(trials) - len(others))
        return self.schedule.ready(others) + left

    def proposer(self, seed: int, space: Space, objective: Objective) -> Proposer:
        return _Proposer(self, self.schedule.proposer(seed, space, objective))


class _Proposer:
    def __init__(self, schedule: Extended, proposer: Proposer) -> None:
        self.schedule, self.proposer = schedule, proposer

    def propose(self, name: str, trials: Mapping[str, TrialRecord], ended: Sequence[str]) -> dict[str, Value] | None:
        own = {one: record for one, record in trials.items() if record.bracket in self.schedule.own}
        begun = {(record.bracket, record.parent) for record in own.values()}
        for further in self.schedule.further:
            for parent in further.trials:
                if (further.bracket, parent) not in begun:
                    return trials[parent].values | {
                        PARENT: parent,
                        "tuner/initial_epoch": further.first,
                        "tuner/epochs": further.epochs,
                        "tuner/bracket": further.bracket,
                        "tuner/round": 0,
                    }
        others = {one: record for one, record in trials.items() if one not in own}
        return self.proposer.propose(name, others, [one for one in ended if one not in own])

    def state(self) -> dict[str, Any]:
        return self.proposer.state()

    def restore(self, document: Document) -> None:
        self.proposer.restore(document)
