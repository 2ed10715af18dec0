"""Real servers of the S3 protocol for the tests, in an environment of their own."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.s3 import PORTS, SETTINGS, command

PROGRAMS = Path(__file__).parents[1] / ".venv-s3" / "bin"  # they pin another botocore than ours
BUCKET = "charrec-tests"
THERE = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")  # from before the server was started again
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


class Launch(NamedTuple):
    """How a server starts, and what it leaves behind outside its folder."""

    command: list[str | Path]
    environment: dict[str, str] = {}  # what it has more than ours
    ports: list[int] = []


def ministack(_folder: Path, port: int) -> Launch:
    settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SERVICES": "s3"}
    settings |= {"IOT_MTLS_ENABLED": "0"}  # which would listen to the world
    return Launch([PROGRAMS / "ministack"], settings)


def moto(_folder: Path, port: int) -> Launch:
    return Launch([PROGRAMS / "moto_server", "-H", "127.0.0.1", "-p", str(port)])


def seaweedfs(folder: Path, port: int) -> Launch:
    """As the local stack starts it; but it verifies signatures, and makes the bucket of a first write, its default."""
    files, identities = folder / "data", folder / "identities.json"
    files.mkdir(exist_ok=True)
    credentials = {"accessKey": KEYS["AWS_ACCESS_KEY_ID"], "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}
    administrator = {"name": "charrec", "actions": ["Admin"], "credentials": [credentials]}
    identities.write_text(json.dumps({"identities": [administrator]}))
    ports = {**dict(zip(PORTS, free_ports(len(PORTS)), strict=True)), "s3.port": port}
    other: list[str | Path] = [f"-s3.config={identities}", "-s3.autoCreateBucket=true"]
    return Launch([*command(PROGRAMS / "weed", files, ports), *other], SETTINGS, [*ports.values()])


SERVERS: dict[str, Callable[[Path, int], Launch]] = {"ministack": ministack, "seaweedfs": seaweedfs, "moto": moto}


@pytest.fixture(scope="session")
def s3_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """The endpoint of the server with this name, started when first asked for. boto3 finds credentials it takes."""
    endpoints: dict[str, str] = {}
    with ExitStack() as stack:
        use_test_credentials(stack.enter_context(pytest.MonkeyPatch.context()))

        def endpoint(name: str) -> str:
            if name not in endpoints:
                endpoints[name] = stack.enter_context(running(name, tmp_path_factory.mktemp(name)))
            return endpoints[name]

        yield endpoint


@pytest.fixture(scope="session")
def s3_server(s3_servers: Callable[[str], str]) -> str:
    """The endpoint of a server that holds the bucket."""
    return s3_servers("ministack")


@pytest.fixture
def s3_url(s3_server: str) -> str:
    """The address of an empty store of this test alone, on the server."""
    return f"s3://{BUCKET}/{uuid4().hex}"


@contextmanager
def running(name: str, folder: Path) -> Iterator[str]:
    """A server with the bucket, at this endpoint; its data and its log are in the folder."""
    (port,) = free_ports(1)
    launch = SERVERS[name](folder, port)
    if not Path(launch.command[0]).exists():
        pytest.fail(f"{launch.command[0]} is missing; the tests need a server of the S3 protocol. Run `make install`.")
    server = started(launch, folder)
    try:
        wait_until_it_answers(server, port, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        ended(server, launch)


def started(launch: Launch, folder: Path) -> "subprocess.Popen[bytes]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with (folder / "log").open("ab") as output:
        return subprocess.Popen(
            launch.command, env=environment | launch.environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT
        )


def ended(server: "subprocess.Popen[bytes]", launch: Launch) -> None:
    """By SIGKILL: SeaweedFS takes 15 s to end otherwise, and leaves the same sockets behind."""
    server.kill()
    server.wait()
    for port in launch.ports:
        for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
            left.unlink()


def use_test_credentials(patch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own account reaches the tests, nor the other way round."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    for name, value in {
        **KEYS,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        patch.setenv(name, value)


def wait_until_it_answers(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Until the bucket is there: an open port is not yet a server that works, and may be the probe's own.

    A connection to a free port from the range that a system hands out is, now and then, one with itself.
    """
    client = partial(boto3.session.Session().client, "s3", endpoint_url=f"http://127.0.0.1:{port}")
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            client().create_bucket(Bucket=BUCKET)
            return
        except (OSError, ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] in THERE:
                return
            time.sleep(0.1)
    pytest.fail(f"the S3 server did not start; it said: {log.read_text()[-2000:]}")


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
