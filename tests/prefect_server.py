"""One Prefect server, that of a study on one machine, for the tests that need no more."""

from collections.abc import Iterator

import pytest

from flows.local_server import begun


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its API. Prefect's own test harness would migrate an empty database, which takes 6 s of a core."""
    server = begun(tmp_path_factory.mktemp("prefect"))
    try:
        yield server.address()
    finally:
        server.end()


@pytest.fixture(scope="module")
def prefect_server(server_url: str) -> Iterator[None]:
    """What Prefect uses in this module; runs are not watched, so that no thread outlives them."""
    from prefect.settings import (  # 1 s, which most tests need not wait for
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    with temporary_settings({PREFECT_API_URL: server_url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield
