"""A trainable whose epochs are a formula, for searches by real workers on a real store, without Keras's time."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from typing import Any

from charrec.sweep.fits import FitEpoch, Fits, Fitted, Search
from charrec.sweep.space import Space, Value
from charrec.sweep.trainable import Place, Scored
from charrec.training.checkpoints import claim, commit
from charrec.training.interruption import Begun, Interrupted

WIDE = Space.of_choices({"width": tuple(range(1, 200)), "depth": (1, 2, 3)})
STEPS = 2  # of an epoch


def plan(search: Search, space: Space = WIDE, key: str = "sweeps/formula") -> Fits:
    return Fits(key=key, search=search, space=space, fit={})


def score(values: dict[str, Value], seed: int, epoch: int) -> float:
    """No two trainings have equal ones, and more epochs are better."""
    return round(float(values["width"]) / float(values["depth"]) + epoch / 10 + (seed % 1000) / 1e6, 6)


class Formula:
    """`within(epoch, place)` is called in each epoch, which lasts `seconds`."""

    def __init__(self, seconds: float = 0.0, within: Callable[[int, Place], Any] = lambda _epoch, _place: None) -> None:
        self.seconds, self.within = seconds, within
        self.trained = 0  # epochs

    def train(self, values: dict[str, Value], seed: int, epochs: int, place: Place) -> Sequence[Scored]:
        progress, version = claim(place.store, place.key, place.owner or "one", place.entitled, Fitted)
        while len(progress.epochs) < epochs:
            epoch = len(progress.epochs) + 1
            if place.show:
                place.show(place.key, epoch, epochs)
            for step in range(STEPS):
                if place.interrupt() and step:
                    raise Interrupted(Begun(steps=step))
                time.sleep(self.seconds / STEPS)
            self.within(epoch, place)
            row = FitEpoch(epoch=epoch, seconds=1.0, values={"score": score(values, seed, epoch)})
            after = progress.model_copy(update={"epochs": (*progress.epochs, row), "parameters": values["width"]})
            version = commit(place.store, place.key, after, version, progress)
            progress, self.trained = after, self.trained + 1
        return [Scored(row.values["score"] or 0.0, row.seconds) for row in progress.epochs]

    def forget(self) -> None:
        """It leaves nothing in memory."""


def in_a_process(target: Callable[[], object]) -> int | None:
    """Its exit code; negative: the signal that ended it."""
    process = multiprocessing.get_context("fork").Process(target=target)
    process.start()
    process.join(600)
    return process.exitcode
