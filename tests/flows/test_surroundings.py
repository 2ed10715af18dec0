"""SIGTERM at a desk asks the study that runs, or ends the process with a word; so does a broken environment."""

import os
import py_compile
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.toy import ROOT


def terminated(program: str) -> tuple[int, str, str]:
    """Status and output of a process that receives SIGTERM once it has printed "ready"."""
    text = "import subprocess, sys, threading, time\nfrom flows import surroundings\n" + textwrap.dedent(program)
    with subprocess.Popen(
        [sys.executable, "-c", text], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stderr
        assert process.stdout.readline().strip() == "ready"
        process.terminate()
        return process.wait(300), process.stdout.read().strip(), process.stderr.read().strip()


def test_where_nothing_runs_it_ends_the_process() -> None:
    program = """
    surroundings.await_sigterm()
    print("ready", flush=True)
    time.sleep(60)
    """
    assert terminated(program) == (143, "", "error: terminated; the same command resumes it")


@pytest.mark.parametrize("before", ["pass", "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"])
def test_what_runs_is_asked_even_where_ctrl_c_is_ignored(before: str) -> None:
    """As in a job in the background; and whatever handler Prefect installs has nothing to do."""
    program = f"""
    {before}
    surroundings.await_sigterm()
    asked = threading.Event()
    with surroundings.sigterm_calls(asked.set):
        print("ready", flush=True)
        assert asked.wait(60)
    print(surroundings.TERMINATED.is_set())
    """
    assert terminated(program) == (0, "True", "")


def test_multiprocessing_leaves_it_blocked() -> None:
    """Its tracker unblocks the signal whenever it starts."""
    program = """
    import multiprocessing, signal
    surroundings.await_sigterm()
    multiprocessing.get_context("spawn").Semaphore()
    with surroundings.sigterm_calls(lambda: None):
        print("ready", flush=True)
        time.sleep(0.5)
        print(signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, []))
    """
    assert terminated(program) == (0, "True", "")


def test_bytecode_that_a_full_disk_cut_off_is_not_taken_for_a_setting(tmp_path: Path) -> None:
    package = tmp_path / "prefect"
    package.mkdir()
    for name in ("__init__", "context"):
        (package / f"{name}.py").write_text("x = 1\n")
    compiled = Path(py_compile.compile(str(package / "context.py"), doraise=True) or "")
    compiled.write_bytes(compiled.read_bytes()[:30])
    ended = subprocess.run(
        [sys.executable, "-c", "from flows.surroundings import import_prefect; import_prefect()"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"error: some bytecode in {sys.prefix} is cut off (")
