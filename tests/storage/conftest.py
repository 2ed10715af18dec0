"""The stores that the tests are about."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from charrec.storage import Store
from charrec.storage.folder import FolderStore
from charrec.storage.patience import PatientStore
from charrec.storage.s3 import S3Store
from tests.fault_proxy import FaultProxy

# No lost replies: after one, a swap that was made and swapped over is a Conflict, and rightly.
FAULTS = {"error": 0.1, "drop": 0.1, "cut": 0.1, "delay": 0.05}


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def bucket(s3_url: str, s3_server: str) -> S3Store:
    return S3Store(s3_url, s3_server)


@pytest.fixture
def patient(s3_url: str, s3_server: str) -> Iterator[PatientStore]:
    """A bucket behind a bad line."""
    with FaultProxy(s3_server, 1, FAULTS, delay=0.05) as proxy:
        yield PatientStore(S3Store(s3_url, proxy.url), seconds=30)


@pytest.fixture(params=["folder", "bucket", "patient"])
def store(request: pytest.FixtureRequest) -> Store:
    opened: Store = request.getfixturevalue(request.param)
    return opened
