"""Each step of the study as a Prefect task. The store remembers outcomes; a state named Cached says that it did."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic

from prefect import Flow, Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed

from charrec.data.sources import locate
from charrec.data.sources.source import Role, Source
from charrec.machine.termination import Terminated
from charrec.memo.outcome import Outcome, Value
from charrec.memo.step import Bench, Given, Step
from charrec.results import SearchResult
from charrec.steps.augment import AUGMENT
from charrec.steps.evaluate import EVALUATE
from charrec.steps.judge import JUDGE
from charrec.steps.pack import PACK
from charrec.steps.precision import PRECISION
from charrec.steps.predict import PREDICT
from charrec.steps.report import REPORT
from charrec.steps.search import SEARCH
from charrec.steps.search import Given as Searching
from charrec.steps.train import TRAIN
from charrec.study import Data, Runtime
from tasks.devices import Children, Devices
from tasks.errors import DeviceLost
from tasks.pool import deployed
from tasks.sweep import keep_workers

log = logging.getLogger(__name__)


class Patient(Generic[Given, Value]):
    """A step as a task. `run(step, given, runtime, *place)` carries it out; `place` is for runs elsewhere."""

    def __init__(self, step: Step[Given, Value], run: Callable[..., Awaitable[Outcome[Value]]], **options: Any) -> None:
        async def carry_out(given: Given, runtime: Runtime, *place: Any) -> State[Any] | Outcome[Value]:
            outcome = await run(step, given, runtime, *place)
            return Completed(name="Cached", data=outcome) if outcome.cached else outcome

        self.step = step
        self.task: Task[..., Any] = task(name=step.name, cache_policy=NO_CACHE, persist_result=False, **options)(
            carry_out
        )

    async def __call__(
        self, given: Given, runtime: Runtime, *place: Any, after: Sequence[Outcome[Any]] = ()
    ) -> Outcome[Value]:
        """The step's outcome. Raises what the last try raised. `after`: what the step builds on, for Prefect's UI."""
        outcome: Outcome[Value] = await (await self.state(given, runtime, *place, after=after)).aresult()
        return outcome

    async def state(
        self, given: Given, runtime: Runtime, *place: Any, after: Sequence[Outcome[Any]] = ()
    ) -> State[Any]:
        """The state that the task ends in."""
        named = self.task.with_options(task_run_name=self.step.label(given))
        ended: State[Any] = await named(given, runtime, *place, wait_for=list(after), return_state=True)
        return ended


def _after(*kinds: type[Exception]) -> Callable[[Task[..., Any], TaskRun, State[Any]], Awaitable[bool]]:
    """Prefect's condition for another try: the last one raised one of these."""

    async def worth_it(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
        return isinstance(await state.aresult(raise_on_failure=False), kinds)

    return worth_it


# A process that was lost or asked to end is worth another try, since steps resume; a diverged loss is not.
RESUMED: dict[str, Any] = {
    "retries": 5, "retry_delay_seconds": [1, 10, 30, 60, 120], "retry_condition_fn": _after(DeviceLost, Terminated),
}  # fmt: skip
# A download has tried five times within its own deadline; a network that is down for a minute is worth more.
FETCHED: dict[str, Any] = {
    "retries": 2, "retry_delay_seconds": [10, 60], "retry_condition_fn": _after(ConnectionError, TimeoutError),
}  # fmt: skip


@task(name="fetch", task_run_name="fetch {role}", cache_policy=NO_CACHE, persist_result=False, **FETCHED)
async def fetch(role: Role, data: Data, runtime: Runtime) -> Source:
    """The source of a role: found where it lies, or downloaded."""
    return await asyncio.to_thread(locate, role, data, runtime.cache, runtime.current_data)


async def _here(step: Step[Given, Value], given: Given, runtime: Runtime) -> Outcome[Value]:
    """In a thread of this process."""
    return await asyncio.to_thread(step.run, given, Bench.of(runtime))


async def _here_at_once(
    step: Step[Given, Value], given: Given, runtime: Runtime, devices: Devices | None = None
) -> Outcome[Value]:
    """The same for the first step that uses the store: a wrong address is an error now, not in 15 minutes.

    Not for a deployment, which nobody watches and which may begin again during an outage. Where the store has
    no outcome, it has nothing of the later steps either: their devices start meanwhile.
    """
    bench = Bench.of(runtime, patient=devices is None and deployed())  # which asks the server, at a desk
    if done := await asyncio.to_thread(step.recall, given, bench.store):
        return done
    if devices:
        devices.start()
    return await asyncio.to_thread(step.run, given, bench)


async def _on_device(step: Step[Given, Value], given: Given, runtime: Runtime, devices: Devices) -> Outcome[Value]:
    """In the process of the first free device, unless the outcome is in the store: a process takes seconds to start."""
    if done := await asyncio.to_thread(step.recall, given, Bench.of(runtime).store):
        return done
    return await devices.run_step(step, given, runtime)


async def _by_child(
    step: Step[Given, Value], given: Given, runtime: Runtime, children: Children, child: Flow[..., Any]
) -> Outcome[Value]:
    """By a flow run of its own, unless the outcome is in the store.

    A child that is lost after some progress is begun again at once, however often; the task's own tries are for those
    that got nowhere.
    """
    store = Bench.of(runtime).store
    if done := await asyncio.to_thread(step.recall, given, store):
        return done
    while True:
        before = await asyncio.to_thread(step.progress, given, store)
        try:
            asked = {"given": given, "runtime": runtime, "key": step.key(given)}
            await children.run_child(child, step.label(given), asked)
            break
        except (DeviceLost, Terminated) as error:
            if await asyncio.to_thread(step.progress, given, store) <= before:
                raise
            log.warning("%s; it resumes", error)
    made = await asyncio.to_thread(step.recall, given, store)
    if made is None:
        raise RuntimeError(
            f"{step.label(given)} has ended, but {store.url} has no result under {step.key(given)}; let the study and"
            " its workers use one store, one version of charrec and one backend of Keras."
        )
    return made.model_copy(update={"cached": False})


async def _by_workers(
    step: Step[Searching, SearchResult],
    given: Searching,
    runtime: Runtime,
    children: Children,
    child: Flow[..., Any],
) -> Outcome[SearchResult]:
    """By as many flow runs at once as have something to do."""
    bench = Bench.of(runtime)
    if done := await asyncio.to_thread(step.recall, given, bench.store):
        return done
    await keep_workers(children, child, given, runtime, bench.store)
    return await asyncio.to_thread(step.run, given, bench)


pack = Patient(PACK, _here_at_once)
precision_as_asked = Patient(PRECISION, _here)
precision = Patient(PRECISION, _by_child, **RESUMED)
train = Patient(TRAIN, _by_child, **RESUMED)
search = Patient(SEARCH, _by_workers)
augment = Patient(AUGMENT, _on_device, **RESUMED)
predict = Patient(PREDICT, _on_device, **RESUMED)
evaluate = Patient(EVALUATE, _here)
report = Patient(REPORT, _here)
judge = Patient(JUDGE, _on_device, **RESUMED)
