"""A worker takes trials until none is left. All workers are equal, and any of them may vanish at any moment."""

import logging
import random
import time
from collections.abc import Callable
from functools import partial
from statistics import fmean
from typing import Any, Literal, NamedTuple, TypeVar

from charrec.errors import InputError
from charrec.storage import Store
from charrec.storage.patience import PatientStore
from charrec.storage.proof import prove_compare_and_swap
from charrec.sweep.blame import (
    MachineAtFault,
    at_fault,
    described,
    in_a_line,
    is_the_machines,
    let_go,
    out_of_memory,
    unfit_after,
)
from charrec.sweep.heartbeat import Heartbeat, LeaseLost, Terms, ages, bury, pass_time, reap
from charrec.sweep.oracle import COSTLY, Assignment, Oracle
from charrec.sweep.outcome import finished, search_failed
from charrec.sweep.plan import Plan
from charrec.sweep.room import require_room
from charrec.sweep.schedule import configurations
from charrec.sweep.standing import status
from charrec.sweep.table import headline
from charrec.sweep.trainable import Place, Trainable
from charrec.sweep.transaction import transact
from charrec.sweep.trial import repeat, run
from charrec.training.checkpoints import TakenOver, sweep_up
from charrec.training.interruption import Begun, Interrupted

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Ending = Literal["finished", "over", "idle", "stopped", "alone"]


class Ended(NamedTuple):
    """How an attempt at a trial ended, and a message for people."""

    how: Literal["completed", "failed", "given back", "lost"]
    message: str


class SearchOver(Interrupted):
    """The trial is given back between two epochs."""

    def __init__(self, why: str) -> None:
        super().__init__(Begun())
        self.args = (f"the search is over: {why}",)


PATIENT = Terms()
EXPLAINED = (MachineAtFault, InputError, ConnectionError, TimeoutError)  # the machine's, and they say what to do
LOST = Ended("lost", "another worker has it by now")
LONGEST_MESSAGE = 1000  # characters of what a failed trial says
DOUBTS = 2  # trials that fail on a worker while the search has none that completed; then it blames itself


def work(
    store: Store,
    sweep: Plan,
    trainable: Trainable,
    show: Callable[..., Any] | None = None,
    stop: Callable[[], bool] = lambda: False,
    terms: Terms = PATIENT,
    trial: Callable[[Assignment, Callable[[], Ended]], object] = lambda _given, attempt: attempt(),
) -> Ending:
    """Take trials of the search until none is left. Start as many workers as you like, whenever, wherever.

    Nothing else has to run: the search is an object in the store, which workers change by compare-and-swap. Once
    `stop()` is true, the worker checkpoints mid-epoch, releases its trial and returns "stopped". After `Terms.idle`
    seconds without work it returns "idle"; "over" where the search was stopped or its budget is spent, once every
    worker has ended its epoch. "alone" asks for another worker, best in a fresh process: the only trials left have
    failed on this one, and nobody else is there. `trial(given, attempt)` is called for each trial and runs it by
    calling `attempt()`; a caller reports trials there. Raises SearchFailed if too many trials failed, InputError if
    the store's compare-and-swap does not hold, the key holds another search or its space has too few points,
    ConnectionError if the store stays away, MachineAtFault if this machine cannot train.
    """
    require_room(sweep.space, configurations(sweep.schedule.rungs()))  # or it would end where none is left to draw
    try:
        prove(store, sweep, terms)
        patient = PatientStore(store, terms.outage)
        sweep.begin(patient)
        with Heartbeat(patient, sweep, terms) as heart:
            worker = _Worker(patient, sweep, trainable, heart, show, stop, trial)
            ending = worker.work()
            if ending == "finished":
                clean_up(patient, sweep, worker.oracle, terms)
            return ending
    except EXPLAINED:
        raise
    except Exception as error:
        if is_the_machines(error) or out_of_memory(error):
            raise at_fault(error, f"{store.url}/{sweep.key}") from error
        raise


def prove(store: Store, sweep: Plan, terms: Terms) -> None:
    """Raises InputError where the store's compare-and-swap does not hold.

    A refusal says nothing if this process slept over it: another worker may have deleted the proof's objects meanwhile.
    """
    while True:
        began = time.monotonic()
        try:
            return prove_compare_and_swap(store, f"{sweep.key}/proofs")
        except InputError as refused:
            if time.monotonic() - began < terms.lease:
                raise
            log.warning("%s; but this process slept meanwhile, so the store is tried again", refused)


def clean_up(store: Store, sweep: Plan, oracle: Oracle, terms: Terms) -> None:
    """Delete the leftovers of killed workers in a finished search."""
    for number in sorted({record.configuration for record in oracle.records.values()}):
        for execution in range(sweep.executions):
            owner = sweep.progress(store, number, execution).owner
            sweep_up(store, sweep.training(number, execution), owner, sweep.kind)
    bury(store, sweep, terms)


