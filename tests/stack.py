"""A running stack for the tests: PostgreSQL, Prefect's server on it, a store of the S3 protocol; workers on demand."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.local.process import Process
from infra.local.stack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """All but workers, with the work pools and automations of `make deploy`; this process's Prefect does not use it."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from deployments.setup import set_up

    with stack_folder() as folder:
        started = Stack(folder, durable=False)
        try:
            started.start_services()
            with temporary_settings({PREFECT_API_URL: started.api_url}):
                set_up(started.settings)  # here, where Prefect is imported already
            yield started
        finally:
            started.down(clean=True)


@pytest.fixture
def prefect_api(stack: Stack) -> Iterator[str]:
    """The address of the stack's server, which Prefect uses in this test; no run of an earlier one waits there."""
    from prefect.client.orchestration import get_client  # 1 s, which most tests need not wait for
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
    from prefect.client.schemas.objects import StateType
    from prefect.settings import PREFECT_API_URL, temporary_settings

    waiting = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))
    with temporary_settings({PREFECT_API_URL: stack.api_url}):
        with get_client(sync_client=True) as client:
            for run in client.read_flow_runs(flow_run_filter=waiting, limit=200):
                client.delete_flow_run(run.id)
        yield stack.api_url


@contextmanager
def stack_folder() -> Iterator[Path]:
    """A folder that the user who runs PostgreSQL for root may pass; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="charrec-stack-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def working(
    stack: Stack, *workers: tuple[str, str], limit: int = 1, environment: Mapping[str, str] | None = None
) -> Iterator[list[Process]]:
    """Workers (pool, name) that take runs from the first moment; stopped with their runs at the end."""
    started = []
    try:
        for pool, name in workers:
            started.append(stack.start_worker(pool, name, limit, environment))
        for worker in started:
            stack.wait_for_worker(worker)
        yield started
    finally:
        stack.stop_workers(*started)
