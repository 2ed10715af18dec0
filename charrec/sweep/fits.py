"""A search of any Keras model as data: its settings, its description in the store, the progress of its trainings."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from charrec.errors import InputError
from charrec.study import Frozen
from charrec.sweep.account import Budget
from charrec.sweep.brackets import hyperband
from charrec.sweep.objective import Direction, Objective
from charrec.sweep.plan import Described
from charrec.sweep.schedules import Asha, BestOf, Random
from charrec.sweep.scheduling import Schedule
from charrec.sweep.settings import Settings
from charrec.sweep.space import Space
from charrec.training.checkpoints import Held

DIRECTIONS: dict[str, Direction] = {  # endings of names
    **dict.fromkeys(("accuracy", "acc", "auc", "precision", "recall", "score", "f1", "iou"), "max"),
    **dict.fromkeys(("loss", "error", "mse", "mae", "rmse", "mape", "perplexity", "crossentropy"), "min"),
}  # fmt: skip


def _objective(value: Any) -> Any:
    if type(value).__name__ == "Objective" and type(value).__module__.startswith("keras_tuner."):
        return Objective(name=value.name, direction=value.direction)
    return value


class Search(Settings):
    """A search by Hyperband, as Keras Tuner defines it, or by a `schedule` of another kind.

    A study has one of its own, `charrec.study.Search`. Other `rounds` or another `budget` make no other search: the one
    that is stored goes on with them.
    """

    max_epochs: Annotated[int, Field(ge=1, le=10_000)] = 10
    factor: Annotated[int, Field(ge=2, le=10_000)] = 3  # Hyperband's
    # An Objective says whether more is better; Keras Tuner's own is taken for one.
    objective: Annotated[str | Objective, BeforeValidator(_objective)] = "val_loss"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    schedule: Annotated[Random | BestOf | Asha, Field(discriminator="kind")] | None = Field(
        None, exclude_if=lambda value: value is None
    )  # None: Hyperband
    rounds: Annotated[int, Field(ge=1, le=1000, exclude_if=lambda rounds: rounds == 1)] = 1  # of all brackets
    # Trainings of each point, from other seeds; a trial's score is the mean of their best
    executions_per_trial: Annotated[int, Field(ge=1, le=100, exclude_if=lambda executions: executions == 1)] = 1
    budget: Budget | None = Field(default=None, exclude_if=lambda budget: budget is None)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.schedule:
            schedule_of(self)  # raises ValueError
            if self.factor != type(self).model_fields["factor"].default:
                raise ValueError("factor is Hyperband's; leave it out beside another schedule")
        return self


class FitEpoch(Frozen):
    """One epoch of a `fit`; `epoch` counts from 1."""

    epoch: int
    seconds: float
    values: dict[str, float | None]  # what `fit` reports; None: not a number
    callbacks: tuple[dict[str, JsonValue], ...] = ()  # the state of each, where it has one
    ended: bool = False  # a callback has ended the training


class Fitted(Held[FitEpoch]):
    """The best epoch is the objective's."""


class Fits(Described):
    """A search of any Keras model. What its fields do not say, as the builder's code, must be the same everywhere."""

    kind: ClassVar[type[Held[Any]]] = Fitted

    search: Search
    space: Space
    fit: dict[str, str]  # argument -> its value, or the digest of its arrays
    backend: str = Field("tensorflow", exclude_if=lambda name: name == "tensorflow")  # Keras's; decides the numbers
    unrepeatable: tuple[str, ...] = ()  # why it may end otherwise where other workers come, go or die

    @property
    def schedule(self) -> Schedule:
        return schedule_of(self.search)

    @property
    def seed(self) -> int:
        return self.search.seed

    @property
    def objective(self) -> Objective:
        return objective_of(self.search)

    @property
    def executions(self) -> int:
        return self.search.executions_per_trial

    def worded_as(self, stored: Self, former: Mapping[str, str]) -> Self:
        """This search in the stored one's words, where an argument of `fit` is described as it was formerly."""
        kept = {name: said for name, said in stored.fit.items() if said == former.get(name) or name == "verbose"}
        return self.model_copy(update={"fit": self.fit | kept})

    def difference(self, other: Self) -> str:
        ours, theirs = self.search.model_dump(), other.search.model_dump()
        names = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
        names += ["space"] if self.space != other.space else []
        arguments = sorted({*self.fit, *other.fit})
        names += [f"fit's {name}" for name in arguments if self.fit.get(name) != other.fit.get(name)]
        names += [f"backend ({other.backend})"] if self.backend != other.backend else []
        return f", with another {', '.join(names)}" if names else ""


def schedule_of(search: Search) -> Schedule:
    """Raises ValueError where a schedule does not fit into `max_epochs`."""
    if isinstance(search.schedule, Asha):
        return search.schedule.within(search.max_epochs, search.executions_per_trial)
    return search.schedule.within(search.max_epochs) if search.schedule else hyperband(search)


def objective_of(search: Search) -> Objective:
    """Raises InputError where the better direction cannot be told by the name."""
    if isinstance(search.objective, Objective):
        return search.objective
    for ending, direction in DIRECTIONS.items():
        if search.objective.lower().endswith(ending):
            return Objective(name=search.objective, direction=direction)
    raise InputError(
        f"the objective {search.objective!r}, of which it is not known whether more or less is better",
        "a name that ends as in accuracy or loss",
        f"Write Objective(name={search.objective!r}, direction='max'), or 'min'.",
    )
