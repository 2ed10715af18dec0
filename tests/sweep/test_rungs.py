"""What could run now is what the oracle would give out, at any moment of any search."""

import random
from collections import Counter

import pytest

from charrec.study import FULL, Search
from charrec.sweep.oracle import Assignment, Oracle
from charrec.sweep.outcome import runnable
from charrec.tuning.plan import Sweep
from tests.sweep.driving import DECK, SMALL, oracle_of, points, reborn
from tests.toy import RECIPE, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


def given_out(oracle: Oracle, search: Search) -> int:
    """How many trials are held once everybody who asks has got one."""
    copy = reborn(oracle, search)
    while isinstance(copy.take(f"asker-{len(copy.leases)}"), Assignment):
        pass
    return len(copy.leases)


def test_what_could_run_is_what_the_oracle_gives_out(seed: int) -> None:
    rng = random.Random(seed)
    seen: Counter[int] = Counter()
    for search in (DECK, SMALL, Search(max_epochs=9), Search(max_epochs=16, factor=2)):
        oracle = oracle_of(search, FULL.seed)
        plan = Sweep(key="sweeps/test", search=search, recipe=RECIPE)
        held: list[Assignment] = []
        workers = rng.randint(1, 24)
        for number in range(100_000):
            if rng.random() < 0.2:
                counted = runnable(plan, oracle.dump())
                assert counted == given_out(oracle, search), f"{search}, step {number}"
                seen[counted] += 1
            if len(held) < workers and rng.random() < 0.6:
                asked = oracle.take(f"worker-{number}")
                if isinstance(asked, Assignment):
                    held.append(asked)
                elif asked == "STOPPED":
                    break
            elif held:
                given = held.pop(rng.randrange(len(held)))
                if rng.random() < 0.1:
                    assert oracle.give_back(given)
                elif rng.random() < 0.1:
                    assert oracle.fail(given, "why")
                else:
                    assert oracle.complete(given, points(given), 1.0)
        assert runnable(plan, oracle.dump()) == 0
    assert len(seen) > 5, seen  # of many sizes
