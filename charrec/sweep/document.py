"""The schema of `oracle.json`, the JSON object that holds a whole search.

Nothing in it is executed or imported. Documents of another version or shape are refused before use; those of version
2 are read as what they say in version 3.
"""

import json
import operator
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    FiniteFloat,
    NonNegativeInt,
    PositiveInt,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from charrec.errors import InputError
from charrec.storage.document import LARGEST, too_large
from charrec.study import Frozen
from charrec.sweep.account import Account, Seconds
from charrec.sweep.extension import NONE, Extension
from charrec.sweep.space import Space, Value

VERSION = 3
FORMER = 2  # counted the failures of a trial without their workers
BELIEVED = 2  # workers on which a trial fails before it is FAILED
STRETCHES = 20  # that are kept of a trial, 100 bytes each; its losses and releases are not limited

TrialId = Annotated[str, StringConstraints(pattern=r"^[0-9]{4,8}$")]
WorkerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,79}$")]
How = Literal["completed", "failed", "given back", "lost"]
State = Literal["RUNNING", "INVALID", "COMPLETED", "FAILED"]  # Keras Tuner's states; INVALID waits to be retried

OWN = {"tuner/epochs", "tuner/initial_epoch", "tuner/bracket", "tuner/round"}  # Hyperband's additions to every point
PARENT = "tuner/trial_id"


class Failure(Frozen):
    """What a trial said as it failed on a worker that can train, or had shown before that it can."""

    worker: WorkerId
    message: str
    memory: bool = Field(False, exclude_if=operator.not_)  # whether memory ended


class Stretch(Frozen):
    """A worker's work at a trial, from taking it to its end. Times are seconds since 1970 by the store's clock.

    Kept for people alone: nothing in a search depends on it.
    """

    worker: WorkerId
    begun: FiniteFloat
    ended: FiniteFloat | None  # of a lost worker, its last sign of life; None: it ended without a word
    how: How
    # Of its configuration that were done by then, in all executions; None: unknown
    epochs: NonNegativeInt | None = None
    lost: Seconds = Field(0.0, exclude_if=operator.not_)  # that are in no stored epoch, as the account counts them


class TrialRecord(Frozen):
    """One trial: a point of the search space and the epochs to train it. A context may have the `space`."""

    configuration: NonNegativeInt  # a promoted trial keeps its parent's
    values: dict[str, Value]
    status: State
    score: FiniteFloat | None = None
    best_step: int | None = None  # 0 in every search: Keras Tuner's, of the one score that it is told
    message: str | None = None  # reason of the last failure
    failures: Annotated[list[Failure], Field(max_length=BELIEVED)] = []  # of different workers
    doubts: NonNegativeInt = 0  # failures on workers that had shown nothing, or could not train after it
    losses: NonNegativeInt = 0  # consecutive lost workers without a finished epoch between them
    losses_at: NonNegativeInt = 0  # finished epochs at the last loss
    seconds: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    # Those that have ended, the latest of them; a search whose store tells no time is stored without any
    stretches: Annotated[list[Stretch], Field(max_length=STRETCHES, exclude_if=operator.not_)] = []

    @property
    def lost(self) -> bool:
        """Whether it was given up since its workers were lost, and not for what it said on two of them."""
        return self.status == "FAILED" and self.losses > 0 and len(self.failures) < BELIEVED

    @property
    def too_large(self) -> bool:
        """Whether it failed for want of memory on as many workers as are believed."""
        return len(self.failures) == BELIEVED and all(failure.memory for failure in self.failures)

    @property
    def first(self) -> int:
        """Epochs of its configuration before it."""
        return int(self.values["tuner/initial_epoch"])

    @property
    def epochs(self) -> int:
        """In total after it."""
        return int(self.values["tuner/epochs"])

    @property
    def bracket(self) -> int:
        return int(self.values["tuner/bracket"])

    @property
    def rung(self) -> int:
        return int(self.values["tuner/round"])

    @property
    def parent(self) -> str | None:
        """The trial that it continues."""
        return str(self.values[PARENT]) if PARENT in self.values else None

    @field_validator("values")
    @classmethod
    def _a_point_of_the_space(cls, values: dict[str, Value], info: ValidationInfo) -> dict[str, Value]:
        space = (info.context or {}).get("space")
        if space and not space.holds(point(values)):
            raise ValueError("not a point of this search space")
        numbers = [values.get(f"tuner/{own}") for own in ("epochs", "initial_epoch", "bracket", "round")]
        if not all(type(one) is int and one >= 0 for one in numbers) or numbers[1] >= numbers[0]:  # type: ignore[operator]
            raise ValueError("Hyperband has no such trial")
        if not isinstance(values.get(PARENT, ""), str):
            raise ValueError("Hyperband has no such parent")
        return values


def point(values: Mapping[str, Value]) -> dict[str, Value]:
    """A trial's values without Hyperband's additions."""
    return {name: value for name, value in values.items() if name not in OWN and name != PARENT}


