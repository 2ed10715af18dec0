"""One process per device, which loads its framework once and dies with its parent."""

import logging
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from charrec.hardware import gpu_names
from charrec.study import Runtime

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

POLL = 1.0  # seconds between two looks for the parent
LOG_FORMAT = "%(asctime)s | %(levelname)-7s | %(message)s"


class DeviceLost(RuntimeError):
    """A device's process ended in the middle of a step; what it had stored stays, a retry goes on from there."""


class Devices:
    """The devices of this machine, each a process that runs one step at a time. Use it in a `with` block."""

    def __init__(self, runtime: Runtime) -> None:
        names = gpu_names()
        if runtime.devices == "gpu" and not names:
            raise ValueError("found no GPU; expected one for devices='gpu'. Check nvidia-smi, or use devices='cpu'.")
        use_gpus = bool(names) and runtime.devices != "cpu"
        self.environments = [
            {"CUDA_VISIBLE_DEVICES": str(index)} for index in range(len(names) if use_gpus else 0)
        ] or [{"CUDA_VISIBLE_DEVICES": ""}]
        count = runtime.workers or len(self.environments)
        self.environments = [self.environments[i % len(self.environments)] for i in range(count)]

    def __len__(self) -> int:
        return len(self.environments)

    def __enter__(self) -> Self:
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._pools: list[ProcessPoolExecutor | None] = [None] * len(self)
        self._closed = False
        for slot in range(len(self)):
            self._free.put(slot)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        for pool in self._pools:
            if pool:
                for process in list(pool._processes.values()):  # a step in the middle is not worth waiting for
                    process.terminate()
                pool.shutdown(cancel_futures=True)

    def run(self, step: Callable[Given, Answer], *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        """The step's answer from the first device that is free. Raises DeviceLost if its process was killed."""
        slot = self._free.get()
        try:
            if self._closed:
                raise DeviceLost("the study has ended")
            pool = self._pools[slot] or self._start(slot)
            return pool.submit(step, *args, **kwargs).result()
        except BrokenProcessPool as error:
            self._pools[slot] = None
            raise DeviceLost(
                "a device's process was killed, perhaps for want of memory; its finished epochs are stored"
            ) from error
        finally:
            self._free.put(slot)

    def _start(self, slot: int) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(
            max_workers=1,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(self.environments[slot], os.getpid()),
        )
        self._pools[slot] = pool
        return pool


def _begin(environment: dict[str, str], parent: int) -> None:
    """Set the process up before a framework is imported."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    os.environ.update(environment)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, datefmt="%H:%M:%S")
    logging.getLogger("absl").setLevel(logging.WARNING)
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: int) -> None:
    """End this process soon after its parent did, however that ended."""
    while os.getppid() == parent:
        time.sleep(POLL)
    os._exit(1)
