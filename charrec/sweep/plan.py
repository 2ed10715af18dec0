"""What a worker on another machine needs to know of a search, stored beside it."""

from typing import Any, ClassVar, Protocol, Self

from charrec.errors import InputError
from charrec.storage import Conflict, NotFound, Store
from charrec.storage.document import document
from charrec.study import Frozen
from charrec.sweep.objective import Objective
from charrec.sweep.scheduling import Schedule
from charrec.sweep.space import Space
from charrec.training.checkpoints import Held, read_progress

PLAN = "/sweep.json"  # ends the key of a stored plan, after that of its search
OTHERS = "Resume it with the version of charrec that started it, or delete its folder from the store."


class Plan(Protocol):
    """A search, whatever it trains."""

    @property
    def key(self) -> str: ...

    @property
    def schedule(self) -> Schedule: ...

    @property
    def seed(self) -> int: ...

    @property
    def space(self) -> Space: ...

    @property
    def objective(self) -> Objective: ...

    @property
    def oracle(self) -> str: ...

    @property
    def kind(self) -> type[Held[Any]]: ...

    @property
    def executions(self) -> int: ...

    def begin(self, store: Store) -> None: ...

    def training(self, configuration: int, execution: int = 0) -> str: ...

    def progress(self, store: Store, configuration: int, execution: int = 0) -> Held[Any]: ...

    def trained(self, store: Store, configuration: int) -> int: ...


class Described(Frozen):
    """A search stored under `key`. Its fields decide what it finds."""

    kind: ClassVar[type[Held[Any]]]  # of its trainings' progress

    key: str

    @classmethod
    def stored(cls, store: Store, key: str) -> Self:
        """The search that was begun under this key. Raises InputError if there is none."""
        try:
            return document(cls, store.get(key + PLAN), f"{store.url}/{key}{PLAN}", OTHERS)
        except NotFound:
            raise InputError(
                f"{store.url} has no search {key!r}",
                "the key of one that was begun there, as in sweeps/search or sweeps/0123456789abcdef",
                "Correct the key or the store.",
            ) from None

    def begin(self, store: Store) -> None:
        """Store the description, if it is not there yet. Raises InputError if another search has this key."""
        try:
            store.create(self.key + PLAN, self.model_dump_json(indent=1).encode())
        except Conflict:
            if (other := type(self).stored(store, self.key)) != self:
                raise InputError(
                    f"{store.url}/{self.key} holds another search{self.difference(other)}",
                    "one search per key",
                    "Give this one another key, or delete the other from the store.",
                ) from None

    def difference(self, other: Self) -> str:
        """What is told of another search under the same key."""
        return ""

    @property
    def executions(self) -> int:
        """Trainings of each configuration, from other seeds; a trial's score is the mean of theirs."""
        return 1

    def training(self, configuration: int, execution: int = 0) -> str:
        """The key of a configuration's training; each of its trials continues it."""
        return f"{self.key}/configuration-{configuration:03d}" + (f"-execution-{execution}" if execution else "")

    def progress(self, store: Store, configuration: int, execution: int = 0) -> Held[Any]:
        """How far a configuration's training is."""
        return read_progress(store, self.training(configuration, execution), self.kind)

    def trained(self, store: Store, configuration: int) -> int:
        """Stored epochs of a configuration, in all its executions."""
        return sum(len(self.progress(store, configuration, one).epochs) for one in range(self.executions))

    @property
    def oracle(self) -> str:
        """The key of the search's state."""
        return f"{self.key}/oracle.json"
