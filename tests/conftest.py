"""What every test may ask for, and how the tests are divided: among processes, and between make test and test-long."""

import gc
import os
from typing import Any

import pytest

from charrec.machine.unneeded import leave_out_unneeded
from charrec.training.recipe import Arrays
from tests.desk import desk
from tests.division import ByGroup, place
from tests.prefect_server import prefect_server, server_url
from tests.s3_server import s3_server, s3_servers, s3_url
from tests.shared import on_jax, on_jax_folder, whole, whole_store
from tests.stack import prefect_api, stack
from tests.thorough import SEED, THOROUGH
from tests.toy import toy_arrays

__all__ = [
    "desk", "on_jax", "on_jax_folder", "prefect_api", "prefect_server", "s3_server", "s3_servers", "s3_url",
    "server_url", "stack", "whole", "whole_store",
]  # fmt: skip

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything imports TensorFlow
leave_out_unneeded()

LEFT_OUT = pytest.StashKey[int]()
PREFECT = (
    "tests/deployments/", "tests/flows/", "tests/infra/", "tests/kills/", "tests/production/", "tests/steps/",
    "tests/tasks/",
)  # fmt: skip


@pytest.fixture
def seed() -> int:
    """Another one each run, or CHARREC_TEST_SEED; the last line of the run shows it."""
    print(f"CHARREC_TEST_SEED={SEED}")
    return SEED


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """What runs the tests that are coroutines."""
    return "asyncio"


@pytest.fixture(scope="session")
def arrays() -> Arrays:
    """320 images to train on and 80 to validate on, 32 px, of ten classes that are easily learned."""
    made = toy_arrays()
    for array in (made.images, made.labels, made.training, made.validation):
        array.setflags(write=False)  # the tests share them
    return made


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if item.get_closest_marker("long") and not THOROUGH]
    items[:] = sorted((item for item in items if item not in left_out), key=place)
    config.hook.pytest_deselected(items=left_out)
    config.stash[LEFT_OUT] = len(left_out)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Prefect leaves sockets to the garbage collector; theirs is not to fail a later test that allows no warning."""
    if item.nodeid.startswith(PREFECT) and (nextitem is None or nextitem.path != item.path):
        gc.collect()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    return ByGroup(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # one process of several: it tells the one that counts
        session.config.workeroutput["left out"] = session.config.stash.get(LEFT_OUT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left out", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section("what ran")
    if THOROUGH:
        terminalreporter.line("Everything, in full, as `make test-long` does.")
    else:
        left_out = config.stash.get(LEFT_OUT, 0)
        terminalreporter.line(f"Seeded samples stand for what takes minutes, and {left_out} long tests are left out;")
        terminalreporter.line("`make test-long` runs both in full.")
    terminalreporter.line(f"CHARREC_TEST_SEED={SEED} repeats what was drawn.")
