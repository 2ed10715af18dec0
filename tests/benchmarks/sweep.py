"""The same small search by 1, 2 and 4 workers, and by Keras Tuner's own chief and workers; then each loses a worker.

`python -m tests.benchmarks.sweep [ours] [stock] [memory] [overhead]`: the deck's 30 trials and 120 epochs of network 4,
on a few images, so that the time is the search's rather than the networks'.
"""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from charrec.storage import open_store
from charrec.study import FULL, Search
from charrec.sweep.heartbeat import Terms
from charrec.training.recipe import Arrays, Recipe
from charrec.tuning.plan import Sweep
from tests.toy import toy_arrays

KILL_AFTER = 12.0  # seconds, then as soon as it has a trial
LIMIT = 240  # seconds; a search that hangs is ended
LEASE = 15.0
LONG = Search(max_epochs=81, factor=3)  # 211 trials
SWEEP = Sweep(
    key="sweep",
    search=FULL.search,
    recipe=Recipe(
        model="model_4", network=None, seed=5, batch_size=8, image_size=32, image_channels=1, precision="float32"
    ),
)


def small_arrays() -> Arrays:
    """40 steps an epoch."""
    return toy_arrays(320, 80)


# Ours


def our_worker(folder: Path, sweep: Sweep = SWEEP) -> None:
    from charrec.tuning.work import work

    work(open_store(str(folder / "store")), sweep, small_arrays(), terms=Terms(lease=LEASE, poll=1))


def our_table(folder: Path) -> list[str]:
    from charrec.tuning.outcome import result

    found = result(open_store(str(folder / "store")), SWEEP, len(small_arrays().training))
    return [f"{row.configuration} {row.epochs} {row.val_accuracy} {row.state}" for row in found.trials]


def our_holds(folder: Path, pid: int, role: str) -> bool:
    """Whether a worker has a trial."""
    state = next(folder.glob("store/**/oracle.json"), None)
    return state is not None and any(
        f"-{pid}-" in lease["worker"] for lease in json.loads(state.read_text())["leases"].values()
    )


# Keras Tuner's own


def stock_worker(
    folder: Path, search: Search = FULL.search, arrays: Arrays | None = None, callbacks: Sequence[Any] = ()
) -> None:
    """What its guide to distributed tuning says: the same script for the chief and every worker."""
    import keras
    import keras_tuner as kt
    import numpy as np

    from charrec.alphabet import CLASSES
    from charrec.models.model_4 import model_4
    from charrec.tuning.space import SPACE, propose

    arrays = arrays or small_arrays()

    def model(hp: Any) -> Any:
        values = {name: hp.Choice(name, list(choices), ordered=True) for name, choices in SPACE.items()}
        network = model_4((32, 32, 1), len(CLASSES), net=propose(values))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        network.compile(optimizer=keras.optimizers.Adam(), loss=loss, metrics=["accuracy"])
        return network

    tuner = kt.Hyperband(
        model, objective="val_accuracy", max_epochs=search.max_epochs, factor=search.factor, seed=6,
        directory=str(folder), project_name="search",
    )  # fmt: skip
    sets = [
        (np.asarray(arrays.images[part][..., None]), arrays.labels[part])
        for part in (arrays.training, arrays.validation)
    ]
    tuner.search(*sets[0], batch_size=8, validation_data=sets[1], verbose=0, callbacks=list(callbacks))


def stock_table(folder: Path) -> list[str]:
    states = [json.loads(path.read_text()) for path in folder.rglob("trial.json")]
    return [f"{state['trial_id']} {state['score']} {state['status']}" for state in states]


def stock_holds(folder: Path, pid: int, role: str) -> bool:
    """Whether a worker has a trial."""
    state = folder / "search" / "oracle.json"
    return state.exists() and role in json.loads(state.read_text())["ongoing_trials"]


# Both


