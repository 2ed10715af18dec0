"""Prefect's server for a study if none is configured; it ends when the study ends, for whatever reason.

Prefect's own temporary server outlives a killed study (Prefect #17593), gets a Ctrl-C before the study has reported its
end (30 s of attempts to reach it), and prints its own tracebacks.
"""

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

import prefect
from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_HOME,
    temporary_settings,
)
from prefect.settings.constants import DEFAULT_PROFILES_PATH

from charrec.errors import InputError
from flows.schema import lay_out
from tasks.loopback import prefect_at

START = 180  # seconds; a new database alone takes 14 s on 2 idle cores, where it has to be migrated
ANSWER = 10.0  # seconds for a configured server
OUTSIDE = ("_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")  # for connections that the server does not make


def address() -> str:
    """The API of the configured server, or of one that is started now.

    Raises InputError where the configured one does not answer, ConnectionError where none starts.
    """
    if configured := PREFECT_API_URL.value():
        _require_answer(str(configured))
        return str(configured)
    return _started(_home())


def _require_answer(api: str) -> None:
    """Ask the configured server once."""
    patience = {PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_REQUEST_TIMEOUT: ANSWER}
    try:
        with prefect_at(api), temporary_settings(patience), get_client(sync_client=True) as client:
            kind = client.request("GET", "/health").headers.get("content-type", "")
            if not kind.startswith("application/json"):
                raise ValueError(f"it answers with {kind or 'nothing'}, as a server of another kind")
    except Exception as error:  # of httpx, of TLS, of the proxies' addresses
        by = "PREFECT_API_URL" if os.environ.get("PREFECT_API_URL") else "a profile or a file of Prefect"
        other = "unset PREFECT_API_URL" if by == "PREFECT_API_URL" else "set PREFECT_PROFILE=ephemeral"
        why = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        raise InputError(
            f"Prefect's server at {_shown(api)}, which {by} names, does not answer ({why})",
            "a running Prefect server, its address ending in /api",
            f"Start it, or {other}: then the study starts a server of its own.",
        ) from None


def _shown(api: str) -> str:
    """The address without a password."""
    parts = urlsplit(api)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _home() -> Path:
    home: Path = PREFECT_HOME.value()
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / "charrec-server.log").touch()
    except OSError as error:
        raise InputError(
            f"{home}, where Prefect keeps a study's runs, cannot be written ({error.strerror})",
            "a folder of this user's", "Set PREFECT_HOME to another one.",
        ) from None  # fmt: skip
    return home


def _started(home: Path) -> str:
    log, database = home / "charrec-server.log", _database(home)
    try:
        lay_out(database)
    except sqlite3.Error as error:
        raise InputError(
            f"{database}, Prefect's record of a study's runs, cannot be used ({error})", "a database of SQLite",
            "Delete it, or set PREFECT_HOME to another folder.",
        ) from None  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("wb") as output:
        port = listener.getsockname()[1]
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
    try:
        build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/api/health", timeout=START).close()
    except (URLError, OSError) as error:
        process.kill()
        raise ConnectionError(f"Prefect's server did not start ({error}); {log} says why.") from None
    return f"http://127.0.0.1:{port}/api"


def _database(home: Path) -> Path:
    """That of this version of Prefect: an older one cannot read what a newer one has changed."""
    return home / f"charrec-{prefect.__version__}.db"


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
        "PREFECT_PROFILES_PATH": str(DEFAULT_PROFILES_PATH),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{_database(home)}",
        "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",
        "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    }
