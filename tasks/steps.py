"""Each step of the study as a task. The store remembers what was done; the state's name says so: Cached."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import Signature, signature
from typing import Any

from prefect import Flow, Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed

from charrec.data.glyphs import Manifest
from charrec.machine.termination import Terminated
from charrec.memo.outcome import Outcome
from charrec.results import SearchResult, TrainingResult
from charrec.steps import data, reading, reporting, retraining, training
from charrec.steps.store import store_of
from charrec.study import Runtime, Study
from charrec.training.checkpoints import read_progress
from charrec.training.precision import Precision
from tasks.devices import Children, DeviceLost, Devices
from tasks.sweep import keep_workers

log = logging.getLogger(__name__)


class Step:
    """A task. Called, it gives what was found or raises why there is nothing; `ended` gives its state's name too."""

    def __init__(self, run: Callable[..., Awaitable[Any]], name: str, **options: Any) -> None:
        named = {"name": name, "task_run_name": name, **options}
        self.task: Task[..., Any] = task(cache_policy=NO_CACHE, persist_result=False, **named)(run)

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return (await self.ended(*args, **kwargs))[1]

    async def ended(self, *args: Any, **kwargs: Any) -> tuple[str, Any]:
        state: State[Any] = await self.task(*args, return_state=True, **kwargs)
        return state.name or "", await state.aresult()


def patient(step: Callable[..., Outcome[Any]], name: str, **options: Any) -> Step:
    """A task that runs the step in a thread of this process."""

    @wraps(step)
    async def run(*args: Any, **kwargs: Any) -> Any:
        return _state(await asyncio.to_thread(step, *args, **kwargs))

    return Step(run, name, **options)


def on_device(step: Callable[..., Outcome[Any]], name: str, **options: Any) -> Step:
    """A task that runs the step on the first free device; its first argument is `Devices`.

    A process that was lost or asked to end is worth another try, since the step goes on from its last epoch; a
    diverged loss is not.
    """

    async def run(devices: Devices, *args: Any, **kwargs: Any) -> Any:
        return _state(await devices.run(step, *args, **kwargs))

    own, of_step = signature(run).parameters["devices"], signature(step).parameters.values()
    run.__signature__ = Signature([own, *of_step])  # type: ignore[attr-defined]  # Prefect names runs by it
    run.__doc__ = step.__doc__
    return Step(run, name, **AGAIN, **options)


def _after(*kinds: type[Exception]) -> Callable[[Task[..., Any], TaskRun, State[Any]], Awaitable[bool]]:
    """Prefect's condition for another try: the last one ended with one of these."""

    async def worth_it(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
        return isinstance(await state.aresult(raise_on_failure=False), kinds)

    return worth_it


AGAIN: dict[str, Any] = {
    "retries": 5, "retry_delay_seconds": [1, 10, 30, 60, 120], "retry_condition_fn": _after(DeviceLost, Terminated),
}  # fmt: skip


def _state(outcome: Outcome[Any]) -> State[Any] | Outcome[Any]:
    return Completed(name="Cached", data=outcome) if outcome.cached else outcome


# The download has tried five times within its own deadline; a network that is down for a minute is worth more.
pack = patient(
    data.pack_set, "pack", task_run_name="pack {role}",
    retries=2, retry_delay_seconds=[10, 60], retry_condition_fn=_after(ConnectionError, TimeoutError),
)  # fmt: skip
augment = on_device(reporting.draw_augmented, "draw augmented")
predict = on_device(reading.predict_all, "predict", task_run_name="predict {training.value.model}")
find = patient(reading.find, "evaluate", task_run_name="evaluate {model}")
report = patient(reporting.report, "report")
judge = on_device(retraining.judge, "compare with the champion")


# Steps that are flows of their own: what is in the store already needs none.


precision_as_asked = patient(training.choose_precision, "choose precision")


async def _choose_precision(
    children: Children, child: Flow[..., Any], study: Study, runtime: Runtime, where: str
) -> Any:
    """The precision of all trainings."""

    def found() -> Outcome[Precision] | None:
        return training.chosen_precision(study, runtime, where)

    return await _by_child(
        children, child, "choose precision", {"study": study, "runtime": runtime, "where": where}, found
    )


async def _train(
    children: Children,
    child: Flow[..., Any],
    model: str,
    study: Study,
    glyphs: Outcome[Manifest],
    precision: Outcome[Precision],
    runtime: Runtime,
    found: Outcome[SearchResult] | None = None,
) -> Any:
    """One network, trained."""
    keys = {"glyphs": glyphs.key, "precision": precision.key, "found": found.key if found else None}
    parameters = {"model": model, "study": study, "runtime": runtime, **keys}

    key = training.training_key(model, study, glyphs, precision, found)

    def trained() -> Outcome[TrainingResult] | None:
        return training.trained(model, study, glyphs, precision, runtime, found)

    def epochs() -> int:
        return len(read_progress(store_of(runtime), key).epochs)

    return await _by_child(children, child, f"train {model}", parameters, trained, epochs)


async def _search(
    children: Children,
    child: Flow[..., Any],
    study: Study,
    glyphs: Outcome[Manifest],
    precision: Outcome[Precision],
    runtime: Runtime,
) -> Any:
    """The Hyperband search for network 4, by as many workers as have something to do."""
    parameters = {"study": study, "runtime": runtime, "glyphs": glyphs.key, "precision": precision.key}
    store = store_of(runtime)

    def searched() -> Outcome[SearchResult] | None:
        return training.searched(study, glyphs, precision, runtime)

    if done := await asyncio.to_thread(searched):
        return _state(done)
    sweep = training.sweep_of(study, glyphs, precision)
    return (await keep_workers(children, child, parameters, store, sweep, searched)).model_copy(
        update={"cached": False}
    )


async def _by_child(
    children: Children,
    child: Flow[..., Any],
    name: str,
    parameters: dict[str, Any],
    found: Callable[[], Outcome[Any] | None],
    progress: Callable[[], int] = int,
) -> Any:
    """What the child leaves in the store, where it does not lie there yet.

    A child that was lost after some progress is begun again at once, however often; the task's own tries are for those
    that got nowhere.
    """
    if done := await asyncio.to_thread(found):
        return _state(done)
    while True:
        before = await asyncio.to_thread(progress)
        try:
            await children.run_child(child, name, parameters)
            break
        except (DeviceLost, Terminated) as error:
            if await asyncio.to_thread(progress) <= before:
                raise
            log.warning("%s; it goes on", error)
    made = await asyncio.to_thread(found)
    if made is None:
        raise RuntimeError(f"{name} has ended, but the store has no result of it: does it use the same store and code?")
    return made.model_copy(update={"cached": False})


choose_precision = Step(_choose_precision, "choose precision", **AGAIN)
train = Step(_train, "train", task_run_name="train {model}", **AGAIN)
search = Step(_search, "search")
