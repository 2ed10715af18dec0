"""Prefect's server on a PostgreSQL database."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from infra.local.process import Process

# How long an automation remembers that it waits for a run's next sign of life. By default Prefect's server forgets that
# a minute after it was due: where the server was away for longer, nobody but charrec-watch would look for the run.
REMEMBERS = "P7D"


class PrefectServer:
    """UI and API on one port on loopback."""

    def __init__(self, folder: Path) -> None:
        self.process, self.folder = Process("prefect-server", folder), folder

    @property
    def ui_url(self) -> str:
        return f"http://127.0.0.1:{self.process.port}"

    @property
    def api_url(self) -> str:
        return f"{self.ui_url}/api"

    def start(self, database: str, environment: Mapping[str, str]) -> None:
        """Start it if it is not running; `wait` waits for it."""
        ours = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": database, "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                "DO_NOT_TRACK": "1", "PREFECT_SERVER_EVENTS_EXPIRED_BUCKET_BUFFER": REMEMBERS}  # fmt: skip
        where = ["--host", "127.0.0.1", "--port", str(self.process.port)]
        command = [sys.executable, "-m", "prefect", "server", "start", *where]
        self.process.start(command, {**environment, **ours}, self.folder)

    def wait(self, seconds: float) -> None:
        """Wait until it is healthy. Raises NotStarted."""
        self.process.wait(lambda: self.answer("/health") is not None, seconds)

    def answer(self, path: str, body: object = None) -> Any:
        """The answer to a GET, or to a POST of `body`; None if there is no valid one."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.api_url + path, data, {"Content-Type": "application/json"})
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=5) as answer:
                return json.load(answer)
        except (URLError, OSError):
            return None
