"""What orchestration costs: a tiny study on a stack of its own, then three at once on its two devices, one cancelled.

`.venv/bin/python -m tests.benchmarks.prefect` prints the table of docs/performance.md.
"""

import os
import subprocess
import time
from statistics import median
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from infra.local.stack import KEYS, ROOT, Stack
from tests.desk import TINY
from tests.production.driver import Production, processes_of, study_of, until
from tests.stack import stack_folder, working


def seconds(later: Any, earlier: Any) -> float:
    return float((later - earlier).total_seconds())


def waited(production: Production, run: FlowRun) -> tuple[float, float]:
    """From a child's creation to its first line of code, by way of the moment at which a worker took it."""
    states = sorted(production.client.read_flow_run_states(run.id), key=lambda state: str(state.timestamp))
    at = {state.name: state.timestamp for state in reversed(states)}
    taken = at.get("Pending") or at["Submitting"]
    return seconds(taken, at["Scheduled"]), seconds(at["Running"], taken)


def one(production: Production) -> None:
    run = production.begin("charrec/full-study", study=study_of(TINY), runtime=production.runtime("one"))
    until(lambda: production.state(run) == "Completed", 400)
    run = production.again(run)
    ran = [child for child in production.children(run) if child.state and child.state.is_completed()]
    starts = [waited(production, child)[1] for child in ran]
    inside = sum(child.total_run_time.total_seconds() for child in ran)
    print(f"| study with {len(ran)} children on 2 devices | {run.total_run_time.total_seconds():.0f} s |")
    print(f"| in its children together | {inside:.0f} s |")
    print(f"| start of a child, worker to first line, median | {median(starts):.1f} s |")
    print(f"| start of the study, created to first line | {sum(waited(production, run)):.1f} s |")


def again(production: Production) -> None:
    run = production.begin("charrec/full-study", study=study_of(TINY), runtime=production.runtime("one"))
    until(lambda: production.state(run) == "Completed", 400)
    print(f"| the same study again, all found | {production.again(run).total_run_time.total_seconds():.1f} s |")


def three(production: Production) -> None:
    begun = time.monotonic()
    runs = [
        production.begin(
            "charrec/full-study",
            study=study_of(TINY | {"--seed": str(seed)}),
            runtime=production.runtime(f"many-{seed}"),
        )
        for seed in (1, 2, 3)
    ]
    until(lambda: all(production.state(run) == "Completed" for run in runs), 900)
    print(f"| three studies at once on 2 devices | {time.monotonic() - begun:.0f} s |")


def cancelled(production: Production) -> None:
    """While two networks train and a third waits."""
    endless = TINY | {f"--epochs-model-{number}": "1000" for number in (1, 2, 3)}
    run = production.begin("charrec/full-study", study=study_of(endless), runtime=production.runtime("cancelled"))
    until(lambda: len([child for child in production.children(run) if child.state and child.state.is_running()]) == 2)
    time.sleep(10)  # they train
    begun = time.monotonic()
    production.client.set_flow_run_state(run.id, Cancelling())
    until(lambda: not any(map(processes_of, [run, *production.children(run)])))
    print(f"| cancelled: no process of it or its children after | {time.monotonic() - begun:.1f} s |")
    until(lambda: production.state(run) == "Cancelled")
    print(f"| cancelled: and the study is Cancelled after | {time.monotonic() - begun:.1f} s |")


def main() -> None:
    os.environ.update(KEYS, CUDA_VISIBLE_DEVICES="")
    with stack_folder() as folder:
        stack = Stack(folder, durable=False)
        try:
            begun = time.monotonic()
            stack.start_services()
            print(f"| | |\n|---|---|\n| PostgreSQL, Prefect's server, S3 store | {time.monotonic() - begun:.1f} s |")
            begun = time.monotonic()
            subprocess.run(
                ["make", "deploy"], cwd=ROOT, check=True, capture_output=True, env=os.environ | stack.settings
            )
            print(f"| `make deploy`, pools, automations, flows | {time.monotonic() - begun:.1f} s |")
            with (
                temporary_settings({PREFECT_API_URL: stack.api_url}),
                get_client(sync_client=True) as client,
                working(stack, ("cpu", "cpu0"), limit=4),
                working(stack, ("gpu", "gpu0"), ("gpu", "gpu1")),
            ):
                production = Production(stack, client, {})
                one(production)
                again(production)
                three(production)
                cancelled(production)
        finally:
            stack.down(clean=True)


if __name__ == "__main__":
    main()
