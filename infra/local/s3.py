"""An S3 server with one bucket; its files stay in the folder.

SeaweedFS: a master, a volume server, a filer and an S3 gateway in one process. docs/reliability.md has the reasons.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shutil import disk_usage

from infra.local.process import NotStarted, Process

PROGRAM = Path(__file__).parents[2] / ".venv-s3" / "bin" / "weed"
BUCKET = "charrec"
KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}  # any
PORTS = (
    "s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
    "filer.port.grpc",
)  # fmt: skip
SETTINGS = {"GOMEMLIMIT": "400MiB"}  # without, 855 MB after 100 MB went up; at 200, it collects garbage all the time
ROOM = 128_000_000  # bytes: two of its volumes
FULL = b"no space left on device"  # as its log says
FAREWELL = 3.0  # seconds: its files are closed in one, but it waits for its own parts for 15
SOCKETS = Path("/tmp")  # where it puts a socket for each part, named after its port, and leaves it


class S3:
    """A server on loopback."""

    def __init__(self, folder: Path) -> None:
        self.process, self.folder, self.files = Process("s3", folder), folder, folder / "seaweedfs"
        self._read, self._was_full = 0, False  # bytes of its log; whether they say so

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.process.port}"

    def start(self, environment: Mapping[str, str]) -> None:
        """Start it if it is not running; `wait` waits for it. Raises NotStarted."""
        if self.process.pid:
            return
        if not PROGRAM.exists():
            raise NotStarted(f"the S3 server {PROGRAM} is missing. Run `make install`.")
        former = self.folder / "s3"
        if former.exists():
            raise NotStarted(
                f"{former} holds the store of an earlier charrec's server, ministack, which SeaweedFS cannot read."
                " Delete or move it to begin with an empty store."
            )
        self.files.mkdir(parents=True, exist_ok=True)
        self.process.await_end()  # before its other ports are asked for
        if self.process.log.exists():  # the new one tells of this process alone
            self.process.log.replace(self.process.log.with_name("s3.former.log"))
        self._read, self._was_full = 0, False
        kept = {
            name: value for name, value in environment.items() if not name.startswith("AWS_")
        }  # or it takes no other
        self.process.start(command(PROGRAM, self.files, self._ports()), kept | SETTINGS, self.files)

    def wait(self, seconds: float) -> None:
        """Wait until it has the bucket and takes a write, which is later than it answers. Raises NotStarted."""
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        key, secret, region = KEYS.values()
        client = boto3.session.Session(key, secret, region_name=region).client(
            "s3", endpoint_url=self.endpoint, config=Config(retries={"total_max_attempts": 1}, read_timeout=5)
        )
        there = client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists

        def ready() -> bool:
            try:
                with suppress(*there):
                    client.create_bucket(Bucket=BUCKET)
                client.put_object(Bucket=BUCKET, Key="started", Body=b"1")
                client.delete_object(Bucket=BUCKET, Key="started")
            except (BotoCoreError, ClientError):
                if not has_room(self.files):
                    free = disk_usage(self.files).free
                    raise NotStarted(
                        f"the disk of {self.files} has {free // 10**6} MB left; expected {ROOM // 10**6} MB at least,"
                        " or the S3 server takes no write. Make room and run it again."
                    ) from None
                return False
            return True

        self.process.wait(ready, seconds)

    def refuses_for_good(self) -> bool:
        """Whether its disk was full and has room again.

        Its LevelDB takes no write any more after one that found no room, until it is started again.
        """
        with suppress(FileNotFoundError), self.process.log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
            self._was_full |= FULL in new
            self._read += new.rfind(b"\n") + 1
        return self._was_full and has_room(self.files)

    def stop(self) -> None:
        if not self.process.pid:
            return
        self.process.stop(seconds=FAREWELL)
        for port in self._ports().values():
            for left in SOCKETS.glob(f"seaweedfs-*-{port}.sock"):
                left.unlink()

    def _ports(self) -> dict[str, int]:
        """All on loopback. While it runs, they look taken."""
        return {name: Process(f"s3-{name}", self.folder).port for name in PORTS} | {"s3.port": self.process.port}


def has_room(files: Path) -> bool:
    """Whether it would take writes: it needs room for two volumes."""
    return disk_usage(files).free >= ROOM


def command(program: Path, files: Path, ports: Mapping[str, int]) -> list[str | Path]:
    """How it starts, with everything on loopback. It knows no keys, and so takes any; arguments may follow."""
    options = {
        "ip": "127.0.0.1", "ip.bind": "127.0.0.1", "dir": files, "filer": "true", "s3": "true",
        "s3.autoCreateBucket": "false", "s3.port.iceberg": 0, "s3.port.lance": 0,
        "master.telemetry": "false",  # or it tells its makers how large it is
        "master.electionTimeout": "1s",  # of one candidate; a start on an old folder waits as long, or twice that
        "master.volumeSizeLimitMB": 64, "volume.max": 0, "volume.preStopSeconds": 0,
    }  # fmt: skip
    return [program, "-logtostderr", "server", *(f"-{name}={value}" for name, value in {**options, **ports}.items())]
