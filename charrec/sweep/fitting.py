"""Any Keras model's `fit` as a trainable, epoch by epoch: weights, optimizer slots and callbacks' states are kept.

The order of arrays, the random layers and every global generator are seeded by (seed, epoch), so that a training which
goes on in another process has the numbers of an undisturbed one, bit for bit on a CPU, unless its examples are in an
order of their own (`examples.unrepeatable`).
"""

import logging
import math
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from charrec.errors import InputError
from charrec.sweep import callbacks, examples
from charrec.sweep.arguments import require_known
from charrec.sweep.builder import Builder, Built, at_point, seeded
from charrec.sweep.fits import FitEpoch, Fitted
from charrec.sweep.objective import Objective
from charrec.sweep.space import Value
from charrec.sweep.trainable import Place, Scored
from charrec.training.checkpoints import Checkpoint, claim, commit, mend, read_progress, resume, save
from charrec.training.interruption import Begun
from charrec.training.seeds import seed_layers

log = logging.getLogger(__name__)


class Diverged(RuntimeError):
    """The loss or the objective is not a finite number."""


class Fitting:
    """A `Trainable` of `charrec.sweep`."""

    def __init__(self, builder: Builder, objective: Objective) -> None:
        self.builder, self.objective = builder, objective

    def train(self, values: dict[str, Value], seed: int, epochs: int, place: Place) -> Sequence[Scored]:
        mend(place.store, place.key, Fitted)
        progress = read_progress(place.store, place.key, Fitted)
        if not _over(progress, epochs):
            progress = self._train(values, seed, epochs, place)
        return [Scored(self._score(row), row.seconds) for row in progress.epochs]

    def forget(self) -> None:
        keras.backend.clear_session()

    def built(self, values: Mapping[str, Value], seed: int) -> Built:
        """The model with its initial weights, ready to load a checkpoint."""
        with at_point(values):
            model, fit = self.builder.at(values, seed)
            fit["callbacks"] = fit.get("callbacks") or []
            require_known(fit)
            callbacks.require_resumable(fit["callbacks"])
        with seeded(seed):
            model.optimizer.build(model.trainable_variables)  # or load_weights has no place for the slots
        return Built(model, fit)

    def _train(self, values: Mapping[str, Value], seed: int, epochs: int, place: Place) -> Fitted:
        owner = place.owner or "one"
        progress, version = claim(place.store, place.key, owner, place.entitled, Fitted)
        model, fit = self.built(values, seed)
        fit["callbacks"] = callbacks.copied(fit["callbacks"])
        resume(model, place.store, place.key, progress)
        while not _over(progress, epochs):
            epoch = len(progress.epochs) + 1
            shown = place.show(place.key, epoch, epochs) if place.show else None
            with at_point(values):
                row = self._epoch(model, fit, seed, progress, [shown] if shown else [], place)
            checkpoint = save(model, place.store, place.key, owner, epoch, Begun())
            after = self._extended(progress, row, checkpoint, model.count_params())
            version = commit(place.store, place.key, after, version, progress)
            progress = after
            log.info("%s epoch %d/%d: %s", place.key, epoch, epochs, _line(row))
        return progress

    def _epoch(
        self, model: keras.Model, fit: dict[str, Any], seed: int, progress: Fitted, shown: list[Any], place: Place
    ) -> FitEpoch:
        """Train one epoch. Raises Interrupted, Diverged, and InputError where the objective is not reported."""
        epoch = len(progress.epochs) + 1
        keras.utils.set_random_seed(int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]))
        seed_layers(model, seed, epoch)
        theirs = fit["callbacks"]
        around = [callbacks.watching(place.interrupt), *theirs, *shown]
        if progress.epochs:
            around.append(callbacks.restoring(theirs, progress.epochs[-1].callbacks))
        given = {"verbose": 0} | examples.of_epoch(fit, seed, epoch) | {"callbacks": around}
        began = time.perf_counter()
        history = model.fit(**given, epochs=epoch, initial_epoch=epoch - 1).history
        values = {name: float(column[-1]) for name, column in history.items()}
        self._require_score(values, epoch)
        return FitEpoch(
            epoch=epoch,
            seconds=time.perf_counter() - began,
            values={name: value if math.isfinite(value) else None for name, value in values.items()},
            callbacks=callbacks.states(theirs),
            ended=bool(model.stop_training),
        )

    def _require_score(self, values: Mapping[str, float], epoch: int) -> None:
        require_reported(self.objective, values)
        name = self.objective.name
        for one in ("loss", name):
            if not math.isfinite(values.get(one, 0.0)):
                raise Diverged(f"{one} is {values[one]} in epoch {epoch}; the earlier epochs are stored")

    def _score(self, row: FitEpoch) -> float:
        score = row.values.get(self.objective.name)
        if score is None:
            raise InputError(
                f"a stored epoch without {self.objective.name}", "the search's objective", "Use another store."
            )
        return score

    def _extended(self, progress: Fitted, row: FitEpoch, checkpoint: Checkpoint, parameters: int) -> Fitted:
        """`progress` with one more epoch."""
        former = [self._score(one) for one in progress.epochs]
        best = not former or self.objective.better(self._score(row), self.objective.best(former))
        return progress.model_copy(
            update={
                "epochs": (*progress.epochs, row),
                "parameters": parameters,
                "last": checkpoint,
                "best": checkpoint if best else progress.best,
            }
        )


def require_reported(objective: Objective, names: Collection[str]) -> None:
    """Raises InputError where the objective is none of the names that `fit` reports."""
    if objective.name not in names:
        validated = any(name.startswith("val_") for name in names)
        lacks = objective.name.startswith("val_") and not validated
        remedy = "give `fit` validation_data" if lacks else "compile the model with it"
        raise InputError(
            f"`fit` reports {', '.join(sorted(names)) or 'nothing'}",
            f"{objective.name}, the search's objective, among them",
            f"Name another objective, or {remedy}.",
        )


def _over(progress: Fitted, epochs: int) -> bool:
    return len(progress.epochs) >= epochs or (bool(progress.epochs) and progress.epochs[-1].ended)


def _line(row: FitEpoch) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in row.values.items() if value is not None)
