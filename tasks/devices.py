"""Processes on the devices, by default one each. They load their framework once and die with their parent."""

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from importlib import import_module
from types import TracebackType
from typing import Any, ParamSpec, Protocol, Self, TypeVar

from prefect import Flow, get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.context import TaskRunContext
from prefect.exceptions import PrefectHTTPStatusError
from prefect.logging.configuration import setup_logging

from charrec.errors import InputError
from charrec.machine.backend import backend, require_backend
from charrec.machine.greetings import drop_greetings
from charrec.machine.hardware import gpus
from charrec.machine.unneeded import leave_out_unneeded
from charrec.memo.outcome import Outcome, Value, outcome_of
from charrec.memo.step import Bench, Given, Step, declared
from charrec.storage.backoff import waits
from charrec.study import Runtime
from tasks.errors import DeviceLost
from tasks.explained import hide_links, hide_tracebacks
from tasks.loopback import prefect_at
from tasks.naming import current_tags

Args = ParamSpec("Args")
Answer = TypeVar("Answer")

log = logging.getLogger(__name__)

LEARNING = 20.0  # seconds until Prefect's server has heard of a task
PUTTING_AWAY = 10.0  # seconds that a training has to store itself
NONE = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}  # JAX's CUDA, where it sees a driver, insists on a GPU
SPENT = "spent"  # what a child returns to have the next one run in a fresh process


class Children(Protocol):
    """Runs the flows that a study starts: on this machine's devices, or on a work pool."""

    def __len__(self) -> int:
        """Most sweep workers at once."""

    async def run_child(self, child: Flow[..., Any], name: str, parameters: dict[str, Any]) -> None:
        """Run the flow to its end under this name, as a child of the current flow run."""


