"""Prefect's server for a study if none is configured; it ends when the study ends, for whatever reason.

Prefect's own temporary server outlives a killed study (Prefect #17593), gets a Ctrl-C before the study has reported its
end (30 s of attempts to reach it), and prints its own tracebacks.
"""

import os
import socket
import subprocess
import sys
import time
from functools import partial
from threading import Thread
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from prefect.settings import PREFECT_API_URL, PREFECT_HOME

START = 180  # seconds; a new database alone takes 14 s on 2 idle cores
LAST_WRITES = 3  # seconds for a server whose study has ended


def address() -> str:
    """The API of the configured server, or of one that is started now. Raises ConnectionError where none starts."""
    if configured := PREFECT_API_URL.value():
        return str(configured)
    log = PREFECT_HOME.value() / "charrec-server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("wb") as output:
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.local_server", str(listener.fileno())],
            env={**os.environ, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"},
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


def serve(listener: socket.socket) -> None:
    """Serve until standard input ends."""
    import uvicorn
    from prefect.server.api.server import create_app

    app = partial(create_app, ephemeral=True, final=True)
    server = uvicorn.Server(uvicorn.Config(app, factory=True, log_level="error", lifespan="on"))

    def end() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True
        time.sleep(LAST_WRITES)
        os._exit(0)

    Thread(target=end, daemon=True).start()
    server.run(sockets=[listener])


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
