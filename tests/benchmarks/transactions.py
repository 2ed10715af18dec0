"""What a search's transactions cost, alone and in a crowd: `python tests/benchmarks/transactions.py`.

Workers whose trials only sleep, each a process (64 threads would measure Python's lock), at one search on a folder and
on the tests' S3 server, which shares this machine's cores with them. Prints the table of docs/sweep.md.
"""

import argparse
import os
import random
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import uuid4

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

from charrec.machine.provenance import this_machine
from charrec.storage import Conflict, Store, open_store
from charrec.storage.patience import PatientStore
from charrec.study import Search
from charrec.sweep.document import parsed
from charrec.sweep.heartbeat import Heartbeat, Terms, reap
from charrec.sweep.transaction import transact
from charrec.tuning.plan import Sweep
from tests import s3_server
from tests.benchmarks.simulator import score
from tests.sweep.driving import oracle_of
from tests.toy import SEARCH_RECIPE

SEARCH = Search(max_epochs=81, factor=3)  # 211 trials, up to 81 of them at once
TERMS = Terms(poll=1)


class Place(NamedTuple):
    name: str
    url: str
    endpoint: str | None


@dataclass
class Tally:
    """What one worker did."""

    seconds: list[float] = field(default_factory=list)  # of each transaction that changed the search
    conflicts: list[int] = field(default_factory=list)  # of the same
    counts: Counter[str] = field(default_factory=Counter)
    began: float = 0.0  # by the machine's monotonic clock
    ended: float = 0.0


class CountingStore:
    """The store, and what happens at the search's document."""

    def __init__(self, store: Store, document: str, counts: Counter[str]) -> None:
        self.store, self.document, self.counts = store, document, counts

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)
        return partial(self.call, name, method) if callable(method) and name != "now" else method

    def call(self, name: str, method: Callable[..., Any], key: str, *rest: Any) -> Any:
        self.counts["requests"] += 1
        try:
            answer = method(key, *rest)
        except Conflict:
            self.counts["conflicts"] += key == self.document
            raise
        if key == self.document:
            self.counts["swaps"] += name in ("swap", "create")
            self.counts["bytes"] += len(rest[0] if rest else answer[0] if name == "read" else answer)
        return answer


def work(place: Place, sweep: Sweep, seconds: tuple[float, float], _number: int) -> Tally:
    """A worker as charrec.sweep.worker has it, without the training."""
    tally = Tally()
    counting = CountingStore(open_store(place.url, endpoint=place.endpoint), sweep.oracle, tally.counts)
    store: Store = PatientStore(counting, TERMS.outage)
    oracle = oracle_of(sweep.search, sweep.recipe.seed)

    def ask(operation: Callable[[], Any]) -> Any:
        start, swaps, conflicts = time.perf_counter(), tally.counts["swaps"], tally.counts["conflicts"]
        answer = transact(store, sweep.oracle, oracle, operation)
        if tally.counts["swaps"] > swaps:
            tally.seconds.append(time.perf_counter() - start)
            tally.conflicts.append(tally.counts["conflicts"] - conflicts)
        return answer

    def take() -> Any:
        reap(store, sweep, oracle, TERMS)
        return oracle.take(heart.worker)

    with together(), Heartbeat(store, sweep, TERMS) as heart:
        START.wait()
        tally.began = time.monotonic()
        while (given := ask(take)) != "STOPPED":
            if given == "IDLE":
                time.sleep(TERMS.poll * random.uniform(0.5, 1.5))
                continue
            heart.hold(given)
            time.sleep(slept := random.uniform(*seconds))
            heart.step(given.epochs, 0)  # raises where the lease is lost: nobody may lose one here
            value = score(0, given.configuration, given.epochs)
            assert ask(lambda given=given, value=value, slept=slept: oracle.complete(given, value, slept))
            heart.hold(None)
        tally.ended = time.monotonic()
    return tally


START: Barrier  # of a worker's process: all begin at once


def share(barrier: Barrier) -> None:
    global START
    START = barrier


@contextmanager
def together() -> Iterator[None]:
    """A worker that fails before the start takes the others with it; they would wait for ever."""
    try:
        yield
    except BaseException:
        traceback.print_exc()
        START.abort()
        raise


