"""Searches under faults at seeded random moments, each compared with the same search undisturbed.

`python -m tests.kills.searches FOLDER --faults 2500` plays rounds of some twenty faults until there are so many, and
prints the table. Every round is a line of docs/kills-searches.jsonl (or of `--notes`), so the same command goes on
where it was stopped; `--seed N` repeats one. `--unfenced` is the control: the same workers with their fencing switched
off must show losses, which go to docs/kills-unfenced.jsonl.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from charrec.machine.provenance import commit
from charrec.markdown import table
from charrec.storage import Store, open_store
from charrec.study import Frozen, Search
from charrec.sweep.heartbeat import Terms
from charrec.sweep.standing import status
from infra.local.s3 import BUCKET, KEYS, S3
from tests.fault_proxy import FaultProxy
from tests.kills import notes
from tests.kills.faults import Faults, networks
from tests.kills.losses import Findings, found, losses
from tests.processes import eventually
from tests.small_disk import SmallDisk, small_disk
from tests.sweep import swarm as deck
from tests.sweep.swarm import Swarm, small_arrays

FAULTS = 20  # a round, if the search is not over before
PATIENCE = 300.0  # seconds without a fault, after which a search that is not over has lost its end
SWEEP = deck.SWEEP.model_copy(update={"search": Search(max_epochs=6, factor=3)})
TERMS = Terms(lease=3, poll=0.2, losses=10 * FAULTS, outage=60)
PAUSES = (0.02, 0.1, 0.3)  # seconds after each step, so that most kills hit a training at work
ROOM = "256m"
IMAGES = len(small_arrays().training)
Where = Literal["folder", "small disk", "S3"]


class Round(Frozen):
    """One search and what it lost."""

    seed: int
    fenced: bool
    where: Where
    workers: int
    faults: dict[str, int]
    losses: tuple[str, ...]
    seconds: float
    commit: str


def play(seed: int, folder: Path, server: str, undisturbed: Findings, fenced: bool = True) -> Round:
    """The round of this seed. Its moments are random beyond the seed, as processes are; its faults are not."""
    rng, began = random.Random(seed), time.monotonic()
    where: Where = rng.choice(["folder", "small disk", "S3"])
    workers, pause = rng.choice([1, 2, 3, 4]), rng.choice(PAUSES)
    with place(where, folder, server, workers, seed) as (url, lossy, disk):
        store = open_store(url, endpoint=server if where == "S3" else None)
        with Swarm(folder / "workers", url, None, TERMS, SWEEP, pause, fenced) as swarm:
            faults = Faults(swarm, rng, workers, lossy, disk)
            while faults.counts.total() < FAULTS and not status(store, SWEEP).finished:
                faults.start()
                faults.one()
            faults.no_more()
            ended = eventually(lambda: over(faults, store), PATIENCE, 0.3)
            faults.all_over()
            ended = ended and eventually(lambda: not swarm.at_work(), PATIENCE, 0.1)
            lost = losses(store, SWEEP, IMAGES, undisturbed) if ended else [f"no end\n{swarm.said()}"]
    return Round(
        seed=seed, fenced=fenced, where=where, workers=workers, faults=dict(faults.counts), losses=tuple(lost),
        seconds=round(time.monotonic() - began, 1), commit=commit(),
    )  # fmt: skip


def over(faults: Faults, store: Store) -> bool:
    """Whether the search is; until then there are workers, and what lasts comes to its end."""
    faults.due()
    if status(store, SWEEP).finished:
        return True
    faults.start()
    return False


@contextmanager
def place(
    where: Where, folder: Path, server: str, workers: int, seed: int
) -> Iterator[tuple[str, list[FaultProxy], SmallDisk | None]]:
    """The store's address; the networks to it, one a worker; the disk that can be filled."""
    if where == "S3":
        with networks(server, workers, seed) as lossy:
            yield f"s3://{BUCKET}/{folder.name}", lossy, None
    elif where == "small disk":
        with small_disk(folder / "disk", ROOM) as disk:
            yield str(disk.path / "store"), [], disk
    else:
        yield str(folder / "store"), [], None


def search_undisturbed(folder: Path) -> Findings:
    """By one worker."""
    store = open_store(str(folder / "store"))
    with Swarm(folder / "workers", store.url, None, TERMS, SWEEP, pause=0) as swarm:
        swarm.start().join(PATIENCE)
        return found(store, SWEEP, IMAGES)


@contextmanager
def s3(folder: Path) -> Iterator[str]:
    """A server of its own; its endpoint."""
    server = S3(folder)
    os.environ |= KEYS
    server.start(os.environ)
    try:
        server.wait(60)
        yield server.endpoint
    finally:
        server.stop()


def told(rounds: list[Round]) -> str:
    """The table of the page."""
    rows = []
    for where in ("folder", "small disk", "S3"):
        mine = [each for each in rounds if each.where == where]
        counts = sum((Counter(each.faults) for each in mine), Counter())
        said = ", ".join(f"{count:,} {fault}" for fault, count in counts.most_common())
        lost = sum(bool(each.losses) for each in mine)
        rows.append([where, f"{len(mine):,}", f"{counts.total():,}", said, f"{lost:,}"])
    return table(["store", "searches", "faults", "of them", "searches with a loss"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.kills.searches", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--faults", type=int, default=2500)
    parser.add_argument("--seed", type=int, help="play this one round, and keep its folder")
    parser.add_argument("--unfenced", action="store_true")
    parser.add_argument("--notes", type=Path, help="where each round is noted")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that workers and server end, too
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.notes or (notes.UNFENCED if options.unfenced else notes.SEARCHES)
    rounds = notes.read(Round, path)
    with s3(options.folder) as server:
        shutil.rmtree(options.folder / "undisturbed", ignore_errors=True)
        undisturbed = search_undisturbed(options.folder / "undisturbed")
        while options.seed is not None or sum(sum(each.faults.values()) for each in rounds) < options.faults:
            seed = options.seed if options.seed is not None else len(rounds)
            folder = options.folder / f"round-{seed}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            played = play(seed, folder, server, undisturbed, fenced=not options.unfenced)
            print(played.model_dump_json(), flush=True)
            if options.seed is not None:
                sys.exit(1 if played.losses else 0)
            if not played.losses:
                shutil.rmtree(folder)
            notes.add(played, path)
            rounds.append(played)
    print(told(rounds))


if __name__ == "__main__":
    main()
