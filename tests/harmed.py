"""What is harmed by name: of these `make test` draws one, about a minute of it; `make test-long` runs all."""

from collections.abc import Callable
from typing import Any

from tests.thorough import drawn

HARMED = (
    # whole studies
    "stands still on a stack", "loses something on a stack", "is ended at a desk", "a retraining beside another",
    "a better challenger", "a worse challenger", "a network that fails",
    # losses on a stack
    "a study's sign of life", "the database", "what was set up", "any run's sign of life", "a study again and again",
    "a container's time",
    # searches
    "a search's workers", "a search without fencing",
)  # fmt: skip


def harmed(name: str) -> Callable[[Any], Any]:
    """Decorates the test, or the tests, of one of them."""
    assert name in HARMED, name
    return drawn(name, HARMED)
