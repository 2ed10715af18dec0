"""What more workers need of the search's object, of the store and of Prefect's server: the tables of docs/scaling.md.

`.venv/bin/python -m tests.benchmarks.scaling workers swaps checkpoints server study`: any of them, each a table or two.
`workers` and `swaps` are simulated and repeat to the last digit; the others are measured on a stack of their own.
"""

import argparse
import asyncio
import os
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from heapq import heapify, heappop, heappush
from itertools import count, pairwise
from pathlib import Path
from statistics import fmean, median, quantiles
from tempfile import TemporaryDirectory
from threading import Thread
from typing import NamedTuple
from urllib.parse import urlsplit

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from charrec.storage.change import ATTEMPTS, FIRST, LONGEST
from charrec.study import FULL, Search
from charrec.sweep.schedule import schedule
from tests.benchmarks.simulator import Fleet

# How many workers pay off


def workers(seeds: int = 20) -> Iterator[str]:
    """FULL's search with epochs as long as the deck's on a P100 and as model 4's on 2 idle cores."""
    from tests.benchmarks.simulate import measure

    yield head("s an epoch", "workers", "hours", "speed-up", "idle", "worker-hours")
    for epoch in (28.0, 93.0):
        alone = 0.0
        for number in (1, 2, 4, 8, 16, 22):
            found = measure(Fleet(search=FULL.search, epoch=epoch, workers=number), seeds)
            alone = alone or found.minutes
            speed = f"{alone / found.minutes:.1f}"
            hours = f"{found.minutes / 60:.2f} ± {found.deviation / 60:.2f}"
            yield row(f"{epoch:.0f}", number, hours, speed, f"{100 * found.idle:.0f} %", f"{found.held:.2f}")
    yield ""
    yield head("max_epochs", "configurations: the most workers with something to do", "trials", "epochs")
    for most in (10, 27, 81, 243):
        rungs = schedule(Search(max_epochs=most))
        first = sum(rung.trials for rung in rungs if rung.rung == 0)
        epochs = sum(rung.trials * (rung.epochs - rung.first) for rung in rungs)
        yield row(most, first, sum(rung.trials for rung in rungs), epochs)


# One object's swaps


class Swapped(NamedTuple):
    """What the transactions of a simulated search took; seconds and conflicts of each."""

    seconds: list[float]
    conflicts: list[int]
    rate: float  # transactions per second
    given_up: int


class Attempt(NamedTuple):
    """Where a worker's transaction is; the queue's order is that of the first two."""

    at: float
    order: int
    worker: int
    what: str  # "begin", "read" or "swap"
    began: float
    conflicts: int = 0
    seen: int = 0  # version


def swap_rate(number: int, trial: tuple[float, float], latency: float, own: float, transactions: int) -> Swapped:
    """So many workers with trials of so many seconds and two transactions after each, as charrec.sweep.transaction.

    A store answers after `latency`, and reads or writes in the middle of it; `own` is the oracle's work between the
    two. All begin at once, and there is always another trial: the most that so many workers can ask for.
    """
    rng, order, version = random.Random(0), count(), 0
    seconds, conflicts, given_up, now = list[float](), list[int](), 0, 0.0
    to_do = [1] * number  # transactions until the next trial
    queue = [Attempt(rng.uniform(0, latency), next(order), worker, "begin", 0.0) for worker in range(number)]
    heapify(queue)
    while len(seconds) < transactions:
        one = heappop(queue)
        now, answered = one.at, one.at + latency / 2
        if one.what == "begin":
            began = one.began if one.conflicts else now
            after = one._replace(at=answered, what="read", began=began)
        elif one.what == "read":
            after = one._replace(at=answered + own + latency / 2, what="swap", seen=version)
        elif one.seen != version and one.conflicts + 1 < ATTEMPTS:
            pause = rng.uniform(0, min(LONGEST, FIRST * 2**one.conflicts))
            after = one._replace(at=answered + pause, what="begin", conflicts=one.conflicts + 1)
        else:
            given_up += one.seen != version
            version += one.seen == version
            seconds.append(answered - one.began)
            conflicts.append(one.conflicts)
            to_do[one.worker] -= 1
            rest = 0.0
            if not to_do[one.worker]:  # a trial, then its end and the next one's beginning
                rest, to_do[one.worker] = rng.uniform(*trial), 2
            after = Attempt(answered + rest, 0, one.worker, "begin", 0.0)
        heappush(queue, after._replace(order=next(order)))
    return Swapped(seconds, conflicts, len(seconds) / now, given_up)