class Devices:
    """Processes on this machine's devices, each of which runs one step at a time. Use it in a `with` block."""

    def __init__(self, runtime: Runtime) -> None:
        found = () if runtime.devices == "cpu" else gpus()
        if runtime.devices == "gpu" and not found:
            raise InputError(
                "no GPU is visible", "one, as asked by --devices gpu", "See nvidia-smi, or choose --devices cpu."
            )
        environments = [{"CUDA_VISIBLE_DEVICES": gpu.visible_as} for gpu in found] or [NONE]
        count = runtime.workers or len(environments) * runtime.workers_per_device
        self.environments = [environments[i % len(environments)] for i in range(count)]

    def __len__(self) -> int:
        return len(self.environments)

    def __enter__(self) -> Self:
        self._free: asyncio.Queue[int] = asyncio.Queue()
        self._pools: list[ProcessPoolExecutor | None] = [None] * len(self)
        self._asked: set[int] = set()  # slots that have been given something to do
        self._closed = False
        for slot in range(len(self)):
            self._free.put_nowait(slot)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        started = {slot: pool for slot, pool in enumerate(self._pools) if pool}
        processes = [(slot, process) for slot, pool in started.items() for process in pool._processes.values()]
        for slot, process in processes:  # a training stores what it has, anything else ends at once
            end = process.terminate if slot in self._asked else process.kill
            end()
        deadline = time.monotonic() + PUTTING_AWAY
        for _, process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
        for pool in started.values():
            pool.shutdown(cancel_futures=True)

    def start(self) -> None:
        """Have every device load its framework, 6 s of a core, before a step asks for it."""
        for slot in range(len(self)):
            if self._pools[slot] is None:
                self._begin(slot, _load)  # if that fails, the first step says why

    async def run(self, call: Callable[Args, Answer], *args: Args.args, **kwargs: Args.kwargs) -> Answer:
        """The call's answer from the first free device.

        Raises DeviceLost if its process was killed, CancelledError once the `with` block is left.
        """
        slot = await self._free.get()
        self._asked.add(slot)
        try:
            answer = await asyncio.wrap_future(self._begin(slot, call, *args, **kwargs))
            if answer == SPENT and (pool := self._pools[slot]):
                pool.shutdown(wait=False)
                self._pools[slot] = None
            return answer
        except BrokenProcessPool as error:
            if self._closed:
                raise CancelledError("the study has ended") from None
            self._pools[slot] = None
            raise DeviceLost(
                "a device's process was killed, perhaps for want of memory; its finished epochs are stored"
            ) from error
        finally:
            self._free.put_nowait(slot)

    async def run_step(self, step: Step[Given, Value], given: Given, runtime: Runtime) -> Outcome[Value]:
        """Run a step on the first free device."""
        text = await self.run(_run_step, step.module, given.model_dump_json(), runtime.model_dump_json())
        return outcome_of(step.result).model_validate_json(text)

    async def run_child(self, child: Flow[..., Any], name: str, parameters: dict[str, Any]) -> None:
        """Run the flow on the first free device, as a child of the current flow run.

        It uses the same Prefect server, dies with this process, and raises its own exception here.
        """
        async with get_client() as client:
            run = await _created(client, child, name, parameters)
            server = str(client.api_url)
        await self.run(_run_child, child.fn.__module__, child.fn.__name__, run, parameters, server)

    def _begin(
        self, slot: int, call: Callable[Args, Answer], *args: Args.args, **kwargs: Args.kwargs
    ) -> Future[Answer]:
        if self._closed:
            raise CancelledError("the study has ended")
        pool = self._pools[slot] or self._start(slot)
        with _without_interrupts():
            return pool.submit(call, *args, **kwargs)

    def _start(self, slot: int) -> ProcessPoolExecutor:
        pool = self._pools[slot] = ProcessPoolExecutor(
            max_workers=1,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_prepare,
            initargs=(self.environments[slot],),
        )
        return pool


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """A process that begins meanwhile is deaf to Ctrl-C while it imports, and shows no traceback of that."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare(environment: dict[str, str]) -> None:
    """Set the process up before a framework is imported."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})  # blocked until here by the parent
    threading.Thread(target=_die_with_parent, daemon=True).start()
    os.environ.update(environment)
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # as nvidia-smi counts
    drop_greetings()
    leave_out_unneeded()
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    setup_logging()
    logging.getLogger("charrec").setLevel(logging.INFO)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it counts the networks of a search


async def _created(client: PrefectClient, child: Flow[..., Any], name: str, parameters: dict[str, Any]) -> FlowRun:
    """Create the child's run below the current task; the server learns of tasks a moment later than of flows."""
    parent = TaskRunContext.get()
    task = parent.task_run.id if parent else None
    create = partial(client.create_flow_run, child, parameters=parameters, name=name, tags=current_tags())
    for wait in waits(0.1, 1.0, total=LEARNING if task else 0.0):
        try:
            return await create(parent_task_run_id=task)
        except PrefectHTTPStatusError as error:
            if error.response.status_code != HTTPStatus.CONFLICT:
                raise
        await asyncio.sleep(wait)
    if task:
        log.warning("Prefect's server does not know the task of %s, which will stand alone in its UI", name)
    return await create()


def _load() -> None:
    """Import Keras, without building anything."""
    require_backend(backend())


def _run_step(module: str, given: str, runtime: str) -> str:
    """Run a step in a device's process; only JSON crosses."""
    step = declared(module)
    bench = Bench.of(Runtime.model_validate_json(runtime))
    return step.run(step.given.model_validate_json(given), bench).model_dump_json()


def _run_child(module: str, name: str, run: FlowRun, parameters: dict[str, Any], server: str) -> str | None:
    """Run a flow in a device's process; its answer, if it is SPENT."""
    from prefect.flow_engine import run_flow

    hide_tracebacks()
    hide_links()
    with prefect_at(server):
        answer = run_flow(getattr(import_module(module), name), run, parameters)
    return SPENT if answer == SPENT else None


def _die_with_parent() -> None:
    """End this process when its parent ends, for whatever reason: their pipe breaks."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
