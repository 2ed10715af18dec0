"""Workers as processes of their own, in folders of their own, to be killed.

They are forked from a server that has imported Keras already and computed nothing: a start takes 0.1 s instead of 5.
"""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from charrec.machine.unneeded import leave_out_unneeded
from charrec.storage import Store, open_store
from charrec.storage.folder import FolderStore
from charrec.study import FULL
from charrec.sweep.heartbeat import Terms
from charrec.training.recipe import Arrays
from charrec.tuning.plan import Sweep
from tests.toy import RECIPE, toy_arrays

SWEEP = Sweep(  # the deck's: 30 trials of 22 configurations, 120 epochs
    key="sweep", search=FULL.search, recipe=RECIPE.model_copy(update={"model": "model_4", "seed": 5})
)
TERMS = Terms(lease=5, poll=0.3, losses=30)
PAUSE = 0.02  # seconds after each step, so that most kills hit a training at work


def small_arrays() -> Arrays:
    """Five steps an epoch."""
    return toy_arrays(40, 40)


SLEEPING = "asleep"  # a file in the place of a worker that is

# Moments to die at
UPLOADED = "between upload and commit"
SWAPPING = "inside a swap"
SWAPPED = "after a swap, before its reply"
ASLEEP = "asleep between upload and commit"  # it is frozen there, once, and dies of nothing


class Swarm:
    """Workers at one search in one store; `with` it, or they outlive the test. `pause` counts for those to start."""

    def __init__(
        self, folder: Path, url: str, endpoint: str | None, terms: Terms = TERMS, sweep: Sweep = SWEEP,
        pause: float = PAUSE, fenced: bool = True,
    ) -> None:  # fmt: skip
        self.folder, self.url, self.endpoint, self.terms = folder, url, endpoint, terms
        self.sweep, self.pause, self.fenced = sweep, pause, fenced
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.sweep.preload"])
        self.living: list[BaseProcess] = []
        self.doomed: list[BaseProcess] = []
        self.started = 0
        self.places: dict[BaseProcess, Path] = {}

    def __enter__(self) -> "Swarm":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.living:
            self.kill(process)

    def start(self, death: str | None = None) -> BaseProcess:
        """One more, that kills itself at a chosen moment if there is one."""
        self.started += 1
        place = self.folder / f"worker-{self.started}"
        place.mkdir(parents=True)
        credentials = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        work = Work(place, self.url, self.endpoint, self.sweep, self.terms, death, self.pause, credentials, self.fenced)
        process = self.context.Process(target=run, args=[work])
        process.start()
        self.living.append(process)
        self.places[process] = place
        if death:
            self.doomed.append(process)
        return process

    def kill(self, process: BaseProcess) -> None:
        """kill -9, and wait for the end."""
        assert process.pid
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        self.living = [other for other in self.living if other is not process]

    def freeze(self, process: BaseProcess) -> None:
        """SIGSTOP: not a thread of it runs. Not while it holds a lock of the folder, or it would hold up everybody."""
        assert process.pid
        os.kill(process.pid, signal.SIGSTOP)
        while any(f" {process.pid} " in line for line in Path("/proc/locks").read_text().splitlines()):
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(0.02)
            os.kill(process.pid, signal.SIGSTOP)

    def asleep(self, process: BaseProcess) -> bool:
        """Whether one that was to fall asleep has; then it is frozen. By itself it might stop while it holds a lock."""
        if not (self.places[process] / SLEEPING).exists():
            return False
        self.freeze(process)
        return True

    def wake(self, process: BaseProcess) -> None:
        assert process.pid
        (self.places[process] / SLEEPING).unlink(missing_ok=True)
        os.kill(process.pid, signal.SIGCONT)

    def at_work(self) -> list[BaseProcess]:
        """Those that have not come to the end."""
        return [process for process in self.living if process.is_alive()]

    def victims(self) -> list[BaseProcess]:
        """Those that will not kill themselves."""
        return [process for process in self.at_work() if process not in self.doomed]

    def deaths(self) -> set[str]:
        """What those died of that killed themselves."""
        return {path.read_text() for path in self.folder.rglob("died")}

    def said(self) -> str:
        """All logs, for a test that fails."""
        return "\n".join(f"--- {path}\n{path.read_text()[-3000:]}" for path in sorted(self.folder.rglob("log")))


class Work(NamedTuple):
    """What a worker's process is told."""

    place: Path
    url: str
    endpoint: str | None
    sweep: Sweep
    terms: Terms
    death: str | None
    pause: float
    environment: dict[str, str]
    fenced: bool


def run(told: Work) -> None:
    """A worker's process."""
    os.chdir(told.place)
    os.environ.update(told.environment)
    redirect(told.place / "output")
    logging.basicConfig(filename=told.place / "log", level=logging.INFO, format="%(asctime)s %(message)s", force=True)
    leave_out_unneeded()
    import keras

    from charrec.machine.termination import until_terminated
    from charrec.tuning.work import work
    from tests.kills.unfenced import unfence

    def pace(_title: str, _epoch: int, _epochs: int) -> Any:
        return keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: time.sleep(told.pause))

    if not told.fenced:
        unfence()
    store = open_store(told.url, endpoint=told.endpoint)
    with until_terminated() as stop:
        mine = Doomed(store, told.death) if told.death else store
        ending = work(mine, told.sweep, small_arrays(), pace, stop, told.terms)
    (told.place / "ending").write_text(ending)


class Doomed:
    """A store whose user is killed at the worst moment: its process ends by kill -9, as a machine does."""

    def __init__(self, store: Store, death: str) -> None:
        self.store, self.death, self.uploaded = store, death, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def upload(self, path: Path, key: str) -> str:
        self.uploaded = True
        return self.store.upload(path, key)

    def swap(self, key: str, data: bytes, version: str) -> str:
        self.before_commit(key)
        if self.death == SWAPPING and self.uploaded and key.endswith("oracle.json"):
            if isinstance(self.store, FolderStore):
                self.store._admit = Dying(self.store._admit)  # type: ignore[method-assign]
            else:
                threading.Timer(0.003, die, [self.death]).start()  # the request is on its way
        version = self.store.swap(key, data, version)
        if self.death == SWAPPED and key.endswith("oracle.json"):
            die(self.death)
        return version

    def put(self, key: str, data: bytes) -> None:
        self.before_commit(key)
        self.store.put(key, data)

    def before_commit(self, key: str) -> None:
        if self.uploaded and key.endswith("progress.json"):
            if self.death == UPLOADED:
                die(self.death)
            if self.death == ASLEEP:
                self.death = ""
                sleeping = Path(SLEEPING)
                sleeping.touch()
                while sleeping.exists():
                    time.sleep(0.01)


class Dying:
    """FolderStore's first step of three: it is done, the others never are."""

    def __init__(self, admit: Callable[..., None]) -> None:
        self.admit = admit

    def __call__(self, *args: Any) -> None:
        self.admit(*args)
        die(SWAPPING)


def die(of: str) -> None:
    Path("died").write_text(of)
    os.kill(os.getpid(), signal.SIGKILL)


def redirect(path: Path) -> None:
    """TensorFlow's own words, which no logger sees."""
    with path.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
