"""The one switch between `make test`, which draws samples, and `make test-long`, which runs everything in full."""

import os
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest

# Drawn before the processes of the tests begin, so that all of them have the same one and collect the same tests.
SEED = int(os.environ.setdefault("CHARREC_TEST_SEED", str(random.SystemRandom().randrange(2**31))))
THOROUGH = os.environ.get("CHARREC_TEST_LONG") == "1"

Case = TypeVar("Case")


def some(cases: Sequence[Case], number: int) -> list[Case]:
    """So many of them, drawn by the run's seed, in their order; or all."""
    if THOROUGH:
        return list(cases)
    places = random.Random(SEED).sample(range(len(cases)), number)
    return [cases[place] for place in sorted(places)]


def drawn(name: str, names: Sequence[str]) -> Callable[[Any], Any]:
    """Decorates a test, or several of one name, of which `make test` runs those of one of these names."""
    chosen = random.Random(f"{SEED} {names}").choice(names)
    return (lambda test: test) if THOROUGH or name == chosen else pytest.mark.long


def often(sample: int, full: int) -> int:
    """How often a random test is repeated."""
    return full if THOROUGH else sample
