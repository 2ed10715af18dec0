"""Rungs of fixed sizes, each of which trains the best of the one below; a single one is random search."""

from collections import Counter
from collections.abc import Mapping, Sequence

from charrec.study import Frozen
from charrec.sweep.drawing import Drawing
from charrec.sweep.objective import Objective
from charrec.sweep.schedule import Rung
from charrec.sweep.scheduling import NOTHING, Proposer, Seen, Start, ready_in
from charrec.sweep.space import Space


class Ladder(Frozen):
    """What it finds does not depend on the order in which trials end.

    A trial is promoted as soon as it is certain to be among the best: once more of its rung have ended than the rung
    will discard. Failed trials rank last; of equals the earlier configuration is better.
    """

    steps: tuple[Rung, ...]

    def rungs(self, begun: Mapping[int, int] = NOTHING) -> tuple[Rung, ...]:
        return self.steps

    def ready(self, trials: Sequence[Seen]) -> int:
        return ready_in(self.steps, trials)

    def next(self, trials: Sequence[Seen]) -> Start | None:
        begun = Counter(trial.rung for trial in trials)
        for rung in self.steps:
            if begun[rung.rung] == rung.trials:
                continue
            if not rung.rung:
                return Start(0, 0, rung.epochs)
            if parent := self._certain(rung, trials):
                return Start(rung.rung, rung.first, rung.epochs, parent)
        return None

    def _certain(self, rung: Rung, trials: Sequence[Seen]) -> str | None:
        """The best trial of the rung below that is not promoted yet, if it is certain to be."""
        promoted = {trial.parent for trial in trials}
        below = [trial for trial in trials if trial.rung == rung.rung - 1 and trial.name not in promoted]
        ended = [trial for trial in below if trial.ended is not None]
        if len(ended) <= self.steps[rung.rung - 1].trials - rung.trials:
            return None
        return min(ended, key=lambda trial: (trial.cost, trial.configuration)).name

    def proposer(self, seed: int, space: Space, objective: Objective) -> Proposer:
        return Drawing(self, seed, space, objective)
