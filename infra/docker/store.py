"""`python -m infra.docker.store`: the S3 server of infra/compose, for one key that may use one bucket.

The bucket is CHARREC_STORE's; any other is refused, so a misspelt name makes none. The files lie in /data.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.s3 import PORTS, SETTINGS, command

PORT = 9000


def identities(store: str, key: str, secret: str) -> str:
    """SeaweedFS's JSON of who may do what; `store` as CHARREC_STORE names it."""
    bucket = urlsplit(store).netloc
    actions = [f"{action}:{bucket}" for action in ("Admin", "Read", "Write", "List", "Tagging")]  # Admin: may make it
    credentials = {"accessKey": key, "secretKey": secret}
    return json.dumps({"identities": [{"name": "charrec", "actions": actions, "credentials": [credentials]}]})


def main(program: Path, files: Path, noted: Path, ports: Mapping[str, int]) -> None:
    """Become the server. KeyError without a key: it would take any."""
    key, secret = os.environ.pop("AWS_ACCESS_KEY_ID"), os.environ.pop("AWS_SECRET_ACCESS_KEY")  # or it takes no other
    noted.touch(0o600)
    noted.write_text(identities(os.environ["CHARREC_STORE"], key, secret))
    asked = [*map(str, command(program, files, ports)), f"-s3.config={noted}", "-s3.ip.bind=0.0.0.0"]
    os.execve(program, asked, os.environ | SETTINGS)


if __name__ == "__main__":
    ports = dict(zip(PORTS, range(PORT, PORT + len(PORTS)), strict=True))
    main(Path(sys.executable).parent / "weed", Path("/data"), Path("/tmp/identities.json"), ports)
