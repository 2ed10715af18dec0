"""The search of any Keras model, from a script: each process that runs it is a worker at one search."""

import logging
import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from charrec.errors import InputError
from charrec.machine.termination import Terminated, until_terminated
from charrec.storage import Store, open_store
from charrec.sweep import examples
from charrec.sweep.arguments import require_known
from charrec.sweep.builder import Builder, Fit
from charrec.sweep.callbacks import require_resumable
from charrec.sweep.fits import FitEpoch, Fits, Search, objective_of, schedule_of
from charrec.sweep.fitting import Fitting
from charrec.sweep.heartbeat import Terms
from charrec.sweep.joining import join
from charrec.sweep.outcome import ON, finished, over, ranked
from charrec.sweep.plan import PLAN
from charrec.sweep.rehearsal import rehearse
from charrec.sweep.room import require_room
from charrec.sweep.row import TrialRow
from charrec.sweep.schedule import configurations
from charrec.sweep.schedules import unrepeatable
from charrec.sweep.space import Value
from charrec.sweep.steering import agree
from charrec.sweep.trial import trial_seed
from charrec.sweep.worker import PATIENT, work
from charrec.training.checkpoints import Held, load

log = logging.getLogger(__name__)


class Best(NamedTuple):
    """The best trial. Of several executions, `history` is that of the best one, whose weights `Found.model` has."""

    values: dict[str, Value]
    score: float  # the mean of its executions'
    history: tuple[FitEpoch, ...]  # of all epochs of its training
    histories: tuple[tuple[FitEpoch, ...], ...]  # of each execution


class Found:
    """A finished search, or what there is of one that was stopped or whose budget is spent."""

    def __init__(self, store: Store, plan: Fits, fitting: Fitting) -> None:
        self.store, self.plan, self._fitting = store, plan, fitting
        document, self.trials = ranked(store, plan, over=True)  # best first
        self.over = None if finished(store, plan) else document.account.over  # why it ended early, if it did
        first = self.trials[0]
        assert first.score is not None  # `ranked` raises where none has one
        executions = self._executions(first)
        histories = tuple(progress.epochs for progress in executions)
        self.best = Best(first.values, first.score, histories[self._best_of(executions)], histories)
        self.unrepeatable = plan.unrepeatable  # why this may depend on the workers; empty: it does not

    def model(self, trial: TrialRow | None = None) -> keras.Model:
        """The compiled model of a trial, of the best by default, with the weights of its best epoch.

        Of several executions, of the one with the best epoch, the earliest of equals.
        """
        row = trial or self.trials[0]
        executions = self._executions(row)
        best = self._best_of(executions)
        model = self._fitting.built(row.values, trial_seed(self.plan.seed, row.configuration, best)).model
        checkpoint = executions[best].best
        if checkpoint is None:
            raise InputError(
                f"trial {row.trial} has no weights, since it ended {row.state}",
                "a trial that has an epoch",
                "Take one of found.trials that has a score.",
            )
        load(model, self.store, checkpoint)
        return model

    def _executions(self, row: TrialRow) -> list[Held[FitEpoch]]:
        return [self.plan.progress(self.store, row.configuration, one) for one in range(self.plan.executions)]

    def _best_of(self, executions: list[Held[FitEpoch]]) -> int:
        """The place of the one with the best epoch."""
        name, cost = self.plan.objective.name, self.plan.objective.cost
        lowest = [
            min((cost(value) for row in progress.epochs if (value := row.values[name]) is not None), default=math.inf)
            for progress in executions
        ]
        return lowest.index(min(lowest))


def search(
    build: Any,
    how: Search,
    store: str | os.PathLike[str] | Store,
    fit: Fit,
    name: str = "search",
    endpoint: str | None = None,
    terms: Terms = PATIENT,
    show: Callable[..., Any] | None = None,
) -> Found:
    """Search the space that `build(hp)` spans, beside any other process that runs the same script on the same store.

    `build` is an ordinary Keras Tuner model builder, or a HyperModel; `fit` are the arguments of `model.fit`, or a
    function of `hp` that returns them. Returns once no trial is left, also to a process that comes later; or once the
    search is stopped or its budget is spent and every worker has ended its epoch, with what there is. Raises
    InputError for bad input, or where the store holds another search under this name; SearchFailed where there is
    nothing to choose from; MachineAtFault where this machine cannot train; Terminated after SIGTERM, with everything
    stored: the next process that runs the script goes on.
    """
    if not isinstance(how, Search):
        raise InputError(f"settings that are a {type(how).__name__}", "charrec.sweep.Search(...)", "Write that.")
    if not isinstance(name, str) or not name:
        raise InputError(f"a search named {name!r}", "a text, as its place in the store", "Name it.")
    if show is not None and not callable(show):
        raise InputError(f"show={show!r}", "a function of a title, an epoch and the number of epochs", "Leave it out.")
    objective = objective_of(how)
    builder = Builder(build, fit)
    require_room(builder.space, configurations(schedule_of(how).rungs()))
    given = builder.first_fit
    require_known(given)
    require_resumable(given.get("callbacks") or [])
    opened = _opened(store, endpoint)
    plan = Fits(
        key=f"sweeps/{name}", search=how.model_copy(update={"budget": None, "rounds": 1}), space=builder.space,
        fit=examples.described(given), backend=keras.backend.backend(),
        unrepeatable=(*examples.unrepeatable(given), *unrepeatable(how.schedule)),
    )  # fmt: skip
    for reason in plan.unrepeatable:
        log.warning("what the search finds may depend on its workers: %s", reason)
    fitting = Fitting(builder, objective)
    if opened.exists(plan.key + PLAN):
        plan = plan.worded_as(Fits.stored(opened, plan.key), examples.formerly_described(given))
    else:
        rehearse(fitting)
    plan = join(opened, plan, how.rounds)
    agree(opened, plan, how.budget)
    with until_terminated() as stop:
        while (ending := work(opened, plan, fitting, show, stop, terms)) == "alone":
            pass  # a failure is believed from two workers: this process is another one
    if ending == "over" and (why := over(opened, plan)):
        log.warning("the search in %s is over with what it has: %s. %s", opened.url, why, ON)
    elif ending not in ("finished", "over"):
        raise Terminated(f"the search in {opened.url} was left ({ending}); the next process goes on with it")
    return Found(opened, plan, fitting)


def _opened(store: str | os.PathLike[str] | Store, endpoint: str | None) -> Store:
    if isinstance(store, str | os.PathLike):
        return open_store(str(store), endpoint=endpoint)
    if isinstance(store, type) or not hasattr(store, "swap"):
        raise InputError(
            f"a store that is {store!r}", "a folder, or s3://bucket/prefix", "Name the place, the same for all workers."
        )
    return store
