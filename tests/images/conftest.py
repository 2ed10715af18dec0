"""The images, built once: minutes, and none where there is no engine. `make image-test` runs these tests alone."""

import subprocess

import pytest

from infra.local.stack import ROOT
from tests.images.base import base
from tests.images.engine import CACHE, Engine, missing

COMMIT = subprocess.run(
    ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True
).stdout.strip()
TARGETS = ("server", "store", "cpu")  # cuda's 7 GB differ from cpu's by a lock file, which another test installs


@pytest.fixture(scope="session")
def engine() -> Engine:
    if why := missing():
        pytest.skip(why)
    CACHE.mkdir(parents=True, exist_ok=True)
    return Engine(CACHE)


@pytest.fixture(scope="session")
def images(engine: Engine) -> dict[str, str]:
    """Target -> its image, of this working tree's code."""
    of = base(engine, CACHE)
    for target in TARGETS:
        engine.build(target, f"charrec:{target}", of, COMMIT=COMMIT)
    return {target: f"charrec:{target}" for target in TARGETS}
