"""A schedule that goes by its trials alone, at work: it says what comes next, and the points are drawn by its seed."""

from collections.abc import Mapping, Sequence
from typing import Any

from charrec.sweep.document import PARENT, Document, TrialRecord, point
from charrec.sweep.objective import Objective
from charrec.sweep.points import draw
from charrec.sweep.scheduling import Rule, seen
from charrec.sweep.space import Space, Value


class Drawing:
    """A `Proposer`."""

    def __init__(self, rule: Rule, seed: int, space: Space, objective: Objective) -> None:
        self.rule, self.seed, self.space, self.objective = rule, seed, space, objective

    def propose(self, name: str, trials: Mapping[str, TrialRecord], ended: Sequence[str]) -> dict[str, Value] | None:
        start = self.rule.next(seen(trials, ended, self.objective))
        if start is None:
            return None
        own: dict[str, Value] = {
            "tuner/epochs": start.epochs,
            "tuner/initial_epoch": start.first,
            "tuner/bracket": 0,
            "tuner/round": start.rung,
        }
        if start.parent is not None:
            return point(trials[start.parent].values) | own | {PARENT: start.parent}
        taken = [point(record.values) for record in trials.values() if record.parent is None]
        return draw(self.space, self.seed, len(taken), taken) | own

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, document: Document) -> None:
        """Does nothing: the trials are the whole state."""
