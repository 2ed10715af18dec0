"""Steps as tasks, in a real flow on a real Prefect server: what their states say."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow, flow, get_client, task
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName

from charrec.errors import InputError
from charrec.memo.outcome import Outcome
from charrec.study import Runtime
from tasks import steps
from tasks.devices import DeviceLost, Devices
from tasks.steps import _by_child
from tests.tasks.doubling import Value, double, double_but_die_first
from tests.tasks.marking import leave_a_mark

here = steps.patient(double, "double", task_run_name="double {given}")
there = steps.on_device(double, "double there")
dying = steps.on_device(double_but_die_first, "die")


def run(body: Callable[[], Any]) -> Any:
    """The body's answer, run as a flow."""
    return asyncio.run(flow(name="steps", persist_result=False)(body)())


def test_a_fresh_step_is_completed_and_one_that_was_done_is_cached(tmp_path: Path) -> None:
    async def body() -> list[tuple[str, Outcome[Value]]]:
        return [await here.ended(4, str(tmp_path)) for _ in range(2)]

    (first, fresh), (second, cached) = run(body)
    assert (first, second) == ("Completed", "Cached")
    assert (fresh.cached, cached.cached) == (False, True)
    assert fresh.value == cached.value == Value(number=8)


def test_a_step_on_a_device_says_the_same_of_what_was_done(tmp_path: Path) -> None:
    async def body() -> list[Any]:
        with Devices(Runtime(devices="cpu")) as devices:
            return [await there.ended(devices, 4, str(tmp_path)) for _ in range(2)]

    assert [(name, outcome.value) for name, outcome in run(body)] == [
        ("Completed", Value(number=8)),
        ("Cached", Value(number=8)),
    ]


def test_a_refusal_is_raised_as_it_is(tmp_path: Path) -> None:
    async def body() -> None:
        await here(13, str(tmp_path))

    with pytest.raises(InputError) as failure:
        run(body)
    assert str(failure.value) == "13; expected another number. Take it."


def test_a_step_whose_process_was_killed_is_tried_again(tmp_path: Path) -> None:
    async def body() -> tuple[str, Any]:
        with Devices(Runtime(devices="cpu")) as devices:
            return await dying.ended(devices, 5, str(tmp_path))

    name, outcome = run(body)
    assert (name, outcome.value.number) == ("Completed", 10)


def test_a_refusal_on_a_device_is_not_tried_again(tmp_path: Path) -> None:
    async def body() -> None:
        with Devices(Runtime(devices="cpu")) as devices:
            await there(devices, 13, str(tmp_path))

    with pytest.raises(InputError):
        run(body)


# Children


def test_a_child_on_a_device_is_a_flow_run_below_the_task_that_began_it(tmp_path: Path) -> None:
    async def body() -> None:
        with Devices(Runtime(devices="cpu")) as devices:
            await begin(devices, "a child", str(tmp_path / "mark"))

    run(body)
    assert (tmp_path / "mark").read_text() == "a child"
    with get_client(sync_client=True) as client:
        (child,) = client.read_flow_runs(flow_run_filter=FlowRunFilter(name=FlowRunFilterName(any_=["a child"])))
        assert child.state and child.state.is_completed()
        assert child.parent_task_run_id
        assert client.read_task_run(child.parent_task_run_id).name.startswith("begin")


def test_a_childs_own_error_comes_through(tmp_path: Path) -> None:
    async def body() -> None:
        with Devices(Runtime(devices="cpu")) as devices:
            await begin(devices, "refused", "")

    with pytest.raises(InputError, match="no path"):
        run(body)


@task
async def begin(devices: Devices, name: str, path: str) -> None:
    await devices.run_child(leave_a_mark, name, {"path": path})


class Spot:
    """Machines that are lost after so many epochs each, until all are done."""

    def __init__(self, epochs: int, of: int, store: Path) -> None:
        self.each, self.of, self.store, self.done, self.begun = epochs, of, store, 0, 0

    def __len__(self) -> int:
        return 1

    async def run_child(self, child: Flow[..., Any], name: str, parameters: dict[str, Any]) -> None:
        self.begun += 1
        self.done = min(self.of, self.done + self.each)
        if self.done < self.of:
            raise DeviceLost(f"{name} is lost")

    def found(self) -> Outcome[Any] | None:
        return double(1, str(self.store)) if self.done == self.of else None


def test_losses_after_which_a_training_got_on_are_not_counted(tmp_path: Path) -> None:
    spot = Spot(epochs=1, of=12, store=tmp_path)

    async def body() -> Any:
        return await _by_child(spot, leave_a_mark, "train", {}, spot.found, lambda: spot.done)

    assert asyncio.run(body()).value == Value(number=2)
    assert spot.begun == 12


def test_a_loss_that_got_nowhere_is_left_to_the_tasks_own_tries(tmp_path: Path) -> None:
    spot = Spot(epochs=0, of=1, store=tmp_path)

    async def body() -> Any:
        return await _by_child(spot, leave_a_mark, "train", {}, spot.found, lambda: spot.done)

    with pytest.raises(DeviceLost):
        asyncio.run(body())
    assert spot.begun == 1
