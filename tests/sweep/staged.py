"""Searches as their workers would leave them in a folder, for what is told of them."""

import os
import time
from pathlib import Path

from charrec.results import Epoch
from charrec.storage import Store, open_store
from charrec.study import Search
from charrec.sweep.heartbeat import Beat
from charrec.sweep.oracle import Assignment
from charrec.sweep.outcome import ANEW
from charrec.sweep.standing import Status, status
from charrec.training.checkpoints import Progress
from charrec.tuning.plan import Sweep
from tests.sweep.driving import DECK, alone, fail_for_good, oracle_of, points, taken
from tests.toy import RECIPE

KEY = "sweeps/0123456789abcdef"
SECONDS = 10.0  # of an epoch
ENDED = rf"^{KEY} has failed: Number of consecutive failures exceeded the limit of 5\.\nInternalError: no GPU\n{ANEW}$"


class Staged:
    """A search as its workers would leave it in a folder."""

    def __init__(self, folder: Path, search: Search = DECK, key: str = KEY) -> None:
        self.store: Store = open_store(str(folder))
        self.folder = folder
        self.sweep = Sweep(key=key, search=search, recipe=RECIPE.model_copy(update={"model": "model_4"}))
        self.sweep.begin(self.store)
        self.oracle = oracle_of(search, self.sweep.recipe.seed)

    def put(self) -> None:
        self.store.put(self.sweep.oracle, self.oracle.dump().model_dump_json().encode())

    def finish(self) -> None:
        alone(self.oracle)
        self.put()

    def complete(self, trials: int) -> None:
        for _ in range(trials):
            given = taken(self.oracle, "worker")
            self.oracle.complete(given, points(given), SECONDS * (given.epochs - given.first))

    def fail(self, message: str) -> Assignment:
        """The next trial, for good."""
        given = taken(self.oracle, "worker")
        fail_for_good(self.oracle, given, message)
        return given

    def sign(self, worker: str, age: float) -> None:
        """A worker's sign of life, so many seconds old."""
        name = f"{self.sweep.key}/workers/{worker}"
        self.store.put(name, Beat(worker=worker).model_dump_json().encode())
        os.utime(self.folder / name, (time.time() - age,) * 2)

    def trained(self, given: Assignment, epochs: int) -> None:
        """The trial's configuration has so many epochs in all."""
        row = Epoch(epoch=1, loss=1, accuracy=0, val_loss=1, val_accuracy=0, seconds=1, images_per_second=1)
        rows = tuple(row.model_copy(update={"epoch": epoch}) for epoch in range(1, epochs + 1))
        name = f"{self.sweep.training(given.configuration)}/progress.json"
        self.store.put(name, Progress(owner="a", epochs=rows).model_dump_json().encode())

    @property
    def status(self) -> Status:
        return status(self.store, self.sweep)


def busy_search(folder: Path) -> Staged:
    """Of everything something: ended, failed, running, lost and waiting trials, an idle worker."""
    staged = Staged(folder)
    staged.complete(13)  # bracket 2's first rung, and one that was promoted from it
    staged.fail("TrainingDiverged: the loss is not a number")
    for worker, age, done in (("alive", 3.0, 1), ("asleep", 100.0, 0)):
        given = taken(staged.oracle, worker)
        staged.trained(given, given.first + done)
        staged.sign(worker, age)
    taken(staged.oracle, "vanished")
    staged.oracle.give_back(taken(staged.oracle, "preempted"))
    staged.sign("idle", 4.0)
    staged.put()
    return staged
