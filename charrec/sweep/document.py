"""The search as one JSON object, `oracle.json`: what it may hold, to the last field.

Nothing in it is executed or imported. A document of another version or shape is refused before any of it is used.
"""

import json
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    FiniteFloat,
    NonNegativeInt,
    PositiveInt,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from charrec.errors import InputError
from charrec.study import Frozen
from charrec.sweep.space import SPACE

VERSION = 2

TrialId = Annotated[str, StringConstraints(pattern=r"^[0-9]{4,8}$")]
WorkerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,79}$")]
State = Literal["RUNNING", "INVALID", "COMPLETED", "FAILED"]  # Keras Tuner's words; INVALID waits for another try

OWN = {"tuner/epochs", "tuner/initial_epoch", "tuner/bracket", "tuner/round"}  # what Hyperband adds to every point
PARENT = "tuner/trial_id"


class TrialRecord(Frozen):
    """One trial: a point of the space, and how far to train it."""

    configuration: NonNegativeInt  # a promoted trial keeps its parent's
    values: dict[str, int | float | str]
    status: State
    score: FiniteFloat | None = None
    best_step: int | None = None
    message: str | None = None  # why it failed
    attempts: NonNegativeInt = 0  # that failed
    losses: NonNegativeInt = 0  # of workers, one after the other, without an epoch between
    losses_at: NonNegativeInt = 0  # epochs that were done then
    seconds: Annotated[FiniteFloat, Field(ge=0)] = 0.0

    @field_validator("values")
    @classmethod
    def _a_point_of_the_space(cls, values: dict[str, int | float | str]) -> dict[str, int | float | str]:
        if set(values) - {PARENT} != SPACE.keys() | OWN:
            raise ValueError("no point of this search space")
        if any((type(values[name]), values[name]) not in _TYPED[name] for name in SPACE):  # 256.0 is not 256
            raise ValueError("no point of this search space")
        epochs, first, *place = (values[f"tuner/{own}"] for own in ("epochs", "initial_epoch", "bracket", "round"))
        if not all(isinstance(one, int) and one >= 0 for one in (epochs, first, *place)) or first >= epochs:  # type: ignore[operator]
            raise ValueError("Hyperband has no such trial")
        if not isinstance(values.get(PARENT, ""), str):
            raise ValueError("Hyperband has no such parent")
        return values


_TYPED = {name: {(type(value), value) for value in values} for name, values in SPACE.items()}


class Lease(Frozen):
    """Who runs a trial. The token grows with every lease of the search: an old one is worth nothing."""

    worker: WorkerId
    token: PositiveInt


class Place(Frozen):
    """One trial's place in a rung."""

    id: TrialId
    past_id: TrialId | None  # in the rung before


class Bracket(Frozen):
    bracket_num: NonNegativeInt
    rounds: list[list[Place]]


class Document(Frozen):
    """Everything that lasts of a search, but for the trainings themselves."""

    version: Literal[2] = 2
    trials: dict[TrialId, TrialRecord] = {}  # in the order of their start
    ended: list[TrialId] = []
    waiting: list[TrialId] = []  # for a worker: lost, given back, or failed and worth another try
    leases: dict[TrialId, Lease] = {}
    token: NonNegativeInt = 0  # of the latest lease
    brackets: list[Bracket]
    current_bracket: NonNegativeInt
    current_iteration: NonNegativeInt
    seed_state: int  # of the random draws
    aborted: str | None = None  # why no more trials are given out
    transactions: list[Annotated[str, Field(max_length=32)]] = []  # the latest, to recognise one whose reply was lost

    @model_validator(mode="after")
    def _of_one_piece(self) -> Self:
        """Every trial runs, waits or has ended; nothing else is spoken of."""
        states = {name: record.status for name, record in self.trials.items()}
        found = [("RUNNING", name) for name in self.leases] + [("INVALID", name) for name in self.waiting]
        found += [("FAILED" if states.get(name) == "FAILED" else "COMPLETED", name) for name in self.ended]
        if sorted(found) != sorted((status, name) for name, status in states.items()):
            raise ValueError("trials, leases, waiting and ended do not fit together")
        places = [place for bracket in self.brackets for rung in bracket.rounds for place in rung]
        spoken_of = {place.id for place in places} | {place.past_id for place in places if place.past_id}
        spoken_of |= {str(record.values[PARENT]) for record in self.trials.values() if PARENT in record.values}
        if spoken_of - states.keys():
            raise ValueError("a rung or a promoted trial names a trial that is not there")
        if len({lease.worker for lease in self.leases.values()}) < len(self.leases):
            raise ValueError("a worker holds two trials")
        if any(lease.token > self.token for lease in self.leases.values()):
            raise ValueError("a lease is younger than the latest")
        return self


def parsed(data: bytes, where: str) -> Document:
    """The document, or InputError with the first thing that is wrong."""
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError):
        raise _foreign(where, "no JSON") from None
    version = plain.get("version") if isinstance(plain, dict) else None
    if version != VERSION:
        raise _foreign(where, f"a search of version {version!r}")
    try:
        return Document.model_validate(plain, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise _foreign(where, f"{'.'.join(map(str, first['loc'])) or 'search'}: {first['msg']}") from None


def _foreign(where: str, found: str) -> InputError:
    shown = "".join(one if one.isprintable() else "?" for one in found)  # names in it may be anybody's
    return InputError(
        f"{where} holds {shown}"[:300],
        f"a search of version {VERSION}, as charrec writes it",
        "Go on with the charrec that began it, or delete its folder from the store.",
    )