def swaps() -> Iterator[str]:
    """First what docs/sweep.md has measured, to compare; then more workers, and a store that is farther away."""
    yield head("trial, s", "latency, ms", "workers", "transactions/s", "wanted", "conflicts per trial", "most in a row",
              "median, ms", "95 %, s", "most, s", "gave up")  # fmt: skip
    cases = [((0.2, 0.5), 0.002, (16, 64)), ((10.0, 30.0), 0.004, (64,))]
    cases += [((60.0, 180.0), latency, (10, 100, 1000)) for latency in (0.01, 0.03, 0.1)]
    cases += [((5.0, 15.0), 0.03, (10, 100, 1000))]
    for trial, latency, numbers in cases:
        for number in numbers:
            found = swap_rate(number, trial, latency, 0.003, max(2000, 12 * number))
            wanted = 2 * number / fmean(trial)
            yield row(f"{trial[0]:g}-{trial[1]:g}", f"{1000 * latency:g}", number, f"{found.rate:.1f}",
                      f"{wanted:.1f}", f"{2 * fmean(found.conflicts):.2f}", max(found.conflicts),
                      f"{1000 * median(found.seconds):.0f}", f"{quantiles(found.seconds, n=20)[-1]:.2f}",
                      f"{max(found.seconds):.1f}", found.given_up)  # fmt: skip


# What goes through the wire


class Wire:
    """A proxy of one HTTP server that counts requests and bytes; it changes nothing."""

    LINE = re.compile(rb"(?:^|\n|(?<=\}))(GET|PUT|POST|HEAD|DELETE|PATCH) (/[^ \r\n]*) HTTP/1\.1\r\n")

    def __init__(self, upstream: str) -> None:
        self.host, self.upstream_port = urlsplit(upstream).hostname or "", urlsplit(upstream).port or 80
        self.requests: Counter[str] = Counter()
        self.sent = self.received = 0  # bytes, by the clients
        self.loop = asyncio.new_event_loop()
        server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0, limit=1 << 20))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        Thread(target=self.loop.run_forever, daemon=True).start()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self.host, self.upstream_port)

        async def up() -> None:
            async for data in chunks(reader):
                self.sent += len(data)
                self.requests.update(shape(*match.groups()) for match in self.LINE.finditer(data))
                back.write(data)
                await back.drain()
            back.close()

        async def down() -> None:
            async for data in chunks(there):
                self.received += len(data)
                writer.write(data)
                await writer.drain()
            writer.close()

        await asyncio.gather(up(), down(), return_exceptions=True)

    @property
    def now(self) -> tuple[int, int, int]:
        """Requests, bytes sent, bytes received."""
        return self.requests.total(), self.sent, self.received


async def chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while data := await reader.read(1 << 18):
        yield data


def shape(method: bytes, path: bytes) -> str:
    """A request without its ids."""
    plain = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", urlsplit(path.decode()).path)
    if plain.startswith("/api/"):
        return f"{method.decode()} {plain}"
    listed = b"list-type" in path
    return "LIST" if listed else method.decode()


