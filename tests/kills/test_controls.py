"""A harness that finds no loss proves nothing, unless it finds those of workers that have no fencing."""

from pathlib import Path

import pytest

from charrec.storage import open_store
from charrec.sweep.heartbeat import Terms
from charrec.sweep.standing import status
from tests.harmed import harmed
from tests.kills.losses import found, losses
from tests.processes import eventually
from tests.sweep import swarm as deck
from tests.sweep.driving import SMALL
from tests.sweep.swarm import ASLEEP, Swarm, small_arrays
from tests.thorough import THOROUGH

SWEEP = deck.SWEEP.model_copy(update={"search": SMALL})
TERMS = Terms(lease=3, poll=0.2)
IMAGES = len(small_arrays().training)


@harmed("a search without fencing")
@pytest.mark.parametrize("fenced", [False, True] if THOROUGH else [False])  # test_chaos.py has the other in short
def test_a_worker_that_sleeps_through_a_search_harms_it_only_without_fencing(fenced: bool, tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    with Swarm(tmp_path / "workers", store.url, None, TERMS, SWEEP, pause=0, fenced=fenced) as swarm:
        sleeper = swarm.start(ASLEEP)
        assert eventually(lambda: swarm.asleep(sleeper), 300), swarm.said()
        other = swarm.start()
        assert eventually(lambda: status(store, SWEEP).finished and not other.is_alive(), 300, 0.1), swarm.said()
        before = found(store, SWEEP, IMAGES)
        assert losses(store, SWEEP, IMAGES, before) == []
        swarm.wake(sleeper)
        sleeper.join(300)
        assert (losses(store, SWEEP, IMAGES, before) == []) is fenced, swarm.said()
