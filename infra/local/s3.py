"""An S3 server with one bucket; its files stay in the folder."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from infra.local.process import NotStarted, Process

PROGRAM = Path(__file__).parents[2] / ".venv-s3" / "bin" / "ministack"  # pins another botocore
BUCKET = "charrec"
KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}  # any


class S3:
    """A server on loopback."""

    def __init__(self, folder: Path) -> None:
        self.process, self.files = Process("s3", folder), folder / "s3"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.process.port}"

    def start(self, environment: Mapping[str, str]) -> None:
        """Start it if it is not running; `wait` waits for it. Raises NotStarted."""
        if not PROGRAM.exists():
            raise NotStarted(f"the S3 server {PROGRAM} is missing. Run `make install`.")
        self.files.mkdir(parents=True, exist_ok=True)
        ours = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.process.port), "SERVICES": "s3",
                "S3_PERSIST": "1", "S3_DATA_DIR": str(self.files)}  # fmt: skip
        self.process.start([PROGRAM], {**environment, **ours}, self.files)

    def wait(self, seconds: float) -> None:
        """Wait until it answers, then create the bucket."""
        self.process.wait(self._answers, seconds)
        import boto3

        key, secret, region = KEYS.values()
        session = boto3.session.Session(key, secret, region_name=region)
        client = session.client("s3", endpoint_url=self.endpoint)
        with suppress(client.exceptions.BucketAlreadyOwnedByYou):
            client.create_bucket(Bucket=BUCKET)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.process.port), timeout=1).close()
        except OSError:
            return False
        return True
