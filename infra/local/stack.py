"""`python -m infra.local.stack up`: all that a shared charrec needs, as processes of this machine in one folder.

PostgreSQL, Prefect's server on it, a store of the S3 protocol, a worker for the pool `cpu` and one per GPU for `gpu`.
"""

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from shlex import quote
from subprocess import run

from infra.local.postgres import Postgres
from infra.local.process import NotStarted, Process, children, eventually, kill, with_environment
from infra.local.s3 import BUCKET, KEYS, S3
from infra.local.server import PrefectServer

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".stack"
NOT_OURS = ("PREFECT_", "AWS_")  # settings of the person's own account and server
MARK = "CHARREC_STACK"  # in the environment of every process of a stack and of what they start
PATIENCE = 120.0  # seconds for a part to be ready; a new database takes 5 s on 2 idle cores
FAREWELL = 20.0  # seconds for a flow run to store what it has


class Stack:
    """The parts, each of which starts if it does not run; their data stay when they stop."""

    def __init__(self, folder: Path = FOLDER, durable: bool = True) -> None:
        self.folder = folder.resolve()
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
        """Of the store."""
        return self.store.endpoint

    @property
    def settings(self) -> dict[str, str]:
        """What a client of this stack has in its environment; also in the folder's file `env`."""
        return {
            "PREFECT_API_URL": self.api_url,
            "CHARREC_STORE": f"s3://{BUCKET}/results",
            "CHARREC_ENDPOINT": self.endpoint,
            **KEYS,
        }

    def up(self, gpus: int = 2, cpu_runs: int = 4) -> None:
        """Start what does not run. Raises NotStarted; what did start then runs on."""
        self.start_services()
        self.set_up()
        workers = [self.start_worker("cpu", "cpu0", limit=cpu_runs)]
        workers += [
            self.start_worker("gpu", f"gpu{number}", environment={"CUDA_VISIBLE_DEVICES": str(number)})
            for number in range(gpus)
        ]
        for worker in workers:
            self.wait_for_worker(worker)

    def start_services(self) -> None:
        """The database, Prefect's server and the store with its bucket, and wait for them."""
        environment = self.environment()
        self.store.start(environment)
        self.database.start(environment)
        self.server.start(self.database.url, environment)
        self.store.wait(PATIENCE)
        self.server.wait(PATIENCE)
        lines = [f"export {name}={quote(value)}" for name, value in self.settings.items()]
        (self.folder / "env").write_text("\n".join([*lines, ""]))

    def set_up(self) -> None:
        """Work pools and automations, as `make deploy` makes them; a worker would make a pool without our settings."""
        ended = run([sys.executable, "-m", "deployments.setup"], cwd=ROOT, env=self.environment(), capture_output=True)
        if ended.returncode:
            raise NotStarted(f"the work pools could not be set up: {ended.stderr.decode()[-2000:]}")

    def start_worker(
        self, pool: str, name: str, limit: int = 1, environment: Mapping[str, str] | None = None
    ) -> Process:
        """A worker of a pool, for so many runs at once; `wait_for_worker` waits until it takes some."""
        worker = self._process(f"worker-{pool}-{name}")
        worker.start(
            [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--name", name, "--type", "process",
             "--limit", str(limit), "--no-create-pool-if-not-found"],
            self.environment({"CHARREC_HOME": str(ROOT), "PREFECT_WORKER_QUERY_SECONDS": "2", **(environment or {})}),
            self.folder,
        )  # fmt: skip
        return worker

    def wait_for_worker(self, worker: Process) -> None:
        """Until Prefect's server has heard of it since it was started. Raises NotStarted."""
        _, pool, name = worker.name.split("-", 2)
        began = worker.note.stat().st_mtime

        def heard() -> bool:
            return any(
                each["name"] == name and datetime.fromisoformat(each["last_heartbeat_time"]).timestamp() > began
                for each in self.server.answer(f"/work_pools/{pool}/workers/filter", {}) or []
            )

        worker.wait(heard, PATIENCE)

    def stop_workers(self, *workers: Process) -> None:
        """Stop them after their flow runs, each of which stores what it has and says that it was terminated.

        Prefect's worker alone would kill them at once and leave them Running (Prefect #16746).
        """
        for worker in workers:
            worker.send(signal.SIGSTOP)  # it takes no more, and still holds the runs' output open
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
        """Those that were ever started here."""
        return [self._process(note.name) for note in sorted((self.folder / "processes").glob("worker-*"))]

    @property
    def parts(self) -> list[Process]:
        """In the order in which they start."""
        return [self.database.process, self.store.process, self.server.process, *self.workers]

    def down(self, clean: bool = False) -> None:
        """Stop everything, the last started first; `clean` deletes the folder, data and all."""
        self.stop_workers(*self.workers)
        self.server.process.stop()
        self.store.process.stop()
        self.database.stop()
        kill(with_environment(f"{MARK}={self.folder}"), signal.SIGKILL)  # what killed workers left behind
        if clean and self.folder.exists():
            shutil.rmtree(self.folder)

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """This process's, without its own settings of Prefect and AWS; nothing of this stack leaves its folder."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        ours = {**self.settings, "PREFECT_HOME": str(self.folder / "prefect"), MARK: str(self.folder)}
        return kept | ours | dict(more or {})

    def _process(self, name: str) -> Process:
        return Process(name, self.folder)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.local.stack", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where everything of it lies")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start what does not run")
    up.add_argument("--gpus", type=int, default=2, help="workers of the pool gpu, one per device")
    up.add_argument("--cpu-runs", type=int, default=4, help="runs at once on the pool cpu")
    down = commands.add_parser("down", help="stop everything")
    down.add_argument("--clean", action="store_true", help="and delete the folder, data and all")
    commands.add_parser("status", help="what runs")
    options = parser.parse_args(arguments)
    stack = Stack(options.folder)
    if options.command == "down":
        stack.down(options.clean)
        return 0
    if options.command == "up":
        try:
            stack.up(options.gpus, options.cpu_runs)
        except NotStarted as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return _tell(stack)


def _tell(stack: Stack) -> int:
    for part in stack.parts:
        print(f"{part.name:20}  {f'runs, process {part.pid}' if part.pid else 'does not run':24}  {part.log}")
    if not all(part.pid for part in stack.parts):
        return 1
    print(f"UI      {stack.ui_url}\nStore   {stack.settings['CHARREC_STORE']} at {stack.endpoint}")
    print(f"Clients . {stack.folder / 'env'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
