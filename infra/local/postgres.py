"""A PostgreSQL of this project's own, from Debian's package, reached through a socket that nobody else may enter."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from infra.local.process import NotStarted, Process

PACKAGED = Path("/usr/lib/postgresql")  # Debian's: a folder per version
UNPRIVILEGED = "postgres"  # the package's user: PostgreSQL refuses to be root
SOCKET = ".s.PGSQL.5432"
LONGEST = 107  # bytes of a socket's address on Linux
SUPERUSER = DATABASE = "prefect"


class Postgres:
    """Its data and its socket in a folder; `durable` off is for tests alone: a crash of the machine loses data."""

    def __init__(self, folder: Path, durable: bool = True) -> None:
        self.process = Process("postgres", folder)
        self.folder, self.durable = folder / "postgres", durable
        self.data, self.sockets = self.folder / "data", self.folder / "socket"
        self.user = UNPRIVILEGED if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        """As SQLAlchemy takes it. No password: only who may enter the socket's folder reaches the server."""
        return f"postgresql+asyncpg://{SUPERUSER}@/{DATABASE}?host={self.sockets}"

    def start(self, environment: dict[str, str]) -> None:
        """Start it, on a new database if there is none, and wait for it."""
        if self.process.pid:
            return
        programs = _programs()
        self._make_room()
        options = ["-k", str(self.sockets), "-c", "listen_addresses="]
        if not self.durable:
            options += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        if not self.data.exists():
            new = self.folder / "new"  # what was interrupted is not taken for a database
            shutil.rmtree(new, ignore_errors=True)
            self._run(programs / "initdb", "-D", new, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C",
                      *([] if self.durable else ["--no-sync"]))  # fmt: skip
            new.rename(self.data)
        self.process.start([programs / "postgres", "-D", self.data, *options], environment, self.folder, self.user)
        known: list[str | Path] = ["-h", self.sockets, "-U", SUPERUSER]
        self.process.wait(lambda: _succeeds(programs / "pg_isready", "-q", *known), 60)
        if not _succeeds(programs / "psql", "-q", *known, "-d", DATABASE, "-c", ""):
            self._run(programs / "createdb", *known, DATABASE)

    def stop(self) -> None:
        self.process.stop(signal.SIGINT)  # its "fast" shutdown: does not wait for clients

    def _make_room(self) -> None:
        address = os.fsencode(self.sockets / SOCKET)
        if len(address) > LONGEST:
            raise NotStarted(
                f"{self.sockets / SOCKET} has {len(address)} bytes; a socket's path may have {LONGEST}. "
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
                f"there is no user {self.user}; PostgreSQL cannot run as root. Run `apt-get install postgresql`, "
                "which creates it, or be another user."
            ) from None
        for folder in (self.folder, self.sockets):
            shutil.chown(folder, self.user, self.user)
        if subprocess.run(["test", "-x", self.folder], user=self.user, group=self.user, extra_groups=[]).returncode:
            raise NotStarted(
                f"the user {self.user}, who runs PostgreSQL for root, may not enter {self.folder}. "
                "Choose a folder below others that everybody may pass, or be another user."
            )

    def _run(self, *command: str | Path) -> None:
        ended = subprocess.run(
            command, cwd=self.folder, user=self.user, group=self.user, extra_groups=[] if self.user else None,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if ended.returncode:
            raise NotStarted(f"{Path(command[0]).name} failed: {ended.stdout.strip()}")


def _programs() -> Path:
    """The newest version's."""
    found = sorted(PACKAGED.glob("*/bin/postgres"), key=lambda each: float(each.parts[-3]))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("postgres")
    if not elsewhere:
        raise NotStarted("PostgreSQL is not installed. Run `apt-get install postgresql`.")
    return Path(elsewhere).resolve().parent


def _succeeds(*command: str | Path) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0
