"""Each step of the study as a task. The store remembers what was done; the state's name says so: Cached."""

from collections.abc import Callable
from functools import wraps
from inspect import Signature, signature
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture, wait
from prefect.states import Completed

from charrec.memo import Outcome
from charrec.steps import data, reading, reporting, training
from charrec.termination import Terminated
from tasks.devices import DeviceLost, Devices


def patient(step: Callable[..., Outcome[Any]], name: str, **options: Any) -> Task[..., Any]:
    """A task that runs the step here."""

    @wraps(step)
    def run(*args: Any, **kwargs: Any) -> Any:
        return _state(step(*args, **kwargs))

    return _task(run, name, **options)


def on_device(step: Callable[..., Outcome[Any]], name: str, **options: Any) -> Task[..., Any]:
    """A task that runs the step on the first free device; its first argument is `Devices`.

    A process that was lost or asked to end is worth another try, since the step goes on from its last epoch; a
    diverged loss is not.
    """

    def run(devices: Devices, *args: Any, **kwargs: Any) -> Any:
        return _state(devices.run(step, *args, **kwargs))

    own, of_step = signature(run).parameters["devices"], signature(step).parameters.values()
    run.__signature__ = Signature([own, *of_step])  # type: ignore[attr-defined]  # Prefect names runs by it
    run.__doc__ = step.__doc__
    return _task(run, name, retries=2, retry_condition_fn=_after(DeviceLost, Terminated), **options)


def _task(run: Callable[..., Any], name: str, **options: Any) -> Task[..., Any]:
    named = {"name": name, "task_run_name": name, **options}
    made: Task[..., Any] = task(cache_policy=NO_CACHE, persist_result=False, **named)(run)
    return made


def _after(*kinds: type[Exception]) -> Callable[[Task[..., Any], TaskRun, State[Any]], bool]:
    """Prefect's condition for another try: the last one ended with one of these."""

    def worth_it(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
        return isinstance(state.result(raise_on_failure=False), kinds)

    return worth_it


def _state(outcome: Outcome[Any]) -> State[Any] | Outcome[Any]:
    return Completed(name="Cached", data=outcome) if outcome.cached else outcome


def results(futures: list[PrefectFuture[Any]]) -> list[Any]:
    """What all of them found. Waits for all, then raises the first failure that is nobody else's."""
    wait(futures)
    for future in futures:
        if future.state.is_failed() or future.state.is_crashed():
            future.result()
    return [future.result() for future in futures]


# The download has tried five times within its own deadline; a network that is down for a minute is worth more.
pack = patient(
    data.pack_set, "pack", task_run_name="pack {role}",
    retries=2, retry_delay_seconds=[10, 60], retry_condition_fn=_after(ConnectionError, TimeoutError),
)  # fmt: skip
choose_precision = on_device(training.choose_precision, "choose precision")
train = on_device(training.train_model, "train", task_run_name="train {model}")
search = on_device(training.search, "search")
augment = on_device(reporting.draw_augmented, "draw augmented")
predict = on_device(reading.predict_all, "predict", task_run_name="predict {training.value.model}")
find = patient(reading.find, "evaluate", task_run_name="evaluate {model}")
report = patient(reporting.report, "report")
