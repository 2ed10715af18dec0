"""What the image `store` runs: the real SeaweedFS, for one key that may use one bucket."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from charrec.storage import open_store
from infra.docker.bucket import ensure
from infra.docker.health import healthy
from infra.docker.store import AGAIN
from infra.local.s3 import PORTS, SOCKETS
from infra.local.stack import ROOT
from tests.processes import eventually
from tests.s3_server import PROGRAMS, free_ports

STORE = "s3://charrec/results"
BEGIN = """
import json, sys
from pathlib import Path
from infra.docker.store import main
sys.exit(main(*map(Path, sys.argv[1:4]), json.loads(sys.argv[4])))
"""


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("store")
    (folder / "data").mkdir()
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    words = [PROGRAMS / "weed", folder / "data", folder / "identities.json", json.dumps(ports)]
    keys = {"AWS_ACCESS_KEY_ID": "charrec", "AWS_SECRET_ACCESS_KEY": "the store's secret", "CHARREC_STORE": STORE}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", BEGIN, *words], cwd=ROOT, env=os.environ | keys, stdout=log, stderr=log
        )
    try:
        assert eventually(lambda: healthy(ports["s3.port"], "/healthz"), 300, 0.1), (folder / "log").read_text()[-2000:]
        yield f"http://127.0.0.1:{ports['s3.port']}"
    finally:
        server.terminate()  # it passes that on
        server.wait()
        for port in ports.values():
            for left in SOCKETS.glob(f"seaweedfs-*-{port}.sock"):
                left.unlink()


def test_it_ends_for_another_start_once_a_full_disk_has_room_again(tmp_path: Path) -> None:
    program = tmp_path / "full"
    program.write_text("#!/bin/sh\necho 'write 000001.log: no space left on device' >&2\nexec sleep 600\n")
    program.chmod(0o755)
    words = [program, tmp_path, tmp_path / "identities.json", json.dumps(dict.fromkeys(PORTS, 1))]
    keys = {"AWS_ACCESS_KEY_ID": "charrec", "AWS_SECRET_ACCESS_KEY": "the store's secret", "CHARREC_STORE": STORE}
    ended = subprocess.run(
        [sys.executable, "-c", BEGIN, *words],
        cwd=ROOT,
        env=os.environ | keys,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == AGAIN
    assert "no space left on device\nIts disk was full and has room again" in ended.stderr


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "charrec", "SECRET_ACCESS_KEY": "the store's secret"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def test_its_key_makes_the_bucket_and_writes_to_it(endpoint: str) -> None:
    assert ensure(STORE, endpoint) in ("Bucket charrec: created", "Bucket charrec: there")

    def written() -> bool:  # its volumes come up after it answers
        try:
            open_store(STORE, endpoint=endpoint).put("a/b", b"some")
        except OSError:
            return False
        return True

    assert eventually(written, 300, 0.2)
    assert open_store(STORE, endpoint=endpoint).get("a/b") == b"some"


def test_a_bucket_that_is_misspelt_is_not_made(endpoint: str) -> None:
    assert ensure("s3://charec/results", endpoint) == "Bucket charec: not looked at, since this key may not"


def test_another_secret_is_refused(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    assert ensure(STORE, endpoint) == "Bucket charrec: not looked at, since this key may not"
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        boto3.session.Session().client("s3", endpoint_url=endpoint).list_objects_v2(Bucket="charrec")
