"""Prefect's server under load: many studies in its database, many runs that wait for one GPU."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from prefect.client.orchestration import PrefectClient, SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterName,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from charrec.study import Study
from deployments.setup import begin_anew
from flows import watch
from infra.local.stack import KEYS, ROOT, Stack
from tasks.lost import end_tasks, held, newest_event
from tasks.naming import word
from tasks.pool import SELDOM, stop_children
from tests.benchmarks import copies
from tests.benchmarks.load import REST, Figure, Notes, Sizes, cpu_of
from tests.desk import TINY
from tests.production.driver import Production, processes_of, study_of, until
from tests.stack import working

PAGES = Path(__file__).with_name("pages.json")  # what Prefect's UI asks for, as a browser's log showed
APART = timedelta(minutes=10)  # a thousand in the week for which Prefect keeps events
SERVICES = (
    "CANCELLATION_CLEANUP", "EVENT_PERSISTER", "EVENT_LOGGER", "FOREMAN", "LATE_RUNS", "SCHEDULER", "PAUSE_EXPIRATIONS",
    "REPOSSESSOR", "CLEANUP_RECONCILER", "TASK_RUN_RECORDER", "TRIGGERS",
)  # fmt: skip
WINDOW = 30.0  # seconds in which CPU time is counted
SETTLED = 10 * SELDOM  # seconds until those that wait are looked at as seldom as ever
BEGUN = 5  # of those that wait; each takes seconds of a core to start
WAITS = """
import asyncio
import sys
import time

sys.path.insert(0, {root!r})
from prefect import flow
from tasks.ownership import own_run
from tasks.pool import Pool, cancel_children

@flow(name="nap", persist_result=False)
def nap(number: int) -> None:
    time.sleep(0.1)

@flow(name="charrec", persist_result=False, on_cancellation=[cancel_children])
async def waits(children: int) -> None:
    with own_run():
        pool = Pool(children)
        await asyncio.gather(*(pool.run_child(nap, f"nap {{n:03}}", {{"number": n}}) for n in range(children)))
"""


@contextmanager
def served(folder: Path) -> Iterator[tuple[Stack, SyncPrefectClient]]:
    """A stack without workers, with what `make deploy` puts there; its data stay in the folder."""
    os.environ.update(KEYS, CUDA_VISIBLE_DEVICES="")
    folder.mkdir(exist_ok=True, mode=0o711)
    stack = Stack(folder)
    try:
        stack.start_services()
        with temporary_settings({PREFECT_API_URL: stack.api_url}), get_client(sync_client=True) as client:
            if not client.read_automations():
                deploy(stack)
            yield stack, client
    finally:
        stack.down()


def deploy(stack: Stack) -> None:
    command = ["make", "-o", "install", "deploy"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=stack.environment())


def server_cpu(stack: Stack) -> Callable[[], float]:
    """Of Prefect's server and of PostgreSQL."""
    pids = [each.pid for each in (stack.server.process, stack.database.process) if each.pid]
    return lambda: cpu_of(*pids)


# Many studies


def studies(folder: Path, notes: Notes, sizes: Sizes) -> None:
    """One finished study in the database, then many."""
    with served(folder / "studies") as (stack, client):
        run = a_study(stack, client)
        quiet(stack)
        asked = questions(client, run)
        for number in (1, sizes.studies):
            load, kind = f"{number:,} {'study' if number == 1 else 'studies'}", "studies: "
            if number > 1:
                of = word(Study.model_validate(run.parameters["study"]))
                one = copies.study(stack.database, run.id, of)
                copies.fill(stack.database, one, run.id, number, APART, lambda text: print(text, flush=True))
            notes.rest(f"{kind}nothing, for {REST:.0f} s", load, server_cpu(stack))
            for what, question in asked.items():
                notes.measure(kind + what, load, question, server_cpu(stack))
            notes.measure(f"{kind}`make deploy`", load, lambda: deploy(stack), server_cpu(stack), least=1)


def quiet(stack: Stack) -> None:
    """Start the server again without what it does by itself, so that all it spends is spent on answers."""
    stack.server.process.stop()
    off = {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in SERVICES}
    stack.server.start(stack.database.url, stack.environment(off))
    stack.server.wait(600)


