"""A store under load: many workers at one search, many objects under a prefix."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

from charrec.commands.store import survey
from charrec.commands.sweep import _latest
from charrec.report.stored import reports
from charrec.results import Epoch
from charrec.steps.read import images_under
from charrec.storage import Store, open_store
from charrec.storage.absence import no_study
from charrec.study import Search
from charrec.sweep.heartbeat import Beat, ages
from charrec.sweep.standing import status
from charrec.training.checkpoints import Progress, sweep_up
from charrec.tuning.plan import Sweep
from charrec.tuning.unfinished import unfinished
from infra.local.s3 import BUCKET, KEYS, S3
from tests.benchmarks.load import Notes, Sizes, cpu_of
from tests.sweep.driving import oracle_of
from tests.toy import SEARCH_RECIPE

STORES = ("folder", "S3")
FEW = 100  # objects
LONGEST = Search(max_epochs=81, factor=3)  # 211 trials, 143 configurations
AT_ONCE = 8  # objects that are written at the same time
OF_A_SEARCH, OF_A_TRAINING, OF_A_REPORT = 90, 4, 20  # objects, as FULL leaves them
EPOCH = Epoch(epoch=1, loss=1, accuracy=0, val_loss=1, val_accuracy=0, seconds=1, images_per_second=1)


class Place(NamedTuple):
    name: str
    url: str
    endpoint: str | None
    cpu: Callable[[], float]  # seconds, of this process and of the server

    def store(self, name: str) -> Store:
        return open_store(f"{self.url}/{name}", endpoint=self.endpoint)


@contextmanager
def places(folder: Path, wanted: tuple[str, ...] = STORES) -> Iterator[list[Place]]:
    """A folder, and a bucket of the local stack's server; what lies there stays."""
    found = [Place("folder", str(folder / "store"), None, lambda: cpu_of(os.getpid()))] if "folder" in wanted else []
    if "S3" not in wanted:
        yield found
        return
    os.environ.update(KEYS)
    server = S3(folder / "s3-server")
    try:
        server.start(dict(os.environ))
        server.wait(120)
        pids = [os.getpid(), server.process.pid or 0]
        yield [*found, Place("S3", f"s3://{BUCKET}", server.endpoint, lambda: cpu_of(*pids))]
    finally:
        server.stop()


# Many workers


def workers(folder: Path, notes: Notes, sizes: Sizes, stores: tuple[str, ...] = STORES) -> None:
    """What each of them asks, where one is at the longest search and where many are."""
    from charrec.sweep.heartbeat import Heartbeat, Terms, reap

    with places(folder, stores) as found:
        for place in found:
            for number in (1, sizes.workers):
                store, load = place.store(f"workers-{number}"), f"{place.name}, {number} worker{'s' * (number > 1)}"
                sweep = Sweep(key="sweeps/load", search=LONGEST, recipe=SEARCH_RECIPE)
                oracle = oracle_of(sweep.search, sweep.recipe.seed)
                given = staged(store, sweep, oracle, number)
                heart = Heartbeat(store, sweep, Terms())
                heart.hold(given)
                questions: dict[str, Callable[[], Any]] = {
                    "a sign of life": heart._beat,
                    "all signs of life, listed": lambda s=store, w=sweep: ages(s, w),
                    "the search's state, read": lambda s=store, w=sweep: s.read(w.oracle),
                    "who is gone, as each poll asks": lambda s=store, w=sweep, o=oracle: reap(s, w, o, Terms()),
                    "`sweep status`, and a study's look every 2 s": lambda s=store, w=sweep: status(s, w),
                    "the line at a trial's end": lambda s=store, w=sweep: status(s, w, running=False),
                }
                for what, question in questions.items():
                    notes.measure(f"workers: {what}", load, question, place.cpu)


def staged(store: Store, sweep: Sweep, oracle: Any, number: int) -> Any:
    """A search at which so many workers are, each with a trial that has two epochs; returns one trial."""
    names = [f"machine-{n:04}-abcdef" for n in range(number)]
    given = [oracle.take(name) for name in names]
    progress = Progress(owner="load", epochs=(EPOCH, EPOCH.model_copy(update={"epoch": 2})))
    store.put(sweep.oracle, oracle.dump().model_dump_json().encode())
    for name, one in zip(names, given, strict=True):
        store.put(f"{sweep.key}/workers/{name}", Beat(worker=name, trial=one.trial).model_dump_json().encode())
        store.put(f"{sweep.training(one.configuration)}/progress.json", progress.model_dump_json().encode())
    return given[0]


