"""Steps as tasks, in a real flow on a real Prefect server: what their states say."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow, flow, get_client, task
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.exceptions import ObjectNotFound

from charrec.errors import InputError
from charrec.memo.outcome import Outcome
from charrec.memo.step import Bench
from charrec.storage import Store
from charrec.storage.patience import PatientStore
from charrec.study import Runtime
from tasks.devices import Devices
from tasks.errors import DeviceLost
from tasks.steps import RESUMED, Patient, _by_child, _here, _here_at_once, _on_device
from tests.tasks.doubling import DOUBLING, Given, Value
from tests.tasks.marking import leave_a_mark

pytestmark = pytest.mark.usefixtures("prefect_server")

here = Patient(DOUBLING, _here)
first = Patient(DOUBLING, _here_at_once)
there = Patient(DOUBLING, _on_device, **RESUMED)


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"), devices="cpu")


def run(body: Callable[[], Any]) -> Any:
    """The body's answer, run as a flow."""
    return asyncio.run(flow(name="steps", persist_result=False)(body)())


def test_a_fresh_step_is_completed_and_a_recalled_one_is_cached(runtime: Runtime) -> None:
    async def body() -> list[Any]:
        states = [await here.state(Given(number=4), runtime) for _ in range(2)]
        return [(state.name, await state.aresult()) for state in states]

    (first, fresh), (second, cached) = run(body)
    assert (first, second) == ("Completed", "Cached")
    assert (fresh.cached, cached.cached) == (False, True)
    assert fresh.value == cached.value == Value(number=8)


def test_the_devices_start_where_the_first_step_is_not_in_the_store(runtime: Runtime) -> None:
    async def body() -> list[int]:
        counts = []
        for _ in range(2):
            with Devices(runtime) as devices:
                await first(Given(number=5), runtime, devices)
                counts.append(sum(pool is not None for pool in devices._pools))
        return counts

    assert run(body) == [1, 0]


@pytest.mark.parametrize("deployed", [False, True])
def test_only_a_deployments_first_step_waits_for_a_store_that_is_away(
    deployed: bool, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient: list[bool] = []
    of = Bench.of

    def noted(*given: Any, **options: Any) -> Bench:
        bench = of(*given, **options)
        patient.append(isinstance(bench.store, PatientStore))
        return bench

    monkeypatch.setattr(Bench, "of", noted)
    monkeypatch.setattr("tasks.steps.deployed", lambda: deployed)

    async def body() -> None:
        await first(Given(number=6), runtime)

    run(body)
    assert patient == [deployed]


def test_a_step_runs_under_its_label(runtime: Runtime) -> None:
    async def body() -> str:
        state = await here.state(Given(number=21), runtime)
        async with get_client() as client:
            name = ""
            for _ in range(100):  # Prefect's server learns of a task, and of its name, a moment after it has ended
                with suppress(ObjectNotFound):
                    name = (await client.read_task_run(state.state_details.task_run_id)).name
                if name == "double 21":
                    break
                await asyncio.sleep(0.2)
        return name

    assert run(body) == "double 21"


def test_a_step_on_a_device_ends_in_the_same_states(runtime: Runtime) -> None:
    async def body() -> list[Any]:
        with Devices(runtime) as devices:
            states = [await there.state(Given(number=4), runtime, devices) for _ in range(2)]
            return [(state.name, (await state.aresult()).value) for state in states]

    assert run(body) == [("Completed", Value(number=8)), ("Cached", Value(number=8))]


def test_a_recalled_step_starts_no_device(runtime: Runtime) -> None:
    DOUBLING.run(Given(number=4), Bench.of(runtime))

    async def body() -> list[Any]:
        with Devices(runtime) as devices:
            await there(Given(number=4), runtime, devices)
            return [pool for pool in devices._pools if pool]

    assert run(body) == []


def test_an_input_error_comes_through_unchanged(runtime: Runtime) -> None:
    async def body() -> None:
        await here(Given(number=13), runtime)

    with pytest.raises(InputError) as failure:
        run(body)
    assert str(failure.value) == "13; expected another number. Take it."


def test_a_step_whose_process_was_killed_is_tried_again(runtime: Runtime, tmp_path: Path) -> None:
    async def body() -> Outcome[Value]:
        with Devices(runtime) as devices:
            return await there(Given(number=5, dies_first=str(tmp_path / "died")), runtime, devices)

    assert run(body).value.number == 10
    assert (tmp_path / "died").exists()


def test_an_input_error_on_a_device_is_not_tried_again(runtime: Runtime) -> None:
    async def body() -> None:
        with Devices(runtime) as devices:
            await there(Given(number=13), runtime, devices)

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

    def __init__(self, epochs: int, of: int, runtime: Runtime) -> None:
        self.each, self.of, self.done, self.begun = epochs, of, 0, 0
        self.runtime, self.given = runtime, Given(number=1)
        self.step = replace(DOUBLING, progress=self.progress)
        self.asked = {"given": self.given, "runtime": runtime, "key": DOUBLING.key(self.given)}

    def __len__(self) -> int:
        return 1

    def progress(self, _given: Given, _store: Store) -> int:
        return self.done

    async def run_child(self, child: Flow[..., Any], name: str, parameters: dict[str, Any]) -> None:
        assert (name, parameters) == ("double 1", self.asked)
        self.begun += 1
        self.done = min(self.of, self.done + self.each)
        if self.done < self.of:
            raise DeviceLost(f"{name} is lost")
        DOUBLING.run(self.given, Bench.of(self.runtime))


def test_losses_after_which_a_training_got_on_are_not_counted(runtime: Runtime) -> None:
    spot = Spot(epochs=1, of=12, runtime=runtime)
    outcome = asyncio.run(_by_child(spot.step, spot.given, runtime, spot, leave_a_mark))
    assert (outcome.value, outcome.cached) == (Value(number=2), False)
    assert spot.begun == 12


def test_a_loss_without_progress_is_left_to_the_tasks_own_tries(runtime: Runtime) -> None:
    spot = Spot(epochs=0, of=1, runtime=runtime)
    with pytest.raises(DeviceLost):
        asyncio.run(_by_child(spot.step, spot.given, runtime, spot, leave_a_mark))
    assert spot.begun == 1


def test_a_child_that_leaves_nothing_in_the_store_is_an_error_that_names_the_key(runtime: Runtime) -> None:
    class Elsewhere(Spot):
        async def run_child(self, child: Flow[..., Any], name: str, parameters: dict[str, Any]) -> None:
            pass

    spot = Elsewhere(epochs=1, of=1, runtime=runtime)
    with pytest.raises(RuntimeError, match=f"no result under {DOUBLING.key(spot.given)}"):
        asyncio.run(_by_child(spot.step, spot.given, runtime, spot, leave_a_mark))