class Lease(Frozen):
    """A worker's lease on a trial. Its fencing token grows with every lease of the search, which voids older leases."""

    worker: WorkerId
    token: PositiveInt
    shown: bool = True  # that it can train, by a trial that it completed or an epoch that it repeated
    # Seconds since 1970 by the store's clock; None: it had not told the time yet
    begun: Annotated[FiniteFloat | None, Field(exclude_if=operator.not_)] = None


class Place(Frozen):
    """One trial's place in a rung."""

    id: TrialId
    past_id: TrialId | None  # in the previous rung


class Bracket(Frozen):
    bracket_num: NonNegativeInt
    rounds: list[list[Place]]


def _absent(value: object) -> bool:
    return value is None


class Document(Frozen):
    """The durable state of a search, except the trainings themselves."""

    version: Literal[3] = 3
    trials: dict[TrialId, TrialRecord] = {}  # in start order
    ended: list[TrialId] = []
    waiting: list[TrialId] = []  # for a worker: lost, released, or failed and to be retried
    leases: dict[TrialId, Lease] = {}
    token: NonNegativeInt = 0  # of the latest lease
    # Hyperband's; the trials are the whole state of any other schedule
    brackets: list[Bracket] | None = Field(None, exclude_if=_absent)
    current_bracket: NonNegativeInt | None = Field(None, exclude_if=_absent)
    current_iteration: NonNegativeInt | None = Field(None, exclude_if=_absent)
    seed_state: int | None = Field(None, exclude_if=_absent)  # of the random number generator
    aborted: str | None = None  # reason for ending the search early
    transactions: list[Annotated[str, Field(max_length=32)]] = []  # the latest, to recognise a commit without a reply
    extension: Extension = Field(default=NONE, exclude_if=NONE.__eq__)
    account: Account = Field(default=Account(), exclude_if=Account().__eq__)  # a search without a loss has none

    @field_validator("extension", mode="before")
    @classmethod
    def _with_tuples(cls, extension: Any) -> Any:
        """JSON has none, and a strict document would take no list for one."""
        return Extension.model_validate(extension) if isinstance(extension, dict) else extension

    @model_validator(mode="after")
    def _of_one_piece(self) -> Self:
        """Every trial is running, waiting or ended; rungs and parents refer to existing trials only."""
        states = {name: record.status for name, record in self.trials.items()}
        listed = [("RUNNING", name) for name in self.leases] + [("INVALID", name) for name in self.waiting]
        listed += [("FAILED" if states.get(name) == "FAILED" else "COMPLETED", name) for name in self.ended]
        if sorted(listed) != sorted((status, name) for name, status in states.items()):
            raise ValueError("trials, leases, waiting and ended do not fit together")
        own = (self.brackets, self.current_bracket, self.current_iteration, self.seed_state)
        if None in own and any(value is not None for value in own):
            raise ValueError("of brackets, current_bracket, current_iteration and seed_state some are missing")
        places = [place for bracket in self.brackets or () for rung in bracket.rounds for place in rung]
        references = {place.id for place in places} | {place.past_id for place in places if place.past_id}
        references |= {record.parent for record in self.trials.values() if record.parent is not None}
        references |= {name for further in self.extension.further for name in further.trials}
        if references - states.keys():
            raise ValueError("a rung or a promoted trial refers to a trial that is not there")
        if (self.current_iteration or 0) > len(self.extension.rounds):
            raise ValueError("a round that the search does not have")
        if len({lease.worker for lease in self.leases.values()}) < len(self.leases):
            raise ValueError("a worker holds two trials")
        if any(lease.token > self.token for lease in self.leases.values()):
            raise ValueError("a lease is younger than the latest token")
        return self


def parsed(data: bytes, where: str, space: Space | None = None) -> Document:
    """The parsed document, whose trials are points of the space. Raises InputError that names the first defect."""
    if len(data) > LARGEST:
        raise _foreign(where, too_large(data))
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError):
        raise _foreign(where, "no JSON") from None
    version = plain.get("version") if isinstance(plain, dict) else None
    if version == FORMER:
        plain, version = _renewed(plain), VERSION
    if version != VERSION:
        raise _foreign(where, f"a search of version {version!r}")
    try:
        if isinstance(larger := plain.get("extension"), dict) and larger.get("space"):
            space = Space.model_validate(larger["space"])
        return Document.model_validate(plain, strict=True, context={"space": space})
    except ValidationError as error:
        first = error.errors()[0]
        raise _foreign(where, f"{'.'.join(map(str, first['loc'])) or 'search'}: {first['msg']}") from None


def _renewed(plain: dict[str, Any]) -> dict[str, Any]:
    """A document of version 2 in version 3; none of its failed attempts is believed, since any machine counted."""
    trials = plain.get("trials")
    for record in trials.values() if isinstance(trials, dict) else ():
        if isinstance(record, dict):
            record.pop("attempts", None)
    return plain | {"version": VERSION}


def _foreign(where: str, found: str) -> InputError:
    shown = "".join(one if one.isprintable() else "?" for one in found)  # field names in it are untrusted
    return InputError(
        f"{where} holds {shown}"[:300],
        f"a search of version {VERSION}, written by charrec",
        "Resume it with the version of charrec that started it, or delete its folder from the store.",
    )
