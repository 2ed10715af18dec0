"""Prefect's server for one study: `python flows/serving.py DESCRIPTOR`, of a socket that listens.

It imports nothing of charrec's, so that its process is started by this file alone.
"""

import os
import socket
import sys
import time
from functools import partial
from threading import Thread

import uvicorn
from prefect.server.api.server import create_app

LAST_WRITES = 3  # seconds for a server whose study has ended


def serve(listener: socket.socket) -> None:
    """Serve until standard input ends."""
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
