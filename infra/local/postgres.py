"""The project's own PostgreSQL server, from Debian's package, on a private Unix socket."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from infra.local.process import NotStarted, Process, eventually

PACKAGED = Path("/usr/lib/postgresql")  # Debian's path: one folder per version
UNPRIVILEGED = "postgres"  # the package's user, since PostgreSQL refuses to run as root
SOCKET = ".s.PGSQL.5432"
LONGEST = 107  # bytes of a Unix socket's path on Linux
SUPERUSER = DATABASE = "prefect"


class Postgres:
    """A server with data and socket in one folder; `durable=False` is for tests: a machine crash loses data."""

    def __init__(self, folder: Path, durable: bool = True) -> None:
        self.process = Process("postgres", folder)
        self.folder, self.durable = folder / "postgres", durable
        self.data, self.sockets = self.folder / "data", self.folder / "socket"
        self.user = UNPRIVILEGED if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        """SQLAlchemy's URL. It needs no password, because the permissions of the socket's folder control access."""
        return f"postgresql+asyncpg://{SUPERUSER}@/{DATABASE}?host={self.sockets}"

    @property
    def connection(self) -> list[str | Path]:
        """The options by which PostgreSQL's own programs reach the server."""
        return ["-h", self.sockets, "-U", SUPERUSER]

    def start(self, environment: dict[str, str]) -> None:
        """Start the server, create the database if it is missing, and wait until it is ready."""
        if self.process.pid:
            return
        binaries = programs()
        self._prepare_folders()
        options = ["-k", str(self.sockets), "-c", "listen_addresses="]
        if not self.durable:
            options += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        if not self.data.exists():
            new = self.folder / "new"  # renamed when complete, so an interrupted initdb leaves no half database
            shutil.rmtree(new, ignore_errors=True)
            self.call("initdb", "-D", new, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C",
                      *([] if self.durable else ["--no-sync"]))  # fmt: skip
            new.rename(self.data)
        eventually(self.process.collected, 10)  # PostgreSQL takes a zombie of the last server for a living one
        self.process.start([binaries / "postgres", "-D", self.data, *options], environment, self.folder, self.user)
        self.process.wait(lambda: _succeeds(binaries / "pg_isready", "-q", *self.connection), 60)
        if not _succeeds(binaries / "psql", "-q", *self.connection, "-d", DATABASE, "-c", ""):
            self.call("createdb", *self.connection, DATABASE)

    def stop(self) -> None:
        self.process.stop(signal.SIGINT)  # "fast" shutdown, which does not wait for clients

    @contextmanager
    def serving(self, environment: dict[str, str]) -> Iterator[None]:
        """With its server up; one that was down is down again at the end."""
        was_up = self.process.pid
        self.start(environment)
        try:
            yield
        finally:
            if not was_up:
                self.stop()

    def ask(self, query: str) -> list[list[str]]:
        """The rows of the answer. Raises NotStarted."""
        answer = self.call("psql", *self.connection, "-d", DATABASE, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", query)
        return [line.split("|") for line in answer.splitlines()]

    def call(
        self, program: str, *arguments: str | Path, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None
    ) -> str:
        """What one of PostgreSQL's programs writes, unless it writes to `stdout`. Raises NotStarted if it fails."""
        completed = subprocess.run(
            [programs() / program, *arguments], stdin=stdin or subprocess.DEVNULL, stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=self.folder if self.folder.exists() else "/", env=_ours(), user=self.user,
            group=self.user, extra_groups=[] if self.user else None,
        )  # fmt: skip
        if completed.returncode:
            said = completed.stderr or completed.stdout or b""
            raise NotStarted(f"{program} failed: {said.decode(errors='replace').strip()}")
        return (completed.stdout or b"").decode(errors="replace")

    def _prepare_folders(self) -> None:
        address = os.fsencode(self.sockets / SOCKET)
        if len(address) > LONGEST:
            raise NotStarted(
                f"{self.sockets / SOCKET} has {len(address)} bytes; a socket's path may have at most {LONGEST}. "
                "Choose a folder nearer to the root."
            )
        for folder in (self.folder, self.sockets):
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        if not self.user:
            return
        try:
            pwd.getpwnam(self.user)
        except KeyError:
            raise NotStarted(
                f"there is no user {self.user}, and PostgreSQL cannot run as root. Run `apt-get install postgresql`, "
                "which creates it, or run as another user."
            ) from None
        for folder in (self.folder, self.sockets):
            shutil.chown(folder, self.user, self.user)
        if subprocess.run(["test", "-x", self.folder], user=self.user, group=self.user, extra_groups=[]).returncode:
            raise NotStarted(
                f"the user {self.user}, which runs PostgreSQL for root, may not enter {self.folder}. "
                "Choose a folder whose parents are accessible to all users, or run as another user."
            )


def programs() -> Path:
    """The folder of the newest version's programs."""
    versions = sorted(PACKAGED.glob("*/bin/postgres"), key=lambda each: float(each.parts[-3]))
    if versions:
        return versions[-1].parent
    elsewhere = shutil.which("postgres")
    if not elsewhere:
        raise NotStarted("PostgreSQL is not installed. Run `apt-get install postgresql`.")
    return Path(elsewhere).resolve().parent


def _succeeds(*command: str | Path) -> bool:
    return subprocess.run(command, capture_output=True, env=_ours()).returncode == 0


def _ours() -> dict[str, str]:
    """This process's environment without the settings of the user's own PostgreSQL."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
