"""A process per device: real processes, a stand-in only for the driver's tool that counts GPUs."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from charrec.errors import InputError
from charrec.machine import hardware
from charrec.study import Runtime
from tasks.devices import NONE, SPENT, Devices
from tasks.errors import DeviceLost
from tests.processes import alive, eventually, gone

PARENT = """
import asyncio
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from charrec.study import Runtime
from tasks.devices import Devices
from test_devices import sleep_long

if __name__ == "__main__":
    with Devices(Runtime()) as devices:
        asyncio.run(devices.run(sleep_long, Path(sys.argv[1])))
"""


def visible() -> tuple[int, str | None]:
    return os.getpid(), os.environ.get("CUDA_VISIBLE_DEVICES")


def meet(folder: Path, own: str, other: str) -> int:
    """Come, and wait until the other has come too."""
    (folder / own).touch()
    if not eventually((folder / other).exists, 300):
        raise TimeoutError(f"{other} did not come")
    return os.getpid()


def sleep_long(mark: Path) -> None:
    staged = mark.with_suffix(".new")
    staged.write_text(str(os.getpid()))
    staged.rename(mark)
    time.sleep(600)


def kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def be_spent() -> str:
    return SPENT


def refuse() -> None:
    raise InputError("nothing", "something", "Try again.")


def loaded() -> set[str]:
    return set(sys.modules)


@pytest.fixture(autouse=True)
def gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Have the driver's own tool count this many GPUs; none until then."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    hardware.gpus.cache_clear()

    def install(count: int) -> None:
        tool = programs / "nvidia-smi"
        rows = "".join(f"{i}, GPU-{i}a2b, NVIDIA T4\n" for i in range(count))
        tool.write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{rows}END\n")
        tool.chmod(0o755)
        hardware.gpus.cache_clear()

    yield install
    hardware.gpus.cache_clear()


@pytest.mark.anyio
async def test_without_a_gpu_one_process_sees_none() -> None:
    with Devices(Runtime()) as devices:
        assert len(devices) == 1
        pid, seen = await devices.run(visible)
        assert (pid != os.getpid(), seen) == (True, "")
        assert await devices.run(visible) == (pid, "")  # which has its framework loaded


@pytest.mark.anyio
async def test_a_process_that_says_that_it_is_spent_is_followed_by_a_fresh_one() -> None:
    with Devices(Runtime()) as devices:
        pid, _ = await devices.run(visible)
        assert await devices.run(be_spent) == SPENT
        fresh, seen = await devices.run(visible)
        assert (fresh != pid, seen) == (True, "")
        assert eventually(lambda: not alive(pid), 300)


@pytest.mark.anyio
async def test_two_gpus_have_two_processes_that_see_one_each_and_work_at_once(
    gpus: Callable[[int], None], tmp_path: Path
) -> None:
    gpus(2)
    with Devices(Runtime()) as devices:
        both = await asyncio.gather(devices.run(meet, tmp_path, "a", "b"), devices.run(meet, tmp_path, "b", "a"))
        assert len(set(both)) == 2
        seen = {await devices.run(visible) for _ in range(4)}
        assert sorted(gpu or "" for _, gpu in seen) == ["0", "1"]


def test_of_several_gpus_only_the_allowed_ones_are_used(
    gpus: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-1a2b")
    assert Devices(Runtime()).environments == [{"CUDA_VISIBLE_DEVICES": "3"}, {"CUDA_VISIBLE_DEVICES": "1"}]


def test_the_runtime_says_how_many_trainings_run_at_once(gpus: Callable[[int], None]) -> None:
    assert len(Devices(Runtime(workers=3))) == 3
    gpus(2)
    shared = [environment["CUDA_VISIBLE_DEVICES"] for environment in Devices(Runtime(workers=3)).environments]
    assert shared == ["0", "1", "0"]
    assert Devices(Runtime(devices="cpu")).environments == [NONE]


def test_a_gpu_that_is_asked_for_and_missing_is_refused() -> None:
    with pytest.raises(InputError, match="no GPU is visible"):
        Devices(Runtime(devices="gpu"))


@pytest.mark.anyio
async def test_a_steps_failure_comes_through_as_it_is() -> None:
    with Devices(Runtime()) as devices, pytest.raises(InputError) as refused:
        await devices.run(refuse)
    assert str(refused.value) == "nothing; expected something. Try again."


@pytest.mark.anyio
async def test_after_a_killed_process_the_next_step_has_a_new_one() -> None:
    with Devices(Runtime()) as devices:
        first, _ = await devices.run(visible)
        with pytest.raises(DeviceLost):
            await devices.run(kill_itself)
        second, _ = await devices.run(visible)
        assert second != first
        assert not alive(first)


@pytest.mark.anyio
async def test_leaving_the_block_ends_its_processes_and_the_steps_that_wait(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    with Devices(Runtime()) as devices:
        sleeping = asyncio.create_task(devices.run(sleep_long, mark))
        assert await asyncio.to_thread(eventually, mark.exists, 60)
        waiting = asyncio.create_task(devices.run(visible))
        await asyncio.sleep(0)
    pid = int(mark.read_text())
    assert gone([pid])
    for ended in await asyncio.gather(sleeping, waiting, return_exceptions=True):
        assert isinstance(ended, CancelledError)


def test_a_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    mark, script = tmp_path / "pid", tmp_path / "parent.py"
    script.write_text(PARENT.format(here=str(Path(__file__).parent)))
    command = [sys.executable, str(script), str(mark)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL) as parent:
        try:
            assert eventually(mark.exists, 300)
            child = int(mark.read_text())
            assert alive(child)
        finally:
            parent.kill()
    assert gone([child])


def test_a_device_that_is_started_loads_its_framework_before_the_first_step() -> None:
    """Without what the framework does not need, and though there is a Ctrl-C, which is the parent's."""

    async def body(devices: Devices) -> set[str]:
        devices.start()
        devices.start()
        (pool,) = devices._pools
        assert pool
        for pid in pool._processes:
            os.kill(pid, signal.SIGINT)
        return await devices.run(loaded)

    with Devices(Runtime(devices="cpu")) as devices:
        names = asyncio.run(body(devices))
    assert {"keras", "tensorflow"} <= names
    assert not {"jax", "sklearn", "matplotlib"} & names


def test_a_device_that_was_asked_for_nothing_ends_at_once() -> None:
    """Though SIGTERM is blocked while it starts."""
    with Devices(Runtime(devices="cpu", workers=2)) as devices:
        devices.start()
        processes = [process for pool in devices._pools if pool for process in pool._processes.values()]
        assert len(processes) == 2
    assert [process.exitcode for process in processes] == [-signal.SIGKILL] * 2
