"""What a search is to do beyond its schedule, as data: kept in its document, so that all its workers agree."""

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from charrec.study import Frozen
from charrec.sweep.space import Space


class Further(Frozen):
    """Trials whose configurations train on to more epochs, in a bracket of one rung."""

    bracket: NonNegativeInt
    first: PositiveInt  # epochs that each of them has
    epochs: PositiveInt  # in total after it
    trials: Annotated[tuple[str, ...], Field(min_length=1, max_length=10_000)]  # to go on with, best first


class Extension(Frozen):
    """The points already tried keep their values, and every training goes on from its checkpoint."""

    rounds: Annotated[tuple[PositiveInt, ...], Field(max_length=1000)] = ()  # after the first; see `Brackets.offsets`
    further: Annotated[tuple[Further, ...], Field(max_length=1000)] = ()
    space: Space | None = None  # of the points that are drawn from now on


NONE = Extension()
