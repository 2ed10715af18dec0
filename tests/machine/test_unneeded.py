"""What Keras and TensorFlow do not need stays out of their processes, and is there for everybody else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from charrec.machine.unneeded import UNNEEDED

ROOT = Path(__file__).parents[2]
START = "from charrec.machine.unneeded import leave_out_unneeded\nleave_out_unneeded()\nleave_out_unneeded()\n"


def imported(program: str, *folders: Path, **environment: str) -> set[str]:
    """The packages that are there at the end of such a process."""
    program = f"{START}{program}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    paths = {"PYTHONPATH": os.pathsep.join(map(str, (*folders, ROOT)))}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | paths | environment, check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    return set(json.loads(ran.stdout.splitlines()[-1]))


def test_keras_and_its_tuner_come_without() -> None:
    """And the modules that this is about exist: a new version has none of another name."""
    found = imported("import keras_tuner")
    assert not found & {name for names in UNNEEDED.values() for name in names}
    assert set(UNNEEDED) <= found


LOOKS = """
try:
    import jax
except ImportError:
    jax = None
"""


@pytest.fixture
def lite(tmp_path: Path) -> Path:
    """A TensorFlow that looks for JAX where the real one does, and a JAX."""
    folder = tmp_path / "tensorflow" / "lite" / "python"
    folder.mkdir(parents=True)
    for package in (folder, *folder.parents[:2]):
        (package / "__init__.py").touch()
    (folder / "util.py").write_text(LOOKS)
    (folder / "other.py").write_text(LOOKS)
    (tmp_path / "jax.py").touch()
    return tmp_path


def test_everybody_else_finds_it(lite: Path) -> None:
    assert "jax" not in imported("import tensorflow.lite.python.util as asked\nassert asked.jax is None", lite)
    assert "jax" in imported("import tensorflow.lite.python.util\nimport tensorflow.lite.python.other", lite)
    assert "jax" in imported("import tensorflow.lite.python.util\nimport jax", lite)


def test_what_is_imported_already_is_found(lite: Path) -> None:
    imported("import jax, tensorflow.lite.python.util as asked\nassert asked.jax is jax", lite)


def test_another_thread_finds_it_meanwhile(lite: Path) -> None:
    (lite / "tensorflow/lite/python/util.py").write_text(
        "from threading import Thread\nfound = []\n"
        "def look():\n    import jax\n    found.append(jax)\n"
        "thread = Thread(target=look)\nthread.start()\nthread.join()\n"
    )
    imported("import tensorflow.lite.python.util as asked\nassert asked.found", lite)


def test_an_error_of_the_module_is_the_importers(lite: Path) -> None:
    (lite / "tensorflow/lite/python/util.py").write_text("raise RuntimeError('broken')\n")
    program = "try:\n    import tensorflow.lite.python.util\nexcept RuntimeError:\n    pass\nimport jax"
    assert "jax" in imported(program, lite)
