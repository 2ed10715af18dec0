"""Prefect's server for a study if none is configured; it ends when the study ends, for whatever reason.

Prefect's own temporary server outlives a killed study (Prefect #17593), gets a Ctrl-C before the study has reported its
end (30 s of attempts to reach it), and prints its own tracebacks. This one starts before Prefect is imported here: it
takes 3 s, and that import 2 s of another core.
"""

import os
import socket
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from charrec.errors import InputError
from flows import surroundings
from flows.schema import lay_out

START = 180  # seconds; a new database alone takes 14 s on 2 idle cores, where it has to be migrated
OUTSIDE = ("_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")  # for connections that the server does not make


@dataclass(frozen=True)
class LocalServer:
    """A server that is starting."""

    home: Path
    port: int
    process: "subprocess.Popen[bytes]"

    def address(self) -> str:
        """Its API, once it answers. Raises ConnectionError where it does not start."""
        server = f"http://127.0.0.1:{self.port}"
        try:
            build_opener(ProxyHandler({})).open(f"{server}/api/health", timeout=START).close()
        except (URLError, OSError) as error:
            self.end()
            raise ConnectionError(f"Prefect's server did not start ({error}); {_log(self.home)} says why.") from None
        return f"{server}/api"

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()  # closes its input too


def begun_early() -> LocalServer | None:
    """The server, unless a variable or a profile of Prefect may name another. Raises InputError."""
    settings = {name for name in os.environ if name.upper().startswith("PREFECT_")} - {"PREFECT_HOME"}
    return None if settings or surroundings.profiles().exists() else begun(surroundings.home())


def begun(home: Path) -> LocalServer:
    """The server, with its database and its log in this folder. Raises InputError."""
    home = home.absolute()  # the server works there
    database = _database(home)
    _require_writable(home)
    try:
        lay_out(database)
    except sqlite3.Error as error:
        raise InputError(
            f"{database}, Prefect's record of a study's runs, cannot be used ({error})", "a database of SQLite",
            "Delete it, or set PREFECT_HOME to another folder.",
        ) from None  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as listener, _log(home).open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", Path(__file__).with_name("serving.py"), str(listener.fileno())],
            cwd=home,  # without the prefect.toml or .env of the current folder
            env=_environment(home),
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,  # open as long as this process lives
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        return LocalServer(home, listener.getsockname()[1], process)


def _require_writable(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        _log(home).touch()
    except OSError as error:
        raise InputError(
            f"{home}, where Prefect keeps a study's runs, cannot be written ({error.strerror})",
            "a folder of this user's", "Set PREFECT_HOME to another one.",
        ) from None  # fmt: skip


def _log(home: Path) -> Path:
    return home / "charrec-server.log"


def _database(home: Path) -> Path:
    """That of this version of Prefect: an older one cannot read what a newer one has changed."""
    return home / f"charrec-{version('prefect')}.db"


def _environment(home: Path) -> dict[str, str]:
    """What the server reads: of Prefect's settings its home alone, since others are for servers of another purpose.

    It does not register Prefect's blocks, 1 s of a core in each new database, since a study has none.
    """
    foreign = ("PREFECT_", "PYTHONWARNINGS")
    kept = {
        name: value for name, value in os.environ.items()
        if not name.upper().startswith(foreign) and not name.upper().endswith(OUTSIDE)
    }  # fmt: skip
    return kept | {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": os.devnull,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{_database(home)}",
        "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",
        "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    }
