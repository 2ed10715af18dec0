"""The search as one JSON object, `oracle.json`: what it may hold, to the last field.

Nothing in it is executed or imported. A document of another version or shape is refused before any of it is used.
"""

import json
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, StringConstraints, ValidationError, field_validator

from charrec.errors import InputError
from charrec.study import Frozen
from charrec.sweep.space import SPACE

VERSION = 2

TrialId = Annotated[str, StringConstraints(pattern=r"^\d{4,8}$")]
WorkerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,79}$")]
State = Literal["RUNNING", "INVALID", "COMPLETED", "FAILED"]  # Keras Tuner's words; INVALID waits for another try

OWN = {"tuner/epochs", "tuner/initial_epoch", "tuner/bracket", "tuner/round"}  # what Hyperband adds to every point
PARENT = "tuner/trial_id"


class TrialRecord(Frozen):
    """One trial: a point of the space, and how far to train it."""

    configuration: NonNegativeInt  # a promoted trial keeps its parent's
    values: dict[str, int | float | str]
    status: State
    score: float | None = None
    best_step: int | None = None
    message: str | None = None  # why it failed
    attempts: NonNegativeInt = 0  # that failed
    losses: NonNegativeInt = 0  # of workers, one after the other, without an epoch between
    losses_at: NonNegativeInt = 0  # epochs that were done then
    seconds: float = 0.0

    @field_validator("values")
    @classmethod
    def _a_point_of_the_space(cls, values: dict[str, int | float | str]) -> dict[str, int | float | str]:
        if set(values) - {PARENT} != SPACE.keys() | OWN or any(values[name] not in SPACE[name] for name in SPACE):
            raise ValueError("no point of this search space")
        if not all(isinstance(values[name], int) for name in OWN) or not isinstance(values.get(PARENT, ""), str):
            raise ValueError("Hyperband's own values are of another type")
        return values


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
        return Document.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        raise _foreign(where, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _foreign(where: str, found: str) -> InputError:
    return InputError(
        f"{where} holds {found}"[:300],
        f"a search of version {VERSION}, as charrec writes it",
        "Go on with the charrec that began it, or delete its folder from the store.",
    )