# Many objects


def objects(folder: Path, notes: Notes, sizes: Sizes, stores: tuple[str, ...] = STORES) -> None:
    """What charrec lists, in a store with few objects and in one with many."""
    from tasks import progress

    new = _sweep(0xFFFF)
    training = f"trainings/model_1-{1:016x}"
    with places(folder, stores) as found:
        for place in found:
            for number in (min(FEW, sizes.objects), sizes.objects):
                study, inbox = place.store(f"studies-{number}"), place.store(f"inbox-{number}")
                load = f"{place.name}, {number:,} objects"
                filled(study, of_studies(number))
                filled(inbox, ((f"inbox/{n:06}.png", b"x" * 500) for n in range(number)))
                questions: dict[str, Callable[[], Any]] = {
                    "the whole store, listed": study.list,
                    "`charrec sweep status`: which search is the latest": lambda s=study: _latest(s),
                    "a search begins: others of its values": lambda s=study: unfinished(s, new),
                    "a training begins: others of its network": lambda s=study: progress.unfinished(s, training),
                    "a training begins: what killed owners left": lambda s=study: sweep_up(s, training, "load"),
                    "`charrec report`: which report is the latest": lambda s=study: reports(s),
                    "why there is no report": lambda s=study: no_study(s),
                    "a step is looked up": lambda s=study: s.exists(f"{training}/result-{0:08x}.json"),
                    "workers' signs of life": lambda s=study: ages(s, _sweep(1)),
                }
                for what, question in questions.items():
                    notes.measure(f"objects: {what}", load, question, place.cpu)
                notes.measure("objects: `charrec store check`", load, lambda s=study: survey(s), place.cpu, least=1)
                notes.measure(
                    "objects: images for a batch, listed with their digests", load,
                    lambda s=inbox: images_under("inbox", s), place.cpu, least=1,
                )  # fmt: skip


def of_studies(number: int) -> Iterator[tuple[str, bytes]]:
    """Keys and contents: six tenths are of searches, the rest of trainings of one network and of reports."""
    return (
        one
        for part, share in ((_of_searches(), 0.6), (_of_trainings(), 0.2), (_of_reports(), 0.2))
        for one in islice(part, int(share * number))
    )


def _sweep(number: int) -> Sweep:
    recipe = SEARCH_RECIPE.model_copy(update={"seed": number})
    return Sweep(key=f"sweeps/{number:016x}", search=LONGEST, recipe=recipe)


def _of_searches() -> Iterator[tuple[str, bytes]]:
    for number in count():
        sweep = _sweep(number)
        yield f"{sweep.key}/sweep.json", sweep.model_dump_json().encode()
        yield f"{sweep.key}/workers/machine", Beat(worker="machine").model_dump_json().encode()
        for other in range(OF_A_SEARCH - 2):
            yield f"{sweep.training(other // 3)}/epoch-{other % 3:03}-owner.weights.h5", b"x" * 1000


def _of_trainings() -> Iterator[tuple[str, bytes]]:
    progress = Progress(owner="load", epochs=(EPOCH,)).model_dump_json().encode()
    for number in count():
        key = f"trainings/model_1-{number:016x}"
        yield f"{key}/progress.json", progress
        yield f"{key}/result-{0:08x}.json", b"{}"
        for epoch in range(OF_A_TRAINING - 2):
            yield f"{key}/epoch-{epoch:03}-owner.weights.h5", b"x" * 1000


def _of_reports() -> Iterator[tuple[str, bytes]]:
    for number in count():
        yield f"reports/{number:016x}/report.html", b"x"
        for other in range(OF_A_REPORT - 1):
            yield f"reports/{number:016x}/figures/{other}.png", b"x" * 1000


def filled(store: Store, wanted: Iterator[tuple[str, bytes]]) -> None:
    """Write what is not there yet."""
    there = {entry.key for entry in store.list()}
    missing = [(key, data) for key, data in wanted if key not in there]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda one: store.put(*one), missing))
