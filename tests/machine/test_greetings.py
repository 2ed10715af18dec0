"""TensorFlow's greetings are dropped, and nothing else, however the import ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from charrec.machine.greetings import GREETINGS

ROOT = Path(__file__).parents[2]
GREETING = f"import os\nos.write(2, b'I0000 port.cc:153] {GREETINGS[1]}. You may\\n')\n"
AN_ERROR = "os.write(2, b'E0000 cuda.cc: no device\\n')\n"


def said(tmp_path: Path, tensorflow: str, program: str = "import tensorflow") -> tuple[int, list[str]]:
    """How a process ends that imports this TensorFlow, and what it says on standard error."""
    (tmp_path / "tensorflow.py").write_text(tensorflow)
    start = "from charrec.machine.greetings import drop_greetings\ndrop_greetings()\ndrop_greetings()\n"
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", start + program], cwd=ROOT, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True, text=True,
    )  # fmt: skip
    return ran.returncode, ran.stderr.splitlines()


def test_only_the_greetings_are_dropped(tmp_path: Path) -> None:
    assert said(tmp_path, GREETING + AN_ERROR + GREETING) == (0, ["E0000 cuda.cc: no device"])


def test_after_the_import_nothing_is_dropped(tmp_path: Path) -> None:
    status, lines = said(tmp_path, GREETING, "import tensorflow\n" + GREETING + AN_ERROR)
    assert status == 0 and len(lines) == 2 and GREETINGS[1][:30] in lines[0]


@pytest.mark.parametrize("ending", ["os.abort()", "os._exit(3)"])
def test_an_import_that_ends_the_process_still_tells_why(ending: str, tmp_path: Path) -> None:
    status, lines = said(tmp_path, GREETING + "os.write(2, b'F0000 AVX is missing')\n" + ending)
    assert status != 0 and lines == ["F0000 AVX is missing"]


def test_an_error_of_the_import_is_the_importers(tmp_path: Path) -> None:
    status, lines = said(tmp_path, GREETING + "raise ImportError('no libcuda')")
    assert status == 1 and lines[-1] == "ImportError: no libcuda"


def test_to_ask_whether_it_is_there_changes_nothing(tmp_path: Path) -> None:
    program = "import importlib.util, sys\nassert importlib.util.find_spec('tensorflow')\nimport tensorflow\n"
    assert said(tmp_path, GREETING, program + "assert tensorflow.__spec__.loader") == (0, [])