def a_study(stack: Stack, client: SyncPrefectClient) -> FlowRun:
    """A tiny one, whole, on workers of its own; the one that is there."""
    production = Production(stack, client, {})
    deployment = client.read_deployment_by_name("charrec/full-study")
    mine = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.COMPLETED])),
        name=FlowRunFilterName(like_=f"study {word(Study.model_validate(study_of(TINY)))},"),
    )
    if found := client.read_flow_runs(flow_run_filter=mine, limit=1):
        return found[0]
    with working(stack, ("cpu", "cpu0"), limit=4), working(stack, ("gpu", "gpu0")):
        run = production.begin("charrec/full-study", study=study_of(TINY), runtime=production.runtime("one"))
        until(lambda: production.state(run) == "Completed", 3600)
        time.sleep(20)  # until the server has stored its events
    return production.again(run)


def questions(client: SyncPrefectClient, run: FlowRun) -> dict[str, Callable[[], Any]]:
    """What charrec and the UI ask the server; `run`: a study that has ended."""
    loop = asyncio.new_event_loop()
    asking = loop.run_until_complete(get_client().__aenter__())
    child = next(iter(children(client, run)))

    def by(call: Callable[[PrefectClient], Awaitable[Any]]) -> Callable[[], Any]:
        return lambda: loop.run_until_complete(call(asking))  # type: ignore[arg-type]

    return {
        "`charrec-watch`: task runs that claim to be at work in runs that are over": by(watch._end_left_tasks),
        "`charrec-watch`: studies left Crashed": by(watch._left_crashed),
        "`charrec-watch`: runs that claim to be at work": by(watch._busy),
        "a run's newest sign of life": by(lambda one: newest_event(one, run.id)),
        "the newest event of anybody": by(newest_event),
        "whether a worker holds a run": by(lambda one: held(one, run)),
        "`charrec-revive`: end a run's tasks": by(lambda one: end_tasks(one, run.id, "")),
        "a cancelled study's children": lambda: stop_children(client, run.id),
        "`make deploy`: runs that wait in a deleted pool": begin_anew,
        "a study is begun, and deleted": lambda: begun_and_deleted(client, run),
        "a child is begun, or joined": lambda: joined(client, child),
        "a worker asks for runs": lambda: client.request("POST", "/work_pools/gpu/get_scheduled_flow_runs", json={}),
        **{f"the UI's page {name}": lambda asked=asked: page(client, asked) for name, asked in pages(client).items()},
    }


def children(client: SyncPrefectClient, run: FlowRun) -> list[FlowRun]:
    return Production(None, client, {}).children(run)  # type: ignore[arg-type]


def begun_and_deleted(client: SyncPrefectClient, run: FlowRun) -> None:
    assert run.deployment_id
    client.delete_flow_run(client.create_flow_run_from_deployment(run.deployment_id, parameters=run.parameters).id)


def joined(client: SyncPrefectClient, child: FlowRun) -> None:
    assert child.deployment_id
    again = client.create_flow_run_from_deployment(
        child.deployment_id, parameters=child.parameters, idempotency_key=child.idempotency_key
    )
    assert again.id == child.id


def pages(client: SyncPrefectClient) -> dict[str, list[tuple[str, str, Any]]]:
    """The UI's requests, for now and this server."""
    text, now = PAGES.read_text(encoding="utf-8"), datetime.now(UTC)
    pools = {f"POOL {name.upper()}": client.read_work_pool(name).id for name in ("cpu", "gpu")}
    times = {"NOW": now, "A DAY AGO": now - timedelta(days=1), "A WEEK AGO": now - timedelta(days=7)}
    for name, value in {**pools, **{name: at.isoformat() for name, at in times.items()}}.items():
        text = text.replace(f'"{name}"', f'"{value}"')
    asked: dict[str, list[tuple[str, str, Any]]] = json.loads(text)
    return asked


def page(client: SyncPrefectClient, asked: list[tuple[str, str, Any]]) -> None:
    for method, path, body in asked:
        client.request(method, path, json=body).raise_for_status()  # type: ignore[arg-type]


# Many that wait


def waiting(folder: Path, notes: Notes, sizes: Sizes) -> None:
    """One child of a study waits for the pool `gpu`, then many do; a worker takes some; the study is cancelled.

    First what is asked about runs that wait, of a server that does nothing else.
    """
    over = "waiting: from the study's cancellation until it and all children are over"
    with served(folder / "waiting") as (stack, client):
        prepare(client, folder / "waiting" / "flows")
        quiet(stack)
        asked_for = client.read_deployment_by_name("nap/nap").id
        runs: list[FlowRun] = []
        for number in (1, sizes.waiting):
            while len(runs) < number:
                runs.append(client.create_flow_run_from_deployment(asked_for, parameters={"number": len(runs)}))
            about_those_that_wait(client, stack, runs[0], f"{number} waiting", notes)
        for run in runs:
            client.delete_flow_run(run.id)
        stack.server.process.stop()
        stack.start_services()
        for number in (1, sizes.waiting):
            load = f"{number} waiting"
            if load not in notes.found.get(over, {}):
                with working(stack, ("cpu", "cpu0"), limit=4) as (worker,):
                    notes.note(over, load, wait(Production(stack, client, {"cpu0": worker}), number, load, notes))


