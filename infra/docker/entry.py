"""`python -m infra.docker.entry`: what a container of charrec begins with.

Sets the variables whose values lie in files of secrets, then becomes the given command; `worker ...` is Prefect's
worker with those arguments, which is stopped without losing its runs.
"""

import os
import signal
import sys
from collections.abc import MutableMapping
from pathlib import Path
from types import FrameType

from infra.local.process import children, eventually, kill

SECRETS = Path("/run/secrets")  # a file per variable, named as it: Docker's secrets, or a volume of Kubernetes
WORKER = ("-m", "prefect", "worker", "start", "--type", "process", "--no-create-pool-if-not-found",
          "--with-healthcheck")  # fmt: skip
FAREWELL = 40.0  # seconds for the runs to store what they have; give a container 20 more


def read_secrets(folder: Path, environment: MutableMapping[str, str]) -> None:
    """Set what is not set; an empty file sets nothing, an empty variable of charrec's is none.

    Raises PermissionError for a folder that may not be read: a worker without its credentials would fail much later.
    """
    for name in [name for name, value in environment.items() if name.startswith("CHARREC_") and not value]:
        del environment[name]  # Compose can make one empty, but not leave it out
    for file in sorted(folder.iterdir()) if folder.exists() else []:
        if file.name.isidentifier() and file.is_file() and (value := file.read_text().strip()):
            environment.setdefault(file.name, value)


def supervise(command: list[str]) -> int:
    """Run it as a worker until it ends or SIGTERM comes; returns its exit code, 0 where it was to stop.

    As a container's first process: whatever loses its parent is this one's child, and is collected.
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
    ended, status = os.wait()
    while ended != worker:
        ended, status = os.wait()
    return 0 if stopping else os.waitstatus_to_exitcode(status)


def say_farewell(worker: int) -> None:
    """Stop it after its runs, each of which stores what it has; alone it would kill them at once (Prefect #16746)."""
    kill([worker], signal.SIGSTOP)  # it takes no more, and still holds the runs' output open
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
