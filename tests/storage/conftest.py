"""The stores that the tests are about."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from charrec.storage import Store
from charrec.storage.folder import FolderStore
from charrec.storage.patience import PatientStore
from charrec.storage.s3 import S3Store
from tests.fault_proxy import FaultProxy
from tests.s3_server import BUCKET
from tests.storage.stand_ins import SERVE, playing
from tests.thorough import THOROUGH, some

# No lost replies: after one, a swap that was made and swapped over is a Conflict, and rightly.
FAULTS = {"error": 0.1, "drop": 0.1, "cut": 0.1, "delay": 0.05}
SERVERS = ["ministack", "seaweedfs"]
MORE = some(["seaweedfs", *SERVE], 1)  # what holds the contract too


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture(params=SERVERS if THOROUGH else ["ministack"])
def s3_server(request: pytest.FixtureRequest, s3_servers: Callable[[str], str]) -> str:
    """The endpoint of each server in turn, in the place of the one that all other tests use."""
    return s3_servers(request.param)


@pytest.fixture
def bucket(s3_url: str, s3_server: str) -> S3Store:
    return S3Store(s3_url, s3_server)


@pytest.fixture(params=["folder", "ministack", "patient", *MORE])
def store(request: pytest.FixtureRequest, tmp_path: Path, s3_servers: Callable[[str], str]) -> Iterator[Store]:
    """A folder, a bucket of each server, one behind a bad line, and of stand-ins for servers with ways of their own."""
    kind, url = request.param, f"s3://{BUCKET}/{uuid4().hex}"
    if kind == "folder":
        yield FolderStore(tmp_path / "store")
    elif kind == "patient":
        with FaultProxy(s3_servers("ministack"), 1, FAULTS, delay=0.05) as proxy:
            yield PatientStore(S3Store(url, proxy.url), seconds=30)
    elif kind in SERVERS:
        yield S3Store(url, s3_servers(kind))
    else:
        with playing(kind, s3_servers("ministack"), tmp_path) as proxy:
            yield S3Store(url, proxy.url)