def checkpoints() -> Iterator[str]:
    """Each network at 128 px: an epoch of 64 images, then two more by another process's place, resumed."""
    import boto3

    from charrec.alphabet import CLASSES
    from charrec.models import DECK
    from charrec.models.convnet import ConvNet
    from charrec.reference import SEARCH_CHOSEN
    from charrec.storage import open_store
    from charrec.training.recipe import Arrays, Recipe
    from charrec.training.train import train
    from charrec.tuning.space import SPACE
    from infra.local.s3 import BUCKET, KEYS, S3

    os.environ.update(KEYS)
    extremes = [(f"4, {word}", ConvNet.model_validate({k: pick(v) for k, v in SPACE.items()}))
                for word, pick in (("least", min), ("most", max))]  # fmt: skip
    networks = [(model[-1], ConvNet.model_validate(SEARCH_CHOSEN) if model == "model_4" else None) for model in DECK]
    rng, every = np.random.default_rng(0), np.arange(64)
    data = Arrays(rng.integers(0, 256, (64, 128, 128), np.uint8), rng.integers(0, len(CLASSES), 64), every, every)
    yield head("network", "parameters", "checkpoint, MB", "sent an epoch, MB", "requests an epoch",
              "received to resume, MB", "requests to resume", "progress.json after 15 epochs, bytes")  # fmt: skip
    with TemporaryDirectory() as folder:
        server = S3(Path(folder))
        try:
            server.start(dict(os.environ))
            server.wait(60)
            boto3.setup_default_session()
            wire = Wire(server.endpoint)
            for name, network in [*networks, *extremes]:
                recipe = Recipe(model=f"model_{name[0]}", network=network, seed=0, batch_size=64, image_size=128,
                                image_channels=1, precision="float32")  # fmt: skip
                key, store = f"trainings/{name.replace(', ', '-')}", open_store(f"s3://{BUCKET}", endpoint=wire.url)
                moments = [wire.now]
                for epochs in (1, 3, 3 + 12):
                    progress = train(recipe, data, epochs, store, key)
                    moments.append(wire.now)
                size = {entry.key: entry.size for entry in store.list(f"{key}/")}
                assert progress.last
                epoch, resumed = [], []
                for _, two, twelve in ([b - a for a, b in pairwise(each)] for each in zip(*moments, strict=True)):
                    epoch.append((twelve - two) / 10)  # each after a resumption
                    resumed.append(two - 2 * epoch[-1])
                yield row(name, f"{progress.parameters:,}", f"{size[progress.last.key] / 1e6:.2f}",
                          f"{epoch[1] / 1e6:.2f}", f"{epoch[0]:.1f}", f"{resumed[2] / 1e6:.2f}",
                          f"{resumed[0]:.0f}", size[f"{key}/progress.json"])  # fmt: skip
        finally:
            server.stop()


# Prefect's server


def server(seconds: float = 8.0) -> Iterator[str]:
    """Requests per second that it takes on PostgreSQL, by a client on the same machine."""
    from infra.local.stack import Stack
    from tests.stack import stack_folder

    with stack_folder() as folder:
        stack = Stack(folder)  # durable, as one in production
        try:
            stack.start_services()
            yield f"Load of the machine before: {os.getloadavg()[0]:.1f}\n"
            yield head("request", "at once", "answers/s", "median, ms", "95 %, ms")
            yield from asyncio.run(loaded(stack.api_url, seconds))
        finally:
            stack.down(clean=True)


