"""Successive halving without barriers (Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2020)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import inf

from charrec.study import Frozen
from charrec.sweep.drawing import Drawing
from charrec.sweep.objective import Objective
from charrec.sweep.schedule import Rung
from charrec.sweep.scheduling import NOTHING, Proposer, Seen, Start
from charrec.sweep.space import Space


class Asynchronous(Frozen):
    """A worker never waits as long as epochs are left: it promotes a trial of a rung's best share, the highest first,
    or begins another point.

    So what is trained depends on the order in which trials end. Of equals the one that ended first is better; a failed
    trial is never promoted.
    """

    steps: tuple[int, ...]  # epochs in total after each rung
    factor: int  # one of so many is promoted
    total: int  # epochs of all trials

    def rungs(self, begun: Mapping[int, int] = NOTHING) -> tuple[Rung, ...]:
        """As if nothing more were promoted, which nobody can know before."""
        left = self.total - sum(number * self._cost(rung) for rung, number in begun.items())
        numbers = {rung: begun.get(rung, 0) for rung in range(len(self.steps))}
        numbers[0] += left // self.steps[0]
        return tuple(
            Rung(bracket=0, rung=rung, trials=number, first=self._first(rung), epochs=self.steps[rung])
            for rung, number in numbers.items()
        )

    def ready(self, trials: Sequence[Seen]) -> int:
        left, promotions = self._left(trials), 0
        for trial in self._best(trials):
            cost = self._cost(trial.rung + 1)
            if cost <= left:
                left, promotions = left - cost, promotions + 1
        return promotions + left // self.steps[0]

    def next(self, trials: Sequence[Seen]) -> Start | None:
        left = self._left(trials)
        for trial in self._best(trials):
            if self._cost(above := trial.rung + 1) <= left:
                return Start(above, self._first(above), self.steps[above], trial.name)
        return Start(0, 0, self.steps[0]) if self.steps[0] <= left else None

    def _best(self, trials: Sequence[Seen]) -> Iterator[Seen]:
        """Those that could be promoted now, the first one first."""
        promoted = {trial.parent for trial in trials}
        for rung in reversed(range(len(self.steps) - 1)):
            ended = [trial for trial in trials if trial.rung == rung and trial.ended is not None]
            ranked = sorted(ended, key=lambda trial: (trial.cost, trial.ended or 0))
            best = ranked[: len(ended) // self.factor]
            yield from (trial for trial in best if trial.cost < inf and trial.name not in promoted)

    def _left(self, trials: Sequence[Seen]) -> int:
        begun = Counter(trial.rung for trial in trials)
        return self.total - sum(number * self._cost(rung) for rung, number in begun.items())

    def _first(self, rung: int) -> int:
        return self.steps[rung - 1] if rung else 0

    def _cost(self, rung: int) -> int:
        return self.steps[rung] - self._first(rung)

    def proposer(self, seed: int, space: Space, objective: Objective) -> Proposer:
        return Drawing(self, seed, space, objective)