class _Worker:
    def __init__(
        self,
        store: PatientStore,
        sweep: Plan,
        trainable: Trainable,
        heart: Heartbeat,
        show: Callable[..., Any] | None,
        stop: Callable[[], bool],
        trial: Callable[[Assignment, Callable[[], Ended]], object],
    ) -> None:
        self.store, self.sweep, self.trainable, self.heart = store, sweep, trainable, heart
        self.show, self.stop, self.trial = show, stop, trial
        self.oracle = Oracle(sweep.schedule, sweep.seed, sweep.space, sweep.objective)
        self.shown = False  # this process can train: it has completed a trial, or repeated an epoch of one
        self.completed: list[Assignment] = []  # by this process
        self.doubted: dict[str, str] = {}  # trials that failed here while none of the search had completed; their words

    def work(self) -> Ending:
        worked = time.monotonic()
        while not self.stop():
            given = self.ask(self.take)
            if given == "STOPPED":
                if self.oracle.aborted:
                    raise search_failed(self.sweep, self.oracle.aborted)
                return "finished"
            if given == "OVER":
                return "finished" if finished(self.store, self.sweep) else "over"
            if given != "IDLE":
                self.trial(given, partial(self.attempt, given))
                worked = time.monotonic()
            elif not self.oracle.leases and self.doubted:
                self.doubt_no_more()
            elif not self.oracle.leases and self.is_alone():
                return "alone"
            elif self.heart.terms.idle is not None and time.monotonic() - worked > self.heart.terms.idle:
                return "idle"
            else:
                self.wait(self.heart.terms.poll * random.uniform(0.5, 1.5))
        return "stopped"

    def ask(self, operation: Callable[[], Answer]) -> Answer:
        return transact(self.store, self.sweep.oracle, self.oracle, operation)

    def take(self) -> Assignment | Literal["IDLE", "STOPPED", "OVER"]:
        pass_time(self.store, self.sweep, self.oracle, self.heart.terms)
        reap(self.store, self.sweep, self.oracle, self.heart.terms)
        return self.oracle.take(self.heart.worker, self.shown, self.doubted)

    def attempt(self, given: Assignment) -> Ended:
        """Run one trial and record how it ended, unless it has passed to another worker by then."""
        log.info(
            "trial %s: configuration %d, epochs %d-%d", given.trial, given.configuration, given.first + 1, given.epochs
        )
        self.heart.hold(given)
        self.heart.account = self.oracle.account
        try:
            kept, ended = self.carried_out(given)
        except Interrupted as stopped:
            kept, ended = self.given_back(given, stopped), Ended("given back", f"given back, {stopped}")
        except (LeaseLost, TakenOver):
            kept, ended = False, LOST
        except BaseException:  # this machine, its store, or Ctrl-C
            self.release(given)
            raise
        finally:
            self.heart.hold(None)
            self.trainable.forget()
        ended = ended if kept else LOST
        # Not the others' epochs: N workers that read N progresses at the end of each trial ask the square of N.
        stands = headline(status(self.store, self.sweep, self.heart.terms.lease, running=False))
        log.info("trial %s: %s; %s", given.trial, ended.message, stands)
        return ended

    def carried_out(self, given: Assignment) -> tuple[bool, Ended]:
        """Run the trial and record its end. Raises what is not the trial's own, before anything counts against it."""
        if not self.shown and self.oracle.costly(given.trial, COSTLY) and (proof := self.oracle.proof()):
            self.prove(proof)  # or it could not count if this worker is lost as well
            self.ask(lambda: self.oracle.vouch(given))
        try:
            score, seconds = self.run(given)
        except (Interrupted, LeaseLost, TakenOver):
            raise
        except Exception as error:
            if is_the_machines(error):
                raise
            return self.failed(given, error)
        kept = self.ending(given, lambda: self.oracle.complete(given, score, seconds, self.sweep.executions))
        self.shown, self.doubted = True, {}
        self.completed.append(given)
        return kept, Ended("completed", f"{self.sweep.objective.name} {score:.4f}")

    def failed(self, given: Assignment, error: Exception) -> tuple[bool, Ended]:
        """Record the trial's failure, if this machine can still train: repeat an epoch of one that has completed."""
        memory = out_of_memory(error)
        message = (f"out of memory ({described(error)})" if memory else described(error))[:LONGEST_MESSAGE]
        proof = self.ask(self.oracle.proof)
        if proof is None:
            self.doubted[given.trial] = message
            kept = self.ending(given, lambda: self.oracle.doubt(given, message))
            if len(self.doubted) == DOUBTS:
                raise self.unfit() from error
            return kept, Ended("failed", message)
        log.warning("trial %s: %s; can this machine still train?", given.trial, message)
        let_go(error)  # or the network that failed would leave no memory for another
        self.trainable.forget()
        try:
            self.prove(self.largest() or proof if memory else proof)
        except MachineAtFault as unable:
            lost = self.heart.lap()
            counts = self.ask(lambda: self.oracle.suspect(given, message, memory, lost))
            raise unfit_after(given.trial, message, unable.__cause__ or unable, self.where, counts) from unable
        return self.ending(given, lambda: self.oracle.fail(given, message, memory)), Ended("failed", message)

    def given_back(self, given: Assignment, stopped: Interrupted) -> bool:
        """Release the trial; an epoch of which nothing is stored was trained in vain."""
        if isinstance(stopped, SearchOver) or stopped.begun.seconds > 0:
            return self.ending(given, lambda: self.oracle.give_back(given, self.heart.epochs))
        lost = self.heart.lap()
        return self.ask(lambda: self.oracle.give_back(given, self.heart.epochs, lost))

    def ending(self, given: Assignment, end: Callable[[], bool]) -> bool:
        """End the trial's lease and count the time since its last stored epoch. False if the lease was lost."""
        seconds = self.heart.lap()

        def both() -> bool:
            self.oracle.spend(given, seconds)
            return end()

        return self.ask(both)

    def over(self, given: Assignment) -> str | None:
        """Between two epochs: why the search is over, if it is. Asks the store only where there is a budget."""
        seconds, account = self.heart.lap(), self.heart.account
        if not account.budget:
            return account.over

        def spend() -> str | None:
            pass_time(self.store, self.sweep, self.oracle, self.heart.terms)
            self.oracle.spend(given, seconds)
            return self.oracle.account.over

        return self.ask(spend)

    def largest(self) -> Assignment | None:
        """Of the trials that this process has completed, the one with the most parameters; None: it has completed none.

        Others' machines may have more memory; and if somebody else has come to use this one's, a small trial may still
        fit.
        """

        def parameters(completed: Assignment) -> int:
            return self.sweep.progress(self.store, completed.configuration).parameters

        return max(self.completed, key=parameters, default=None)

    def prove(self, completed: Assignment) -> None:
        """Repeat the first epoch of a completed trial. Raises MachineAtFault where this machine cannot."""
        try:
            repeat(completed, self.sweep, self.trainable, self.proving)
        except (Interrupted, LeaseLost):
            raise
        except Exception as error:
            raise at_fault(error, self.where) from error
        self.shown = True
        self.trainable.forget()

    def release(self, given: Assignment) -> None:
        """Give the trial back as well as a broken machine can, without waiting out another outage."""
        lost, epochs = self.heart.lap(), self.heart.epochs
        try:
            transact(
                self.store.store, self.sweep.oracle, self.oracle, lambda: self.oracle.give_back(given, epochs, lost)
            )
        except (OSError, InputError) as error:
            log.warning("trial %s could not be given back: %s; its lease will expire", given.trial, error)

    def doubt_no_more(self) -> None:
        """Nothing is left but what failed here: try it again if there is a proof by now, else blame this machine."""
        if self.oracle.proof() is None:
            raise self.unfit()
        self.doubted = {}

    def is_alone(self) -> bool:
        """Whether no other worker gives signs of life."""
        seen = ages(self.store, self.sweep)
        return not any(age <= self.heart.terms.lease for name, age in seen.items() if name != self.heart.worker)

    def unfit(self) -> MachineAtFault:
        failures = "; ".join(f"trial {trial}: {in_a_line(message)}" for trial, message in self.doubted.items())
        return MachineAtFault(
            f"a worker at {self.where} completed no trial, nor has any other, and failed at {failures}; expected a"
            " machine that can train. Until one completes a trial, this counts as no trial's failure. Look for the"
            " reason in this machine or in what is trained, as a learning rate with which every trial diverges or"
            " networks that its memory does not hold, then run the same command again."
        )

    @property
    def where(self) -> str:
        return f"{self.store.url}/{self.sweep.key}"

    def run(self, given: Assignment) -> tuple[float, float]:
        """The trial, one execution after the other: the mean of their scores, and their seconds."""
        scores, total = [], 0.0
        for execution in range(self.sweep.executions):
            if execution:
                self.trainable.forget()
            score, seconds = run(given, self.sweep, self.trainable, self.place(given, execution), execution)
            scores.append(score)
            total += seconds
        return fmean(scores), total

    def place(self, given: Assignment, execution: int) -> Place:
        """Of one execution, with a sign of life at every step."""
        others = execution * given.epochs + (self.sweep.executions - execution - 1) * given.first  # epochs
        epochs = steps = 0

        def begin(title: str, epoch: int, of: int) -> Any:
            nonlocal epochs, steps
            epochs, steps = others + epoch - 1, 0
            if why := self.over(given):
                raise SearchOver(why)
            return self.show(title, epoch, of) if self.show else None

        def interrupt() -> bool:
            nonlocal steps
            self.heart.step(epochs, steps)
            steps += 1
            return self.stop()

        owner = f"{given.token:04d}-{self.heart.worker}"
        key = self.sweep.training(given.configuration, execution)
        return Place(self.store, key, owner, interrupt, begin, self.heart.confirm)

    def proving(self) -> bool:
        """A step of the repeated epoch."""
        self.heart.step(0, 0)
        return self.stop()

    def wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self.stop() and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.5))