def prepare(client: SyncPrefectClient, flows: Path) -> None:
    """Deploy a study that waits for its children, and a child that ends at once."""
    flows.mkdir(exist_ok=True)
    (flows / "waits.py").write_text(WAITS.format(root=str(ROOT)))
    step = {"prefect.deployments.steps.set_working_directory": {"directory": str(flows)}}
    for name, pool, entry in (("nap", "gpu", "nap"), ("charrec", "cpu", "waits")):
        client.create_deployment(
            client.create_flow_from_name(name), entry, work_pool_name=pool, entrypoint=f"waits.py:{entry}",
            pull_steps=[step], tags=["charrec"],
        )  # fmt: skip


def about_those_that_wait(client: SyncPrefectClient, stack: Stack, run: FlowRun, load: str, notes: Notes) -> None:
    loop, server = asyncio.new_event_loop(), server_cpu(stack)
    asking = loop.run_until_complete(get_client().__aenter__())
    asks = partial(client.request, "POST", "/work_pools/gpu/get_scheduled_flow_runs", json={})
    notes.rest(f"waiting: nothing, for {REST:.0f} s", load, server)
    notes.measure("waiting: a study looks at a child", load, lambda: client.read_flow_run(run.id), server)
    notes.measure("waiting: `charrec-watch`: runs that claim to be at work", load,
                  lambda: loop.run_until_complete(watch._busy(asking)), server)  # fmt: skip
    notes.measure("waiting: a worker of `gpu` asks for runs", load, asks, server)
    client.update_work_pool("gpu", WorkPoolUpdate(concurrency_limit=1))
    notes.measure("waiting: the same with the pool's limit at 1", load, asks, server)
    client.update_work_pool("gpu", WorkPoolUpdate(concurrency_limit=None))


def wait(production: Production, number: int, load: str, notes: Notes) -> Figure:
    """So many children wait, then end; what their end took."""
    client, stack, worker = production.client, production.stack, production.workers["cpu0"]
    server = server_cpu(stack)
    run = production.begin("charrec/waits", children=number)

    def live() -> list[FlowRun]:
        return [child for child in production.children(run) if child.state and not child.state.is_final()]

    until(lambda: len(live()) == number, 1200)
    time.sleep(SETTLED)
    study = processes_of(run)
    assert worker.pid
    spent = {
        "Prefect's server and PostgreSQL": server,
        "the study that waits": lambda: cpu_of(*study),
        "its worker": lambda: cpu_of(worker.pid or 0) - cpu_of(*study),
    }
    before = {who: each() for who, each in spent.items()}
    time.sleep(WINDOW)
    for who, each in spent.items():
        notes.note(f"waiting: {who}, meanwhile", load, Figure(WINDOW, each() - before[who], 1))
    if number > BEGUN:
        taken(production, run, load, notes)
    began, spent_before = time.monotonic(), server()
    client.set_flow_run_state(run.id, Cancelling())
    until(lambda: production.state(run) == "Cancelled" and not live(), 600)
    return Figure(time.monotonic() - began, server() - spent_before, 1)


def taken(production: Production, run: FlowRun, load: str, notes: Notes) -> None:
    """The first of them, by one worker with one place; raises AssertionError if a later one was before."""

    def begun() -> list[FlowRun]:
        ran = [child for child in production.children(run) if child.start_time]
        return sorted(ran, key=lambda child: str(child.start_time))

    began, before = time.monotonic(), server_cpu(production.stack)()
    with working(production.stack, ("gpu", "gpu0")):
        until(lambda: len(begun()) > BEGUN, 600)
        took = Figure(time.monotonic() - began, server_cpu(production.stack)() - before, 1)
    notes.note(f"waiting: {BEGUN} of them run, one after the other", load, took)
    came = sorted(production.children(run), key=lambda child: str(child.expected_start_time))
    assert [child.name for child in begun()] == [child.name for child in came[: len(begun())]]
