"""A step of the study as one declared value: what decides its result, what it returns, the function between them.

    TRAIN = Step("train {given.recipe.model}", "trainings/{given.recipe.model}-", Given, TrainingResult, compute)

`TRAIN.key(given)`, `TRAIN.recall(given, store)`, `TRAIN.run(given, bench)`: nothing else makes a key.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

from charrec.machine.provenance import commit, this_machine
from charrec.memo.identity import identity
from charrec.memo.outcome import Outcome, Provenance, Value, outcome_of, recall, remember, require
from charrec.results import Stored
from charrec.storage import Store, open_store
from charrec.storage.patience import PatientStore
from charrec.study import Frozen, Runtime

Given = TypeVar("Given", bound=Frozen)
Show = Callable[[str, int, int], Any]  # title, epoch, epochs -> a Keras callback or None

OUTAGE = 900.0  # seconds without the store that a step waits out: hours of work are not lost to minutes of outage


@dataclass(frozen=True)
class Bench:
    """What a step works with, and what cannot change its result."""

    store: Store
    cache: Path  # local copies; may be deleted
    show: Show | None = None

    @classmethod
    def of(cls, runtime: Runtime, show: Show | None = None, patient: bool = True) -> "Bench":
        """The store and the cache of a runtime. Without patience a wrong address is an error at once."""
        store = open_store(runtime.store, endpoint=runtime.endpoint)
        return cls(PatientStore(store, OUTAGE) if patient else store, runtime.cache, show)

    def outcome(self, key: str, kind: type[Value]) -> Outcome[Value]:
        """The outcome of an earlier step. Raises InputError where the store has none."""
        return require(self.store, key, kind)

    def put(self, key: str, content: bytes) -> Stored:
        """Store an object that a result will point at."""
        self.store.put(key, content)
        return Stored(key=key, sha256=sha256(content).hexdigest())


@dataclass(frozen=True)
class Step(Generic[Given, Value]):
    """A step. `title` and `prefix` are templates, filled from `given`: the title is for people, the prefix begins keys.

    `compute(given, bench)` returns the result; all that decides it is in `given` or in code that `compute` imports.
    """

    title: str
    prefix: str
    given: type[Given]
    result: type[Value]
    compute: Callable[[Given, Bench], Value]
    progress: Callable[[Given, Store], int] = lambda _given, _store: 0  # what is stored of an unfinished result

    @property
    def name(self) -> str:
        """As in `charrec.steps.train`."""
        return self.module.rpartition(".")[2]

    @property
    def module(self) -> str:
        return self.compute.__module__

    def label(self, given: Given) -> str:
        """What this run of the step is called, as in "train model_1"."""
        return self.title.format(given=given)

    def key(self, given: Given) -> str:
        """Where the outcome lies in the store; the same for the same values and the same code."""
        return self.prefix.format(given=given) + identity(given, code=self.module)

    def recall(self, given: Given, store: Store) -> Outcome[Value] | None:
        """The stored outcome, if it is whole."""
        return recall(store, self.key(given), self.result)

    def run(self, given: Given, bench: Bench) -> Outcome[Value]:
        """The stored outcome; where there is none, compute and store it."""
        key = self.key(given)
        if done := recall(bench.store, key, self.result):
            return done
        started, clock = datetime.now(UTC), time.perf_counter()
        value = self.compute(given, bench)
        provenance = Provenance(
            started=started.isoformat(timespec="seconds"),
            seconds=round(time.perf_counter() - clock, 3),
            machine=this_machine(),
            code=commit(),
        )
        return remember(bench.store, outcome_of(self.result)(key=key, value=value, provenance=provenance))


def declared(module: str) -> Step[Any, Any]:
    """The step that a module declares under its own name, as `TRAIN` in `charrec.steps.train`."""
    step: Step[Any, Any] = getattr(import_module(module), module.rpartition(".")[2].upper())
    return step
