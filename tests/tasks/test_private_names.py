"""Private names that the tasks rest on: a Python that moves them fails here, not while a study ends."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

from tests.processes import alive


def test_a_pool_of_processes_lists_them_once_it_has_begun() -> None:
    """`Devices` ends them by SIGTERM when a study ends; from Python 3.14 on `terminate_workers` does."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pid = pool.submit(os.getpid).result()
        assert list(pool._processes) == [pid]
        (process,) = pool._processes.values()
        assert process.pid == pid and process.is_alive()
        process.terminate()
        process.join(300)
        assert not alive(pid)
