"""One Prefect server, without PostgreSQL, for the tests that need no more."""

from collections.abc import Iterator
from contextlib import ExitStack
from contextvars import copy_context

import pytest


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """Its API. The settings of Prefect's own harness stay in a context of their own, away from all other tests."""
    from prefect.settings import PREFECT_API_URL  # 1 s, which most tests need not wait for
    from prefect.testing.utilities import prefect_test_harness

    def started() -> str:
        running.enter_context(prefect_test_harness(server_startup_timeout=120))
        return str(PREFECT_API_URL.value())

    context, running = copy_context(), ExitStack()
    yield context.run(started)
    context.run(running.close)


@pytest.fixture(scope="module")
def prefect_server(server_url: str) -> Iterator[None]:
    """What Prefect uses in this module; runs are not watched, so that no thread outlives them."""
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with temporary_settings({PREFECT_API_URL: server_url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield
