"""Steps as tasks, in a real flow on a real Prefect server: what their states say."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.exceptions import UnfinishedRun
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.testing.utilities import prefect_test_harness

from charrec.errors import InputError
from charrec.memo import Outcome
from charrec.study import Runtime
from tasks import steps
from tasks.devices import Devices
from tests.tasks.doubling import Value, double, double_but_die_first

here = steps.patient(double, "double", task_run_name="double {given}")
there = steps.on_device(double, "double there")
dying = steps.on_device(double_but_die_first, "die")


@pytest.fixture(scope="session", autouse=True)
def prefect_server() -> Iterator[None]:
    quiet = temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
    with prefect_test_harness(server_startup_timeout=120), quiet:
        yield


def run(body: Callable[[], Any]) -> Any:
    """The body's answer, run as a flow."""
    return flow(name="steps", persist_result=False)(body)()


def test_a_fresh_step_is_completed_and_one_that_was_done_is_cached(tmp_path: Path) -> None:
    def body() -> list[tuple[str, Outcome[Value]]]:
        found = []
        for _ in range(2):
            future = here.submit(4, str(tmp_path))
            outcome = future.result()
            found.append((future.state.name, outcome))
        return found

    (first, fresh), (second, cached) = run(body)
    assert (first, second) == ("Completed", "Cached")
    assert (fresh.cached, cached.cached) == (False, True)
    assert fresh.value == cached.value == Value(number=8)


def test_a_step_on_a_device_says_the_same_of_what_was_done(tmp_path: Path) -> None:
    def body() -> list[Any]:
        with Devices(Runtime(devices="cpu")) as devices:
            first = there.submit(devices, 4, str(tmp_path))
            futures = [first, there.submit(devices, 4, str(tmp_path), wait_for=[first])]
            steps.results(futures)
            return [(future.state.name, future.result().value) for future in futures]

    assert run(body) == [("Completed", Value(number=8)), ("Cached", Value(number=8))]


def test_results_are_those_of_all_in_order(tmp_path: Path) -> None:
    def body() -> list[int]:
        first = here.submit(1, str(tmp_path))
        second = here.submit(first, str(tmp_path))
        return [outcome.value.number for outcome in steps.results([second, first])]

    assert run(body) == [4, 2]


def test_a_failure_upstream_surfaces_as_itself(tmp_path: Path) -> None:
    kinds = []

    def body() -> None:
        failing = here.submit(13, str(tmp_path))
        after = here.submit(failing, str(tmp_path))
        last = here.submit(after, str(tmp_path))
        for future in (last, after):
            with pytest.raises(UnfinishedRun):
                future.result()
            kinds.append(future.state.name)
        steps.results([last, after, failing])

    with pytest.raises(InputError) as failure:
        run(body)
    assert str(failure.value) == "13; expected another number. Take it."
    assert kinds == ["NotReady", "NotReady"]


def test_a_step_whose_process_was_killed_is_tried_again(tmp_path: Path) -> None:
    def body() -> tuple[str, int]:
        with Devices(Runtime(devices="cpu")) as devices:
            future = dying.submit(devices, 5, str(tmp_path))
            (outcome,) = steps.results([future])
            return future.state.name, outcome.value.number

    assert run(body) == ("Completed", 10)


def test_a_refusal_on_a_device_is_not_tried_again(tmp_path: Path) -> None:
    def body() -> None:
        with Devices(Runtime(devices="cpu")) as devices:
            steps.results([there.submit(devices, 13, str(tmp_path))])

    with pytest.raises(InputError):
        run(body)
