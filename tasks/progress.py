"""The log lines and progress of a run, in a terminal and in Prefect's UI."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.logging import get_run_logger

from charrec.steps.train import TRAIN, Given
from charrec.storage import Store
from charrec.training.checkpoints import read_progress
from charrec.training.progress import bar
from tasks.naming import key

log = logging.getLogger(__name__)


class _ToRun(logging.Handler):
    """Forwards records to the run's logger, which prints them and sends them to the server."""

    def __init__(self) -> None:
        super().__init__()
        self.run = get_run_logger()

    def emit(self, record: logging.LogRecord) -> None:
        self.run.log(record.levelno, "%s", record.getMessage())


@contextmanager
def lines() -> Iterator[None]:
    """Log charrec's records as the flow run's own."""
    logger, handler = logging.getLogger("charrec"), _ToRun()
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


class Progress:
    """A progress artifact. An unreachable server costs an update, not the run."""

    def __init__(self, key: str, percent: float, description: str) -> None:
        self.key, self.last = key, (-1.0, "")
        self.artifact: UUID | None = None
        self.tell(percent, description)

    def tell(self, percent: float, description: str) -> None:
        if (percent, description) == self.last:
            return
        self.last = percent, description
        try:
            if self.artifact is None:
                self.artifact = create_progress_artifact(percent, key=self.key, description=description)  # type: ignore[assignment]
            else:
                update_progress_artifact(self.artifact, percent, description)
        except httpx.HTTPError as error:
            log.warning("Prefect's server did not take the progress: %s", error)


def unfinished(store: Store, training: str) -> list[str]:
    """Other trainings of the same network that have epochs and no result."""
    entries = [entry.key.split("/") for entry in store.list(training.rpartition("-")[0] + "-")]
    ended = {folder for _, folder, name, *_ in entries if name.startswith("result-")}
    begun = {folder for _, folder, name, *_ in entries if name == "progress.json"}
    keys = sorted(f"trainings/{folder}" for folder in begun - ended)
    return [key for key in keys if key != training and read_progress(store, key).epochs]


class TrainingProgress:
    """Reports before each epoch: epochs done, the best accuracy so far, the time left."""

    def __init__(self, given: Given, store: Store) -> None:
        self.store, self.training, self.epochs, self.began = store, TRAIN.key(given), given.epochs, monotonic()
        model = given.recipe.model
        self.at_start = len(read_progress(store, self.training).epochs)
        for other in unfinished(store, self.training) if not self.at_start else ():
            log.info("%s is unfinished; it has other values or began with other code, so it is not continued", other)
        done = f"{model}: {self.at_start} of {given.epochs} epochs"
        self.progress = Progress(key(model.replace("_", "-")), 100 * self.at_start / given.epochs, done)

    def __call__(self, title: str, epoch: int, epochs: int) -> Any:
        """Called by `train` as its `show`."""
        self.tell()
        return bar(title, epoch, epochs)

    def tell(self) -> None:
        rows = read_progress(self.store, self.training).epochs
        done = len(rows)
        words = [f"{done} of {self.epochs} epochs"]
        if rows:
            words.append(f"best validation accuracy {max(row.val_accuracy for row in rows):.4f}")
        if done > self.at_start and done < self.epochs:
            left = (monotonic() - self.began) / (done - self.at_start) * (self.epochs - done)
            words.append(f"about {max(1, round(left / 60))} min left" if left > 90 else f"about {round(left)} s left")
        self.progress.tell(100 * done / self.epochs, "; ".join(words))
