"""What a search has cost, what it may cost, and whether it is over with what it has."""

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, FiniteFloat, NonNegativeInt, model_validator

from charrec.study import Frozen
from charrec.sweep.settings import Settings

HOUR = 3600.0

Limit = Annotated[FiniteFloat, Field(gt=0)]
Seconds = Annotated[FiniteFloat, Field(ge=0)]


class Budget(Settings):
    """A search ends at the first of its limits, with what it has; a larger budget lets it go on.

    A device-hour is an hour of one worker with a trial: two workers that train side by side for an hour take one hour
    and two device-hours.
    """

    hours: Limit | None = None  # in which at least one worker has a trial
    device_hours: Limit | None = None
    money: Limit | None = None
    price: Limit | None = None  # of a device-hour, in the same money

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.money and not self.price:
            raise ValueError("money needs the price of a device-hour")
        if not (self.hours or self.device_hours or self.price):
            raise ValueError("a budget of hours, device_hours or money, or a price, which limits nothing")
        return self

    def spent(self, worked: float, trained: float) -> Iterator[str]:
        """The limits that are reached after so many seconds of work, and seconds of workers with a trial."""
        if self.hours and worked >= self.hours * HOUR:
            yield f"{worked / HOUR:.4g} of {self.hours:.4g} hours"
        if self.device_hours and trained >= self.device_hours * HOUR:
            yield f"{trained / HOUR:.4g} of {self.device_hours:.4g} device-hours"
        if self.money and self.price and trained / HOUR * self.price >= self.money:
            yield f"{trained / HOUR * self.price:.4g} of {self.money:.4g} in money"


class Account(Frozen):
    """The part of a search's state that decides nothing of what it finds, only whether it goes on."""

    stopped: bool = False  # by `charrec sweep stop`
    budget: Budget | None = None
    said: Budget | None = None  # by the scripts: as long as they say the same, what a terminal has said since counts
    trained: Seconds = 0.0  # that workers had a trial, counted since the search has a budget
    worked: Seconds = 0.0  # that at least one worker had a trial, counted under a budget of hours
    until: FiniteFloat | None = None  # which `worked` is counted, by the store's clock
    lost: Seconds = 0.0  # that are in no stored epoch, since their worker vanished, was stopped or failed
    vanished: NonNegativeInt = 0  # workers

    @property
    def over(self) -> str | None:
        """Why no trial is begun any more; None: the search goes on."""
        if self.stopped:
            return "it was stopped"
        reached = list(self.budget.spent(self.worked, self.trained + self.lost)) if self.budget else []
        return f"its budget is spent, {' and '.join(reached)}" if reached else None

    def agreed(self, budget: Budget | None, trained: float) -> Self:
        """With the budget that a script says, if scripts said another before; `trained`: seconds of its trials."""
        return self if budget == self.said else self.under(budget, trained).model_copy(update={"said": budget})

    def under(self, budget: Budget | None, trained: float) -> Self:
        """With another budget, which counts what the search took before, too."""
        before = self.trained if self.budget else max(self.trained, trained)
        timed = {} if budget and budget.hours else {"until": None}
        return self.model_copy(update={"budget": budget, "trained": before if budget else self.trained, **timed})
