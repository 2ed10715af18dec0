"""What a search looks for: one number of an epoch, and whether more or less of it is better."""

from collections.abc import Iterable
from typing import Literal

from charrec.sweep.settings import Settings

Direction = Literal["min", "max"]


class Objective(Settings):
    """The name of one of the numbers that `fit` reports, and its better direction."""

    name: str
    direction: Direction

    def best(self, values: Iterable[float]) -> float:
        return max(values) if self.direction == "max" else min(values)

    def better(self, one: float, other: float) -> bool:
        return one > other if self.direction == "max" else one < other

    def cost(self, value: float) -> float:
        """A number that is the lower the better the value."""
        return -value if self.direction == "max" else value
