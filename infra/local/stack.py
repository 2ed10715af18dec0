"""`python -m infra.local.stack up`: a complete charrec deployment as local processes, with all data in one folder.

PostgreSQL, Prefect's server, an S3 store, one worker for the pool `cpu`, and one for the pool `gpu` on each GPU, or two
on the CPU where there is none (or as many as `--gpus` says); and a supervisor that starts again what ends by itself.
"""

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from shlex import quote
from subprocess import run

from charrec.errors import InputError
from charrec.machine.hardware import gpus as gpus_here
from infra.local.postgres import Postgres
from infra.local.process import NotStarted, Process, children, eventually, kill, with_environment
from infra.local.s3 import BUCKET, KEYS, S3
from infra.local.server import PrefectServer

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".stack"
NOT_OURS = ("PREFECT_", "AWS_")  # settings for the user's own account and server
MARK = "CHARREC_STACK"  # in the environment of every process of a stack and its descendants
PATIENCE = 120.0  # seconds for a service to become ready; a new database takes 5 s on 2 idle cores
FAREWELL = 20.0  # seconds for a flow run to store its work
ON_CPU = 2  # workers of the pool gpu where there is none


class Stack:
    """The services and workers; their data persist when they stop."""

    def __init__(self, folder: Path = FOLDER, durable: bool = True) -> None:
        self.folder = folder.resolve()
        self._workers: dict[str, Process] = {}
        self.supervisor = Process("supervisor", self.folder)
        self.database = Postgres(self.folder, durable)
        self.server, self.store = PrefectServer(self.folder), S3(self.folder)

    @property
    def ui_url(self) -> str:
        return self.server.ui_url

    @property
    def api_url(self) -> str:
        return self.server.api_url

    @property
    def endpoint(self) -> str:
        """The store's endpoint."""
        return self.store.endpoint

    @property
    def settings(self) -> dict[str, str]:
        """The environment variables of a client, also written to the folder's file `env`."""
        return {
            "PREFECT_API_URL": self.api_url,
            "CHARREC_STORE": f"s3://{BUCKET}/results",
            "CHARREC_ENDPOINT": self.endpoint,
            **KEYS,
        }

    def up(self, gpus: int | None = None, cpu_runs: int = 4) -> None:
        """Start all parts that are not running. Raises NotStarted and leaves the started ones running.

        `gpus`: workers of that pool; by default one for each GPU. Raises InputError where GPUs cannot be listed.
        """
        gpus = gpu_workers() if gpus is None else gpus
        self.supervisor.stop()  # so that nobody else starts a part
        self.start_services()
        self.set_up()
        starts = self.starts(gpus, cpu_runs)
        for start in starts.values():
            start()
        for worker in self.workers:
            if worker.name in starts:
                self.wait_for_worker(worker)
            elif not worker.pid:
                worker.note.unlink()  # of an earlier `up` that wanted more
        self.supervisor.start(
            [sys.executable, "-m", "infra.local.supervisor", "--folder", self.folder, "--gpus", str(gpus),
             "--cpu-runs", str(cpu_runs)],
            self.environment(), ROOT,
        )  # fmt: skip

    def starts(self, gpus: int, cpu_runs: int) -> dict[str, Callable[[], object]]:
        """The name of each part -> what starts it if it is not running."""
        environment = self.environment()
        starts: dict[str, Callable[[], object]] = {
            self.store.process.name: partial(self.store.start, environment),
            self.database.process.name: partial(self.database.start, environment),
            self.server.process.name: partial(self.server.start, self.database.url, environment),
            _worker("cpu", "cpu0"): partial(self.start_worker, "cpu", "cpu0", cpu_runs),
        }
        here = gpus_here() if gpus else ()
        for number in range(gpus):
            device = {"CUDA_VISIBLE_DEVICES": here[number % len(here)].visible_as if here else ""}
            name = f"gpu{number}"
            starts[_worker("gpu", name)] = partial(self.start_worker, "gpu", name, environment=device)
        return starts

    def start_services(self) -> None:
        """Start the database, Prefect's server and the store with its bucket, and wait for them."""
        environment = self.environment()
        self.store.start(environment)
        self.database.start(environment)
        self.server.start(self.database.url, environment)
        self.store.wait(PATIENCE)
        self.server.wait(PATIENCE)
        lines = [f"export {name}={quote(value)}" for name, value in self.settings.items()]
        (self.folder / "env").write_text("\n".join([*lines, ""]))

    def set_up(self) -> None:
        """Create pools and automations like `make deploy`; a worker would create its pool without our settings."""
        completed = run(
            [sys.executable, "-m", "deployments.setup"], cwd=ROOT, env=self.environment(), capture_output=True
        )
        if completed.returncode:
            raise NotStarted(f"the work pools could not be set up: {completed.stderr.decode()[-2000:]}")

    def start_worker(
        self, pool: str, name: str, limit: int = 1, environment: Mapping[str, str] | None = None
    ) -> Process:
        """Start a worker of a pool for up to `limit` runs at once; `wait_for_worker` waits until it is ready."""
        worker = self.process(_worker(pool, name))
        worker.start(
            [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--name", name, "--type", "process",
             "--limit", str(limit), "--no-create-pool-if-not-found"],
            self.environment({"CHARREC_HOME": str(ROOT), "PREFECT_WORKER_QUERY_SECONDS": "2", **(environment or {})}),
            self.folder,
        )  # fmt: skip
        return worker

    def wait_for_worker(self, worker: Process) -> None:
        """Wait for the worker's first heartbeat at Prefect's server since its start. Raises NotStarted."""
        _, pool, name = worker.name.split("-", 2)
        started = worker.note.stat().st_mtime

        def registered() -> bool:
            return any(
                each["name"] == name and datetime.fromisoformat(each["last_heartbeat_time"]).timestamp() > started
                for each in self.server.answer(f"/work_pools/{pool}/workers/filter", {}) or []
            )

        worker.wait(registered, PATIENCE, every=0.25)  # each question costs the server 20 ms

    def stop_workers(self, *workers: Process) -> None:
        """Stop the workers after their flow runs have stored their work and reported their termination.

        By itself, Prefect's worker kills its runs at once and leaves them Running (Prefect #16746).
        """
        for worker in workers:
            worker.send(signal.SIGSTOP)  # it accepts no more runs, and keeps the runs' output open
        runs = self._runs(workers)
        kill(runs, signal.SIGTERM)
        if not eventually(lambda: runs.isdisjoint(self._runs(workers)), FAREWELL):
            kill(runs, signal.SIGKILL)
        for worker in workers:
            worker.stop(signal.SIGKILL)

    def _runs(self, workers: Iterable[Process]) -> set[int]:
        return {run for worker in workers if worker.pid for run in children(worker.pid)}

    @property
    def workers(self) -> list[Process]:
        """All workers started in this folder and not forgotten since."""
        return [self.process(note.name) for note in sorted((self.folder / "processes").glob("worker-*"))]

    @property
    def parts(self) -> list[Process]:
        """All processes in start order, but the supervisor."""
        return [self.database.process, self.store.process, self.server.process, *self.workers]

    def down(self, clean: bool = False) -> None:
        """Stop everything in reverse start order; `clean` also deletes the folder with all data."""
        self.supervisor.stop(seconds=PATIENCE)  # it may be waiting for a service that it has started
        self.stop_workers(*self.workers)
        self.server.process.stop()
        self.store.stop()
        self.database.stop()
        kill(with_environment(f"{MARK}={self.folder}"), signal.SIGKILL)  # orphans of killed workers
        if clean and self.folder.exists():
            shutil.rmtree(self.folder)

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """This process's environment with the stack's settings in place of its own Prefect and AWS settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        ours = {**self.settings, "PREFECT_HOME": str(self.folder / "prefect"), MARK: str(self.folder)}
        return kept | ours | dict(more or {})

    def process(self, name: str) -> Process:
        """The part of this name."""
        services = (self.database.process, self.store.process, self.server.process)
        found = next((each for each in services if each.name == name), None)
        return found or self._workers.setdefault(name, Process(name, self.folder))


def gpu_workers() -> int:
    """Those of the pool gpu, unless a number is given."""
    return len(gpus_here()) or ON_CPU


def _worker(pool: str, name: str) -> str:
    return f"worker-{pool}-{name}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.local.stack", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="the folder with all its data")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything that is not running")
    up.add_argument("--gpus", type=int, help="workers of the pool gpu; one for each GPU, or two on the CPU, by default")
    up.add_argument("--cpu-runs", type=int, default=4, help="concurrent runs on the pool cpu")
    down = commands.add_parser("down", help="stop everything")
    down.add_argument("--clean", action="store_true", help="also delete the folder with all data")
    commands.add_parser("status", help="show what is running")
    options = parser.parse_args(arguments)
    stack = Stack(options.folder)
    if options.command == "down":
        stack.down(options.clean)
        return 0
    if options.command == "up":
        try:
            stack.up(options.gpus, options.cpu_runs)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except NotStarted as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return _print_status(stack)


def _print_status(stack: Stack) -> int:
    parts = [*stack.parts, stack.supervisor]
    for part in parts:
        print(f"{part.name:20}  {f'runs, process {part.pid}' if part.pid else 'does not run':24}  {part.log}")
    if not all(part.pid for part in parts):
        return 1
    print(f"UI      {stack.ui_url}\nStore   {stack.settings['CHARREC_STORE']} at {stack.endpoint}")
    print(f"Clients . {stack.folder / 'env'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