async def loaded(api: str, seconds: float) -> list[str]:
    import httpx

    rows = []
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=api, limits=limits, timeout=60, trust_env=False) as client:
        flow = (await client.post("/flows/", json={"name": "load"})).json()["id"]
        running = {"flow_id": flow, "state": {"type": "RUNNING"}}
        run = (await client.post("/flow_runs/", json=running)).json()["id"]
        line = {"name": "charrec", "level": 20, "flow_run_id": run, "message": "model_1 epoch 3/15: " + "x" * 80,
                "timestamp": "2026-11-24T12:00:00Z"}  # fmt: skip
        kinds = {
            "read a flow run": ("GET", f"/flow_runs/{run}", None),
            "20 lines of log": ("POST", "/logs/", [line] * 20),
            "a new flow run": ("POST", "/flow_runs/", running),
            "a worker's question": ("POST", "/work_pools/cpu/get_scheduled_flow_runs", {}),
        }
        await client.post("/work_pools/", json={"name": "cpu", "type": "process"})
        for name, (method, path, body) in kinds.items():
            for at_once in (1, 16, 64) if name == "read a flow run" else (16,):
                took: list[float] = []
                ends = time.perf_counter() + seconds

                async def ask(method: str = method, path: str = path, body: object = body, ends: float = ends,
                              took: list[float] = took) -> None:  # fmt: skip
                    while (began := time.perf_counter()) < ends:
                        (await client.request(method, path, json=body)).raise_for_status()
                        took.append(time.perf_counter() - began)

                await asyncio.gather(*(ask() for _ in range(at_once)))
                tail = quantiles(took, n=20)[-1]
                rows.append(row(name, at_once, f"{len(took) / seconds:.0f}", f"{1000 * median(took):.0f}",
                                f"{1000 * tail:.0f}"))  # fmt: skip
    return rows


# A study's requests


def study(idle: float = 60.0) -> Iterator[str]:
    """TINY of tests/desk.py, deployed: what its processes ask of Prefect's server and of the store, and when idle."""
    import subprocess

    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from infra.local.stack import KEYS, ROOT, Stack
    from tests.desk import TINY
    from tests.production.driver import Production, study_of, until
    from tests.stack import stack_folder, working

    os.environ.update(KEYS, CUDA_VISIBLE_DEVICES="")
    with stack_folder() as folder:
        stack = Stack(folder, durable=False)
        try:
            stack.start_services()
            stack.set_up()
            subprocess.run(["make", "-o", "install", "deploy"], cwd=ROOT, check=True, capture_output=True,
                           env=os.environ | stack.settings)  # fmt: skip
            api, store = Wire(stack.ui_url), Wire(stack.endpoint)
            through = {"PREFECT_API_URL": f"{api.url}/api"}
            with (
                temporary_settings({PREFECT_API_URL: stack.api_url}),
                get_client(sync_client=True) as client,
                working(stack, ("cpu", "cpu0"), limit=4, environment=through),
                working(stack, ("gpu", "gpu0"), ("gpu", "gpu1"), environment=through),
            ):
                before = api.requests.copy()
                time.sleep(idle)
                yield f"Three idle workers in {idle:.0f} s:\n"
                yield from listed(api.requests - before)
                production = Production(stack, client, {})
                before, began, moved = api.requests.copy(), time.monotonic(), api.now
                where = production.runtime("one") | {"endpoint": store.url}
                run = production.begin("charrec/full-study", study=study_of(TINY), runtime=where)
                until(lambda: production.state(run) == "Completed", 400)
                took = time.monotonic() - began
                children = len(production.children(run))
                asked = api.requests - before
                yield f"\nA study of {children} children, {took:.0f} s: {asked.total()} requests of Prefect's server,"
                yield f"{(api.sent - moved[1]) / 1e6:.2f} MB sent, {(api.received - moved[2]) / 1e6:.2f} MB received.\n"
                yield from listed(asked)
                yield f"\nOf the store: {store.sent / 1e6:.1f} MB sent, {store.received / 1e6:.1f} MB received.\n"
                yield from listed(store.requests)
        finally:
            stack.down(clean=True)


def listed(requests: Counter[str]) -> Iterator[str]:
    yield head("request", "how often")
    for name, often in requests.most_common():
        yield row(f"`{name}`", often)


TABLES = {each.__name__: each for each in (workers, swaps, checkpoints, server, study)}


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def head(*cells: str) -> str:
    return f"{row(*cells)}\n{'|---' * len(cells)}|"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("tables", nargs="+", choices=TABLES)
    for name in parser.parse_args().tables:
        print(f"\n{name}\n", *TABLES[name](), sep="\n", flush=True)


if __name__ == "__main__":
    main()
