"""The schedules of a search besides Hyperband, which is its default, as a script names them."""

from math import ceil
from typing import Annotated, Literal

from pydantic import Field

from charrec.sweep.asha import Asynchronous
from charrec.sweep.ladder import Ladder
from charrec.sweep.schedule import Rung
from charrec.sweep.settings import Settings

Count = Annotated[int, Field(ge=1, le=100_000)]


class Random(Settings):
    """Random search: so many points, each to the end."""

    kind: Literal["random"] = "random"
    trials: Count

    def within(self, max_epochs: int) -> Ladder:
        return Ladder(steps=(Rung(bracket=0, rung=0, trials=self.trials, first=0, epochs=max_epochs),))


class BestOf(Settings):
    """So many points a few epochs each, the best of them to the end."""

    kind: Literal["best of"] = "best of"
    trials: Count
    epochs: Count = 1
    best: Count = 3

    def within(self, max_epochs: int) -> Ladder:
        """Raises ValueError where nothing is chosen, or nothing left to train."""
        if self.best > self.trials:
            raise ValueError(f"the best {self.best} of {self.trials} trials; let best be at most trials")
        if self.epochs >= max_epochs:
            raise ValueError(f"{self.epochs} epochs each of {max_epochs} in all; let epochs be less than max_epochs")
        return Ladder(
            steps=(
                Rung(bracket=0, rung=0, trials=self.trials, first=0, epochs=self.epochs),
                Rung(bracket=0, rung=1, trials=self.best, first=self.epochs, epochs=max_epochs),
            )
        )


class Asha(Settings):
    """Successive halving without barriers, for more workers than Hyperband has configurations: so many points.

    Its rungs have the epochs of Hyperband's longest bracket, from `first` on: 2, 4 and 10 of 10. What it trains depends
    on the order in which trials end.
    """

    kind: Literal["asha"] = "asha"
    trials: Count
    factor: Annotated[int, Field(ge=2, le=10_000)] = 3
    first: Count = 1  # epochs that a point gets at least
    total_epochs: Count | None = None  # of all trials and executions; what would go beyond is not begun

    def within(self, max_epochs: int, executions: int = 1) -> Asynchronous:
        """Raises ValueError where no point could come to the end. `executions`: of each trial."""
        if self.first > max_epochs:
            raise ValueError(f"first {self.first} epochs of {max_epochs}; let first be at most max_epochs")
        total = None if self.total_epochs is None else self.total_epochs // executions
        if total is not None and total < max_epochs:
            least = f"max_epochs, {max_epochs}" + (f", of each of {executions} executions" if executions > 1 else "")
            raise ValueError(f"total_epochs {self.total_epochs}; let it be at least {least}")
        steps, epochs = [max_epochs], max_epochs / self.factor
        while epochs >= 1 and ceil(epochs) >= self.first:
            steps, epochs = [ceil(epochs), *steps], epochs / self.factor
        steps = list(dict.fromkeys(steps))
        return Asynchronous(steps=tuple(steps), factor=self.factor, trials=self.trials, total=total)


def unrepeatable(schedule: Random | BestOf | Asha | None) -> tuple[str, ...]:
    """Why two runs of a search may find different things."""
    if not isinstance(schedule, Asha):
        return ()
    return (
        "ASHA promotes in the order in which trials end, so which trials there are depends on the workers; the numbers"
        " of each do not",
    )
