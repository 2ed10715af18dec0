"""The flows that a study begins on GPUs: as processes of its machine, or as runs on a work pool."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import TerminationSignal
from prefect.states import Cancelled, Completed, Failed

from charrec.data.glyphs import Manifest
from charrec.errors import InputError
from charrec.machine.termination import Terminated
from charrec.memo.outcome import Outcome, Value, recall
from charrec.results import SearchResult
from charrec.steps import training
from charrec.steps.store import store_of
from charrec.study import Runtime, Study
from charrec.sweep.heartbeat import Terms
from charrec.training.checkpoints import TakenOver
from charrec.training.precision import Precision
from tasks import told
from tasks.pool import deployed

if TYPE_CHECKING:
    from charrec.sweep.oracle import Assignment
    from charrec.sweep.worker import Ended

IDLE = 30.0  # seconds without a trial after which a worker leaves its device to others


@flow(name="choose-precision", persist_result=False)
def choose_precision(study: Study, runtime: Runtime, where: str) -> None:
    """Find out which precision pays on this machine's device."""
    with told.lines():
        training.choose_precision(study, runtime, where)


@flow(name="train-model", persist_result=False)
def train_model(
    model: str, study: Study, runtime: Runtime, glyphs: str, precision: str, found: str | None = None
) -> None:
    """Train one network, from the last epoch that is stored; the others are keys of what it depends on."""
    with told.lines(), _terminable():
        packed = _stored(runtime, glyphs, Manifest)
        chosen = _stored(runtime, precision, Precision)
        network = _stored(runtime, found, SearchResult) if found else None
        key = training.training_key(model, study, packed, chosen, network)
        store = store_of(runtime)
        progress = told.TrainingProgress(model, store, key, training.epochs_of(model, study))
        training.train_model(model, study, packed, chosen, runtime, network, progress)
        progress.tell()


@flow(name="sweep-worker", persist_result=False)
def sweep_worker(study: Study, runtime: Runtime, glyphs: str, precision: str) -> None:
    """Take trials of the search until there are none, each a task run of this flow run."""
    with told.lines(), _terminable():
        packed, chosen = _stored(runtime, glyphs, Manifest), _stored(runtime, precision, Precision)
        training.search(study, packed, chosen, runtime, trial=_as_task, terms=Terms(idle=IDLE, lease=runtime.lease))


def _as_task(given: "Assignment", attempt: "Callable[[], Ended]") -> None:
    """A trial that failed is a failed task run; an error that is not the trial's own ends the worker."""
    raised: list[Exception] = []

    @task(name="trial", cache_policy=NO_CACHE, persist_result=False)
    def trial() -> Any:
        try:
            ended = attempt()
        except Exception as error:
            raised.append(error)
            raise
        return {"completed": Completed, "failed": Failed}.get(ended.how, Cancelled)(message=ended.message)

    name = f"trial {given.trial}, epochs {given.first + 1}-{given.epochs}"
    trial.with_options(task_run_name=name)(return_state=True)
    if raised:
        raise raised[0]


def _stored(runtime: Runtime, key: str, kind: type[Value]) -> Outcome[Value]:
    store = store_of(runtime)
    if done := recall(store, key, kind):
        return done
    raise InputError(
        f"{store.url} has nothing under {key!r}",
        "what the study that began this run has stored there",
        "Let the study and its workers use one store and one version of charrec.",
    )


@contextmanager
def _terminable() -> Iterator[None]:
    """On a work pool SIGTERM ends the run as Prefect would end it, but after all is stored.

    So does a training that another run has taken over, as one may that was given up and lived: Crashed, and the study
    begins another, which takes it back. The epoch in which that happens is lost.
    """
    try:
        yield
    except (Terminated, TakenOver):
        if deployed():
            raise TerminationSignal(signal.SIGTERM) from None
        raise