@contextmanager
def processes(kind: str, count: int, folder: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """`count` workers, and what else the kind needs, first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    roles = ["chief"] if kind == "stock" and count > 1 else []
    roles += [f"worker{number}" for number in range(count)]
    started = []
    for role in roles:
        shared = {"KERASTUNER_TUNER_ID": role, "KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": port}
        environment = os.environ | (shared if len(roles) > 1 and kind == "stock" else {})
        command = [sys.executable, "-m", "tests.benchmarks.sweep", f"{kind}_worker", folder]
        log = (folder / f"{role}.log").open("wb")
        started.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def timed(
    kind: str, count: int, table: Callable[[Path], list[str]], holds: Callable[[Path, int, str], bool] | None = None
) -> list[str]:
    """How long it took, what became of the trials; with `holds`, after the kill -9 of a worker that has a trial."""
    folder = Path(tempfile.mkdtemp())
    start = time.perf_counter()
    with processes(kind, count, folder) as started:
        if holds:
            time.sleep(KILL_AFTER)
            while not holds(folder, started[-1].pid, f"worker{count - 1}"):
                assert started[-1].poll() is None, "the search was over before the kill"
                time.sleep(0.1)
            started[-1].send_signal(signal.SIGKILL)
        alive = started[:-1] if holds else started
        while any(process.poll() is None for process in alive) and time.perf_counter() - start < LIMIT:
            time.sleep(0.2)
        seconds = time.perf_counter() - start
        hung = any(process.poll() is None for process in alive)
        exits = [process.poll() for process in alive]
    rows = table(folder)
    done = sum(row.endswith("COMPLETED") for row in rows)
    what = "hung, ended by us" if hung else f"exit codes {exits}"
    print(
        f"| {kind} | {count} | {'one killed in a trial' if holds else ''} | {seconds:.0f} | {done} of 30 | {what} |",
        flush=True,
    )
    shutil.rmtree(folder)
    return rows


def overhead() -> None:
    """What a trial costs beyond its steps, one after the other in one process."""
    from charrec.sweep import worker
    from charrec.training.checkpoints import read_progress
    from charrec.tuning.outcome import result

    spent = {"attempt": 0.0, "ask": 0.0}

    def time_method(name: str) -> None:
        method = getattr(worker._Worker, name)

        def timed_method(self: Any, argument: Any) -> Any:
            begun = time.perf_counter()
            try:
                return method(self, argument)
            finally:
                spent[name] += time.perf_counter() - begun

        setattr(worker._Worker, name, timed_method)

    for name in spent:
        time_method(name)
    folder = Path(tempfile.mkdtemp())
    our_worker(folder)
    store = open_store(str(folder / "store"))
    trials = result(store, SWEEP, len(small_arrays().training)).trials
    epochs = sum(trial.seconds for trial in trials)
    steps = sum(
        len(rows) * min(row.seconds for row in rows)  # the first of a trial builds the graph as well
        for number in {trial.configuration for trial in trials}
        if (rows := read_progress(store, SWEEP.training(number)).epochs)
    )
    print("| seconds per trial | of them epochs | of them steps, had none to wait for a graph | all transactions |")
    print("|---|---|---|---|")
    print("|", " | ".join(f"{part / len(trials):.3f}" for part in (spent["attempt"], epochs, steps, spent["ask"])), "|")
    shutil.rmtree(folder)


def memory() -> None:
    """Resident memory after each trial of one process, in a search of 211."""
    from charrec.sweep import worker

    page = os.sysconf("SC_PAGE_SIZE")
    seen = []
    attempt = worker._Worker.attempt

    def measured(self: Any, given: Any) -> None:
        attempt(self, given)
        seen.append(int(Path("/proc/self/statm").read_text().split()[1]) * page / 2**20)

    worker._Worker.attempt = measured  # type: ignore[method-assign]
    our_worker(Path(tempfile.mkdtemp()), SWEEP.model_copy(update={"search": LONG}))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    after = [1, 5, *range(10, 31, 10), *range(60, len(seen), 30), len(seen)]
    print("MiB after trials:", ", ".join(f"{number}: {seen[number - 1]:.0f}" for number in after))
    print(f"peak {peak:.0f} MiB")


def main(words: list[str]) -> None:
    if words and words[0].endswith("_worker"):
        globals()[words[0]](Path(words[1]))
        return
    print("| search | workers | | seconds | trials completed | end |\n|---|---|---|---|---|---|")
    if not words or "ours" in words:
        tables = [timed("our", count, our_table) for count in (1, 2, 4)]
        tables.append(timed("our", 2, our_table, our_holds))
        print("the same trials, scores and ranking:", all(table == tables[0] for table in tables))
    if not words or "stock" in words:
        for count, holds in ((1, None), (2, None), (2, stock_holds)):
            timed("stock", count, stock_table, holds)
    if not words or "memory" in words:
        memory()
    if not words or "overhead" in words:
        overhead()


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main(sys.argv[1:])
