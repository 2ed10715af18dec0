"""A worker takes trials until none is left. All workers are equal, and any of them may vanish at any moment."""

import logging
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

import keras

from charrec.data.arrays import Arrays
from charrec.storage import Store
from charrec.storage.patience import PatientStore
from charrec.storage.proof import prove_compare_and_swap
from charrec.sweep.heartbeat import Heartbeat, LeaseLost, Terms, bury, reap
from charrec.sweep.oracle import Assignment, DurableHyperband
from charrec.sweep.outcome import SearchFailed
from charrec.sweep.plan import Sweep
from charrec.sweep.standing import status
from charrec.sweep.table import headline
from charrec.sweep.transaction import transact
from charrec.sweep.trial import run, subset
from charrec.training.checkpoints import TakenOver, read_progress, sweep_up
from charrec.training.epoch import Interrupted

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Ending = Literal["finished", "idle", "stopped"]


class Ended(NamedTuple):
    """How an attempt at a trial ended, and a message for people."""

    how: Literal["completed", "failed", "given back", "lost"]
    message: str


PATIENT = Terms()
LOST = Ended("lost", "another worker has it by now")
LONGEST_MESSAGE = 1000  # characters of what a failed trial says


def work(
    store: Store,
    sweep: Sweep,
    glyphs: Arrays,
    show: Callable[..., Any] | None = None,
    stop: Callable[[], bool] = lambda: False,
    terms: Terms = PATIENT,
    trial: Callable[[Assignment, Callable[[], Ended]], object] = lambda _given, attempt: attempt(),
) -> Ending:
    """Take trials of the search until none is left. Start as many workers as you like, whenever, wherever.

    Nothing else has to run: the search is an object in the store, which workers change by compare-and-swap. Once
    `stop()` is true, the worker checkpoints mid-epoch, releases its trial and returns "stopped". After `Terms.idle`
    seconds without work it returns "idle". `trial(given, attempt)` is called for each trial and runs it by calling
    `attempt()`; a caller reports trials there. Raises SearchFailed if too many trials failed, InputError if the store's
    compare-and-swap does not hold or the key holds another search, ConnectionError if the store stays away.
    """
    prove_compare_and_swap(store, f"{sweep.key}/proofs")
    patient = PatientStore(store, terms.outage)
    sweep.begin(patient)
    with Heartbeat(patient, sweep, terms) as heart:
        worker = _Worker(patient, sweep, subset(glyphs, sweep.search, sweep.recipe.seed), heart, show, stop, trial)
        ending = worker.work()
        if ending == "finished":
            clean_up(patient, sweep, worker.oracle, terms)
        return ending


def clean_up(store: Store, sweep: Sweep, oracle: DurableHyperband, terms: Terms) -> None:
    """Delete the leftovers of killed workers in a finished search."""
    for number in sorted({record.configuration for record in oracle.records.values()}):
        key = sweep.training(number)
        sweep_up(store, key, read_progress(store, key).owner)
    bury(store, sweep, terms)


class _Worker:
    def __init__(
        self,
        store: Store,
        sweep: Sweep,
        arrays: Arrays,
        heart: Heartbeat,
        show: Callable[..., Any] | None,
        stop: Callable[[], bool],
        trial: Callable[[Assignment, Callable[[], Ended]], object],
    ) -> None:
        self.store, self.sweep, self.arrays, self.heart, self.show, self.stop = store, sweep, arrays, heart, show, stop
        self.trial = trial
        self.oracle = DurableHyperband(sweep.search, sweep.recipe.seed)

    def work(self) -> Ending:
        worked = time.monotonic()
        while not self.stop():
            given = self.ask(self.take)
            if given == "STOPPED":
                if self.oracle.aborted:
                    raise SearchFailed(self.oracle.aborted)
                return "finished"
            if given != "IDLE":
                self.trial(given, partial(self.attempt, given))
                worked = time.monotonic()
            elif self.heart.terms.idle is not None and time.monotonic() - worked > self.heart.terms.idle:
                return "idle"
            else:
                self.wait(self.heart.terms.poll * random.uniform(0.5, 1.5))
        return "stopped"

    def ask(self, operation: Callable[[], Answer]) -> Answer:
        return transact(self.store, self.sweep.oracle, self.oracle, operation)

    def take(self) -> Assignment | Literal["IDLE", "STOPPED"]:
        reap(self.store, self.sweep, self.oracle, self.heart.terms)
        return self.oracle.take(self.heart.worker)

    def attempt(self, given: Assignment) -> Ended:
        """Run one trial and record how it ended, unless it has passed to another worker by then."""
        log.info(
            "trial %s: configuration %d, epochs %d-%d", given.trial, given.configuration, given.first + 1, given.epochs
        )
        self.heart.hold(given)
        try:
            score, seconds = self.run(given)
            kept = self.ask(lambda: self.oracle.complete(given, score, seconds))
            ended = Ended("completed", f"val_accuracy {score:.4f}")
        except Interrupted as stopped:
            kept, ended = self.ask(lambda: self.oracle.give_back(given)), Ended("given back", f"given back, {stopped}")
        except (LeaseLost, TakenOver):
            kept, ended = False, LOST
        except ConnectionError:
            raise  # not the trial's fault; its lease will expire
        except Exception as error:
            said = f"{type(error).__name__}: {error}"[:LONGEST_MESSAGE]
            kept, ended = self.ask(lambda: self.oracle.fail(given, said)), Ended("failed", said)
        except BaseException:  # Ctrl-C
            self.ask(lambda: self.oracle.give_back(given))
            raise
        finally:
            self.heart.hold(None)
            keras.backend.clear_session()
        ended = ended if kept else LOST
        stands = headline(status(self.store, self.sweep, self.heart.terms.lease))
        log.info("trial %s: %s; %s", given.trial, ended.message, stands)
        return ended

    def run(self, given: Assignment) -> tuple[float, float]:
        """The trial, with a sign of life at every step."""
        epochs = steps = 0

        def begin(title: str, epoch: int, of: int) -> Any:
            nonlocal epochs, steps
            epochs, steps = epoch - 1, 0
            return self.show(title, epoch, of) if self.show else None

        def interrupt() -> bool:
            nonlocal steps
            self.heart.step(epochs, steps)
            steps += 1
            return self.stop()

        owner = f"{given.token:04d}-{self.heart.worker}"
        return run(given, self.sweep, self.store, self.arrays, owner, interrupt, begin)

    def wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self.stop() and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.5))
