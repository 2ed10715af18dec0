"""The flows that a study starts on GPUs: as processes of its machine, or as runs on a work pool."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import TerminationSignal
from prefect.states import Cancelled, Completed, Failed

from charrec.machine.termination import Terminated
from charrec.memo.step import Bench
from charrec.steps import precision, search, train
from charrec.study import Runtime
from charrec.sweep.heartbeat import Terms
from charrec.training.checkpoints import TakenOver
from charrec.training.progress import bar
from flows.settings import on_this_machine
from tasks import progress
from tasks.devices import SPENT
from tasks.ownership import own_child
from tasks.pool import deployed
from tasks.upgrade import require_same_code

if TYPE_CHECKING:
    from charrec.sweep.oracle import Assignment
    from charrec.sweep.worker import Ended

IDLE = 30.0  # seconds without a trial after which a worker leaves its device to others


@flow(name="choose-precision", persist_result=False)
def choose_precision(given: precision.Given, runtime: Runtime, key: str | None = None) -> None:
    """Find out which precision pays on this machine's device."""
    require_same_code(precision.PRECISION, given, key)
    with progress.lines(), own_child():
        precision.PRECISION.run(given, Bench.of(on_this_machine(runtime)))


@flow(name="train-model", persist_result=False)
def train_model(given: train.Given, runtime: Runtime, key: str | None = None) -> None:
    """Train one network, from the last stored epoch."""
    require_same_code(train.TRAIN, given, key)
    with progress.lines(), _terminable(), own_child():
        bench = Bench.of(on_this_machine(runtime))
        show = progress.TrainingProgress(given, bench.store)
        train.TRAIN.run(given, replace(bench, show=show))
        show.tell()


@flow(name="sweep-worker", persist_result=False)
def sweep_worker(given: search.Given, runtime: Runtime, anew: bool = False, key: str | None = None) -> str | None:
    """Take trials of the search until there are none, each a task run of this flow run.

    `anew`: first begin the search anew, if it has failed. SPENT: another process must try what failed in this one.
    """
    require_same_code(search.SEARCH, given, key)
    with progress.lines(), _terminable(), own_child():
        bench = Bench.of(on_this_machine(runtime), bar)
        ending = search.join(given, bench, _as_task, Terms(idle=IDLE, lease=runtime.lease), anew)
    return SPENT if ending == "alone" else None


def _as_task(given: "Assignment", attempt: "Callable[[], Ended]") -> None:
    """Run a trial as a task run. A failed trial is a failed task run; any other error ends the worker."""
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


@contextmanager
def _terminable() -> Iterator[None]:
    """On a work pool, end the run on SIGTERM as Prefect would, but after everything is stored.

    A training that another run has taken over ends the same way: Crashed, and the study starts another, which takes it
    back. That happens to a run that was given up for lost and lived; it costs one epoch.
    """
    try:
        yield
    except (Terminated, TakenOver):
        if deployed():
            raise TerminationSignal(signal.SIGTERM) from None
        raise