def row(place: Place, workers: int, seconds: tuple[float, float]) -> str:
    """A whole search by so many workers, as a row of the table."""
    sweep = Sweep(key=uuid4().hex, search=SEARCH, recipe=SEARCH_RECIPE)
    context = get_context("fork")  # Keras is imported, and nothing has been computed
    began, busy = time.monotonic(), busy_seconds()
    with ProcessPoolExecutor(workers, context, share, (context.Barrier(workers),)) as pool:
        tallies = list(pool.map(partial(work, place, sweep, seconds), range(workers)))
    cores = (busy_seconds() - busy) / (time.monotonic() - began)
    store = open_store(place.url, endpoint=place.endpoint)
    document = parsed(store.get(sweep.oracle), place.url)
    assert all(record.status == "COMPLETED" for record in document.trials.values())
    trials, wall = len(document.trials), max(t.ended for t in tallies) - min(t.began for t in tallies)
    took, conflicts = [one for t in tallies for one in t.seconds], [one for t in tallies for one in t.conflicts]
    counts = sum((tally.counts for tally in tallies), Counter())
    size = {entry.key: entry.size for entry in store.list(f"{sweep.key}/")}
    cells = {
        "store": place.name,
        "trial, s": f"{seconds[0]:g}-{seconds[1]:g}",
        "workers": workers,
        "search, s": f"{wall:.0f}",
        "transactions per trial": f"{len(took) / trials:.2f}",
        "conflicts per trial": f"{sum(conflicts) / trials:.2f}",
        "most in a row": max(conflicts),
        "median, ms": f"{1000 * median(took):.0f}",
        "95 %, ms": f"{1000 * quantiles(took, n=20)[-1]:.0f}",
        "most, ms": f"{1000 * max(took):.0f}",
        "cores busy": f"{cores:.1f}",
        "requests per trial": f"{counts['requests'] / trials:.0f}",
        "kB moved per trial": f"{counts['bytes'] / trials / 1000:.0f}",
        "oracle.json, kB": f"{size[sweep.oracle] / 1000:.1f}",
        "state per trial, bytes": f"{sum(size.values()) / trials:.0f}",
    }
    assert tuple(cells) == HEAD
    return f"| {' | '.join(map(str, cells.values()))} |"


HEAD = (
    "store", "trial, s", "workers", "search, s", "transactions per trial", "conflicts per trial", "most in a row",
    "median, ms", "95 %, ms", "most, ms", "cores busy", "requests per trial", "kB moved per trial", "oracle.json, kB",
    "state per trial, bytes",
)  # fmt: skip


def busy_seconds() -> float:
    """Of all cores of this machine, by whomever (proc(5))."""
    user, nice, system = (int(ticks) for ticks in Path("/proc/stat").read_text().split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def oracle_alone() -> str:
    """The same search by one worker with the document in memory: no store, no rival."""
    oracle, data, took = oracle_of(SEARCH, SEARCH_RECIPE.seed), b"", []

    def step(operation: Callable[[], Any]) -> Any:
        nonlocal data
        start = time.perf_counter()
        if data:
            oracle.load(parsed(data, "memory"))
        before = oracle.dump()
        answer = operation()
        if oracle.dump() != before:
            oracle.transactions.append(uuid4().hex[:12])
            data = oracle.dump().model_dump_json().encode()
            took.append(time.perf_counter() - start)
        return answer

    while (given := step(lambda: oracle.take("worker"))) != "STOPPED":
        value = score(0, given.configuration, given.epochs)
        step(lambda given=given, value=value: oracle.complete(given, value, 1.0))
    return (
        f"The oracle's own work in a transaction, in memory: median {1000 * median(took):.1f} ms,"
        f" 95 % {1000 * quantiles(took, n=20)[-1]:.1f} ms, of the {len(took)} of a search of {len(took) // 2} trials."
    )


@contextmanager
def places(wanted: list[str]) -> Iterator[list[Place]]:
    """A folder and a bucket of a server of its own."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        found = [Place("folder", str(Path(folder, "store")), None)] if "folder" in wanted else []
        if "s3" not in wanted:
            yield found
            return
        s3_server.use_test_credentials(patch)
        with s3_server.running("ministack", Path(folder)) as endpoint:
            yield [*found, Place("S3", f"s3://{s3_server.BUCKET}", endpoint)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--seconds", type=float, nargs=2, default=[0.2, 0.5], help="that a trial takes")
    parser.add_argument("--stores", nargs="+", choices=["folder", "s3"], default=["folder", "s3"])
    asked = parser.parse_args()
    machine = this_machine()
    print(f"{machine.cpu}, {machine.cores} cores\n\n{oracle_alone()}\n")
    print(f"| {' | '.join(HEAD)} |\n{'|---' * len(HEAD)}|")
    with places(asked.stores) as stores:
        for place in stores:
            for workers in asked.workers:
                print(row(place, workers, tuple(asked.seconds)), flush=True)


if __name__ == "__main__":
    main()
