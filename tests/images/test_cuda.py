"""The image for GPUs, on a machine without one: its libraries load and fit each other, and it trains on the CPU."""

import json
import re
from shutil import disk_usage

import pytest

from tests.desk import MODELS, TINY
from tests.images.base import base
from tests.images.conftest import COMMIT
from tests.images.engine import CACHE, Engine

ROOM = 50_000_000_000  # bytes: podman took 28 GB on the way, with the packages' layer of 8 GB there already
MOST = 8_500_000_000  # bytes, of which CUDA's libraries are most
pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]  # of which fetching and unpacking 7 GB is a good part
# Of those that TensorFlow and JAX open where there is a driver; libcuda itself is the driver's.
LIBRARIES = (
    "libcudart.so.12",
    "libcublas.so.12",
    "libcudnn.so.9",
    "libcufft.so.11",
    "libcusparse.so.12",
    "libnccl.so.2",
)
LOADS = """
import ctypes, json, sys
from pathlib import Path
import jax, tensorflow as tf
packages = Path(tf.__file__).parents[1]
found = {name: [str(path) for path in packages.glob(f"nvidia/*/lib/{name}")] for name in sys.argv[1:]}
for (path,) in found.values():
    ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
print(json.dumps([tf.test.is_built_with_cuda(), len(tf.config.list_physical_devices("GPU")), jax.default_backend()]))
"""


@pytest.fixture(scope="module")
def cuda(engine: Engine) -> str:
    if (free := disk_usage(CACHE).free) < ROOM:
        pytest.skip(f"{free / 1e9:.0f} GB are free in {CACHE}; the image cuda takes {ROOM / 1e9:.0f} while it is built")
    engine.build("cuda", "charrec:cuda", base(engine, CACHE), COMMIT=COMMIT)
    return "charrec:cuda"


def test_is_no_larger_than_it_must_be(engine: Engine, cuda: str) -> None:
    print(f"cuda: {engine.size(cuda) / 1e6:.0f} MB")
    assert engine.size(cuda) <= MOST


def test_the_libraries_of_cuda_load_without_a_driver(engine: Engine, cuda: str) -> None:
    said = engine.run(cuda, "python", "-c", LOADS, *LIBRARIES)
    assert json.loads(said.splitlines()[-1]) == [True, 0, "cpu"]


def test_a_study_runs_on_its_cpu(engine: Engine, cuda: str) -> None:
    words = [word for option in TINY.items() for word in option]
    places = {"HOME": "/tmp", "PREFECT_HOME": "/tmp/prefect", "CHARREC_CACHE": "/tmp/cache"}
    script = 'python flows/full_study.py --store /tmp/store "$@" && ls /tmp/store/trainings'
    said = engine.run(cuda, "sh", "-c", script, "study", *words, variables=places)
    assert re.search("^Report: .*report.html$", said, re.MULTILINE)
    assert {line.partition("-")[0] for line in said.splitlines()} >= set(MODELS)
