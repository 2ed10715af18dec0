"""Workers die in every way that there is, and the search ends as if nothing had happened.

`make test-long` does it to the deck's search on both kinds of store, `make test` to one of two brackets on one of them,
with a few kills.
"""

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from charrec.storage import Store, open_store
from charrec.study import Search
from charrec.sweep.schedule import schedule
from charrec.sweep.standing import status
from tests.fault_proxy import FAULTS, FaultProxy
from tests.harmed import harmed
from tests.kills.losses import document, found, losses
from tests.processes import eventually
from tests.sweep import swarm as deck
from tests.sweep.swarm import SWAPPED, SWAPPING, UPLOADED, Swarm, small_arrays
from tests.thorough import THOROUGH, often, some

KILLS = often(4, 20)
SWEEP = deck.SWEEP if THOROUGH else deck.SWEEP.model_copy(update={"search": Search(max_epochs=6, factor=3)})
PAUSE = deck.PAUSE if THOROUGH else 0.25  # so that the small search is not over before the last kill
RUNGS = schedule(SWEEP.search)
LOOKS = 0.05  # seconds between two looks at the store
EPOCHS = sum(rung.trials * (rung.epochs - rung.first) for rung in RUNGS)
IMAGES = len(small_arrays().training)
Place = Callable[[pytest.FixtureRequest, int], AbstractContextManager[tuple[Store, str, str | None]]]


class Undisturbed:
    """The search by one worker, which runs beside the tests until one asks for its result."""

    def __init__(self, folder: Path) -> None:
        self.store = open_store(str(folder / "store"))
        self.swarm = Swarm(folder / "workers", self.store.url, None, sweep=SWEEP, pause=0)
        self.swarm.start()

    def done(self) -> Store:
        for process in self.swarm.living:
            process.join(300)
            assert process.exitcode == 0, self.swarm.said()
        return self.store


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    made = Undisturbed(tmp_path_factory.mktemp("undisturbed"))
    with made.swarm:
        yield made


def assert_unharmed(store: Store, undisturbed: Undisturbed) -> None:
    expected = found(undisturbed.done(), SWEEP, IMAGES)
    assert expected["epochs"] == EPOCHS
    assert losses(store, SWEEP, IMAGES, expected) == []


def torment(swarm: Swarm, store: Store, workers: int, rng: random.Random) -> None:
    """All of it: the doomed, random kills, one frozen beyond its lease, all killed at once."""
    for death in (UPLOADED, SWAPPING, SWAPPED):
        swarm.start(death)
    kills, frozen = 0, False
    while kills < KILLS:
        while len(swarm.victims()) < workers:
            swarm.start()
        time.sleep(rng.uniform(0.2, 2.0))
        if kills >= KILLS // 2 and not frozen:
            assert_frozen_worker_is_fenced(swarm, store)
            frozen, victims = True, swarm.victims()
        else:
            victims = rng.sample(swarm.victims(), min(1, len(swarm.victims())))
        for victim in victims:
            swarm.kill(victim)
        kills += len(victims)
        assert not status(store, SWEEP).finished, f"the search was over after {kills} kills"
    swarm.pause = 0
    while len(swarm.victims()) < workers:
        swarm.start()


def assert_frozen_worker_is_fenced(swarm: Swarm, store: Store) -> None:
    """It holds a trial, sleeps beyond its lease, wakes, finds that the trial is another's, and takes a new one."""
    held: list[tuple[BaseProcess, int]] = []
    assert eventually(lambda: held.extend(holders(swarm, store)) or held, 300, LOOKS), swarm.said()
    process, token = held[0]
    swarm.freeze(process)
    assert eventually(
        lambda: token not in {lease.token for lease in document(store, SWEEP).leases.values()}, 300, LOOKS
    ), swarm.said()
    swarm.wake(process)
    assert eventually(lambda: any(p is process and t > token for p, t in holders(swarm, store)), 300, LOOKS), (
        swarm.said()
    )


def tokens(store: Store) -> set[int]:
    """Of the trials that somebody holds."""
    return {lease.token for lease in document(store, SWEEP).leases.values()}


def holders(swarm: Swarm, store: Store) -> list[tuple[BaseProcess, int]]:
    """Who holds a trial, and by what token."""
    leases = document(store, SWEEP).leases.values() if store.exists(SWEEP.oracle) else []
    return [(p, lease.token) for p in swarm.victims() for lease in leases if f"-{p.pid}-" in lease.worker]


def assert_ends(swarm: Swarm) -> None:
    """All the workers that are left come to the end of the search, or to the death that they were doomed to."""
    victims = swarm.victims()
    for process in swarm.at_work():
        process.join(300)
        assert process.exitcode in ((0,) if process in victims else (0, -signal.SIGKILL)), swarm.said()
    assert swarm.deaths() == {UPLOADED, SWAPPING, SWAPPED}


@contextmanager
def folder(request: pytest.FixtureRequest, seed: int) -> Iterator[tuple[Store, str, str | None]]:
    """The test's own store; what the workers open."""
    path = str(request.getfixturevalue("tmp_path") / "store")
    yield open_store(path), path, None


@contextmanager
def s3_that_loses_what_it_can(request: pytest.FixtureRequest, seed: int) -> Iterator[tuple[Store, str, str | None]]:
    server, url = request.getfixturevalue("s3_server"), request.getfixturevalue("s3_url")
    with FaultProxy(server, seed, dict.fromkeys(FAULTS, 0.02)) as proxy:
        yield open_store(url, endpoint=server), url, proxy.url
        assert all(proxy.counts[fault] for fault in FAULTS), proxy.counts


@harmed("a search's workers")
@pytest.mark.parametrize(("place", "workers"), some([(folder, 2), (s3_that_loses_what_it_can, 4)], 1))
def test_a_tormented_search_ends_as_an_undisturbed_one(
    place: Place, workers: int, undisturbed: Undisturbed, tmp_path: Path, request: pytest.FixtureRequest, seed: int
) -> None:
    with (
        place(request, seed) as (store, url, endpoint),
        Swarm(tmp_path / "workers", url, endpoint, sweep=SWEEP, pause=PAUSE) as swarm,
    ):
        torment(swarm, store, workers, random.Random(seed))
        assert_ends(swarm)
        assert_unharmed(store, undisturbed)
