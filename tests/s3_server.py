"""A real server of the S3 protocol for the tests: ministack, in an environment of its own."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest

SERVER = Path(__file__).parents[1] / ".venv-s3" / "bin" / "ministack"  # it pins another botocore than ours
BUCKET = "charrec-tests"


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its endpoint. It holds the bucket, and boto3 finds credentials that it takes."""
    if not SERVER.exists():
        pytest.fail(f"{SERVER} is missing; the tests need a server of the S3 protocol. Run `make install`.")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("s3-server") / "log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SERVICES": "s3"}
    with log.open("wb") as output, pytest.MonkeyPatch.context() as patch:
        server = subprocess.Popen([SERVER], env=environment, cwd=log.parent, stdout=output, stderr=subprocess.STDOUT)
        try:
            use_test_credentials(patch)
            wait_until_it_answers(server, port, log)
            endpoint = f"http://127.0.0.1:{port}"
            boto3.session.Session().client("s3", endpoint_url=endpoint).create_bucket(Bucket=BUCKET)
            yield endpoint
        finally:
            server.terminate()
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest.fixture
def s3_url(s3_server: str) -> str:
    """The address of an empty store of this test alone, on the server."""
    return f"s3://{BUCKET}/{uuid4().hex}"


def use_test_credentials(patch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own account reaches the tests, nor the other way round."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        patch.setenv(name, value)


def wait_until_it_answers(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the S3 server did not start; it said: {log.read_text()[-2000:]}")
