"""`python -m infra.docker.entry`: the entry point of charrec's containers.

Sets environment variables from secret files, then replaces itself by the command. `worker ...` runs Prefect's worker
with those arguments and shuts it down without losing its runs.
"""

import os
import signal
import sys
from collections.abc import MutableMapping
from pathlib import Path
from types import FrameType

from infra.local.process import children, eventually, kill

SECRETS = Path("/run/secrets")  # one file per variable, with its name: Docker's secrets, or a Kubernetes volume
WORKER = ("-m", "prefect", "worker", "start", "--type", "process", "--no-create-pool-if-not-found",
          "--with-healthcheck")  # fmt: skip
FAREWELL = 40.0  # seconds for the runs to store their work; allow the container 20 more


def read_secrets(folder: Path, environment: MutableMapping[str, str]) -> None:
    """Set unset variables from files. Empty files are ignored; an empty CHARREC_ variable counts as unset.

    Raises PermissionError for an unreadable folder, because a worker without credentials would fail much later.
    """
    for name in [name for name, value in environment.items() if name.startswith("CHARREC_") and not value]:
        del environment[name]  # Compose can set a variable to nothing, but not omit it
    for file in sorted(folder.iterdir()) if folder.exists() else []:
        if file.name.isidentifier() and file.is_file() and (value := file.read_text().strip()):
            environment.setdefault(file.name, value)


def supervise(command: list[str]) -> int:
    """Run the worker until it exits or SIGTERM arrives; returns its exit code, or 0 after SIGTERM.

    As the container's init process, it also reaps orphans.
    """
    worker = os.posix_spawnp(command[0], command, os.environ)
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            say_farewell(worker)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    exited, status = os.wait()
    while exited != worker:
        exited, status = os.wait()
    return 0 if stopping else os.waitstatus_to_exitcode(status)


def say_farewell(worker: int) -> None:
    """Stop the worker after its runs have stored their work; by itself it would kill them at once (Prefect #16746)."""
    kill([worker], signal.SIGSTOP)  # it accepts no more runs, and keeps the runs' output open
    runs = children(worker)
    kill(runs, signal.SIGTERM)
    if not eventually(lambda: set(runs).isdisjoint(children(worker)), FAREWELL):
        kill(runs, signal.SIGKILL)
    kill([worker], signal.SIGKILL)


def main(arguments: list[str]) -> int:
    read_secrets(SECRETS, os.environ)
    if arguments[:1] != ["worker"]:
        os.execvp(arguments[0], arguments)
    return supervise([sys.executable, *WORKER, *arguments[1:]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
