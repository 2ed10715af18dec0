"""Hyperband as a search's description has it, whose engine takes seconds to import."""

from collections.abc import Mapping, Sequence

from charrec.study import Frozen
from charrec.sweep.objective import Objective
from charrec.sweep.schedule import Hyperband, Rung, schedule
from charrec.sweep.scheduling import NOTHING, Proposer, Seen, ready_in
from charrec.sweep.space import Space


class Brackets(Frozen):
    """Hyperband, as Keras Tuner defines it, once or several times, each with points of its own."""

    max_epochs: int
    factor: int
    rounds: tuple[int, ...] = ()  # after the first: of each its offset

    @property
    def offsets(self) -> tuple[int, ...]:
        """Of all rounds: what is added to the numbers of their brackets."""
        return (0, *self.rounds)

    def rungs(self, begun: Mapping[int, int] = NOTHING) -> tuple[Rung, ...]:
        return tuple(
            rung.model_copy(update={"bracket": rung.bracket + offset})
            for offset in self.offsets
            for rung in schedule(self)
        )

    def ready(self, trials: Sequence[Seen]) -> int:
        return ready_in(self.rungs(), trials)

    def proposer(self, seed: int, space: Space, objective: Objective) -> Proposer:
        from charrec.sweep.hyperband import HyperbandProposer

        return HyperbandProposer(self, seed, space, objective)


def hyperband(search: Hyperband) -> Brackets:
    return Brackets(max_epochs=search.max_epochs, factor=search.factor)
