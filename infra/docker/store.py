"""`python -m infra.docker.store`: the S3 server of infra/compose, for one key that may use one bucket.

The bucket is CHARREC_STORE's; any other is refused, so a misspelt name makes none. The files lie in /data.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Event, Thread
from time import sleep
from typing import IO
from urllib.parse import urlsplit

from infra.local.s3 import FULL, PORTS, SETTINGS, command, has_room

PORT = 9000
EVERY = 0.5  # seconds between two looks
AGAIN = 75  # the status that asks for another start (sysexits.h's EX_TEMPFAIL)


def identities(store: str, key: str, secret: str) -> str:
    """SeaweedFS's JSON of who may do what; `store` as CHARREC_STORE names it."""
    bucket = urlsplit(store).netloc
    actions = [f"{action}:{bucket}" for action in ("Admin", "Read", "Write", "List", "Tagging")]  # Admin: may make it
    credentials = {"accessKey": key, "secretKey": secret}
    return json.dumps({"identities": [{"name": "charrec", "actions": actions, "credentials": [credentials]}]})


def main(program: Path, files: Path, noted: Path, ports: Mapping[str, int]) -> int:
    """Run the server until it ends, or must begin anew; returns the exit status.

    Raises KeyError without a key: it would take any.
    """
    key, secret = os.environ.pop("AWS_ACCESS_KEY_ID"), os.environ.pop("AWS_SECRET_ACCESS_KEY")  # or it takes no other
    noted.touch(0o600)
    noted.write_text(identities(os.environ["CHARREC_STORE"], key, secret))
    asked = [*map(str, command(program, files, ports)), f"-s3.config={noted}", "-s3.ip.bind=0.0.0.0"]
    server = subprocess.Popen(asked, env=os.environ | SETTINGS, stderr=subprocess.PIPE)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: server.send_signal(number))
    full = Event()
    Thread(target=_pass_on, args=(server.stderr, full), daemon=True).start()
    while server.poll() is None:
        sleep(EVERY)
        if full.is_set() and has_room(files):
            print("Its disk was full and has room again: it takes writes once it is started again.", file=sys.stderr)
            server.terminate()
            server.wait()
            return AGAIN
    return server.returncode


def _pass_on(log: IO[bytes], full: Event) -> None:
    for line in log:
        sys.stderr.buffer.write(line)
        sys.stderr.flush()
        if FULL in line:
            full.set()


if __name__ == "__main__":
    ports = dict(zip(PORTS, range(PORT, PORT + len(PORTS)), strict=True))
    sys.exit(main(Path(sys.executable).parent / "weed", Path("/data"), Path("/tmp/identities.json"), ports))
