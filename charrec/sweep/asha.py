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
    """A worker that is free promotes a trial of a rung's best share, the highest first, or begins another point.

    So what is trained depends on the order in which trials end. Of equals the one that ended first is better; a failed
    trial is never promoted.
    """

    steps: tuple[int, ...]  # epochs in total after each rung
    factor: int  # one of so many is promoted
    trials: int  # points
    total: int | None = None  # epochs of all trials, in each execution; None: as many as come of it

    def rungs(self, begun: Mapping[int, int] = NOTHING) -> tuple[Rung, ...]:
        """What is certain: the points, and the best share of each rung; with a total, as if no more were promoted."""
        sizes = [begun.get(0, 0) + self._points(begun)]
        for rung in range(1, len(self.steps)):
            share = sizes[-1] // self.factor if self.total is None else 0
            sizes.append(max(begun.get(rung, 0), share))
        return tuple(
            Rung(bracket=0, rung=rung, trials=size, first=self._first(rung), epochs=self.steps[rung])
            for rung, size in enumerate(sizes)
        )

    def ready(self, trials: Sequence[Seen]) -> int:
        begun = Counter(trial.rung for trial in trials)
        promotions = 0
        for trial in self._best(trials):
            if self._cost(trial.rung + 1) <= self._left(begun):
                begun[trial.rung + 1] += 1
                promotions += 1
        return promotions + self._points(begun)

    def next(self, trials: Sequence[Seen]) -> Start | None:
        begun = Counter(trial.rung for trial in trials)
        for trial in self._best(trials):
            if self._cost(above := trial.rung + 1) <= self._left(begun):
                return Start(above, self._first(above), self.steps[above], trial.name)
        return Start(0, 0, self.steps[0]) if self._points(begun) else None

    def _best(self, trials: Sequence[Seen]) -> Iterator[Seen]:
        """Those that could be promoted now, the first one first."""
        promoted = {trial.parent for trial in trials}
        for rung in reversed(range(len(self.steps) - 1)):
            ended = [trial for trial in trials if trial.rung == rung and trial.ended is not None]
            ranked = sorted(ended, key=lambda trial: (trial.cost, trial.ended or 0))
            best = ranked[: len(ended) // self.factor]
            yield from (trial for trial in best if trial.cost < inf and trial.name not in promoted)

    def _points(self, begun: Mapping[int, int]) -> int:
        """How many more could begin."""
        return int(min(self.trials - begun.get(0, 0), self._left(begun) // self.steps[0]))

    def _left(self, begun: Mapping[int, int]) -> float:
        """Epochs."""
        return (self.total or inf) - sum(number * self._cost(rung) for rung, number in begun.items())

    def _first(self, rung: int) -> int:
        return self.steps[rung - 1] if rung else 0

    def _cost(self, rung: int) -> int:
        return self.steps[rung] - self._first(rung)

    def proposer(self, seed: int, space: Space, objective: Objective) -> Proposer:
        return Drawing(self, seed, space, objective)
