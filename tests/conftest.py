"""What every test may ask for."""

import os
import random

import pytest

from charrec.training.recipe import Arrays
from tests.desk import desk, whole, whole_store
from tests.s3_server import s3_server, s3_url
from tests.stack import prefect_api, stack
from tests.toy import toy_arrays

__all__ = ["desk", "prefect_api", "s3_server", "s3_url", "stack", "whole", "whole_store"]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything imports TensorFlow


@pytest.fixture
def seed() -> int:
    """Another one each time, or CHARREC_TEST_SEED; shown where the test fails."""
    drawn = int(os.environ.get("CHARREC_TEST_SEED", random.SystemRandom().randrange(2**31)))
    print(f"CHARREC_TEST_SEED={drawn}")
    return drawn


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """What runs the tests that are coroutines."""
    return "asyncio"


@pytest.fixture(scope="session")
def arrays() -> Arrays:
    """320 images to train on and 80 to validate on, 32 px, of ten classes that are easily learned."""
    made = toy_arrays()
    for array in (made.images, made.labels, made.training, made.validation):
        array.setflags(write=False)  # the tests share them
    return made
