"""Who imports whom: flows -> tasks -> charrec, and nothing heavy until a function needs it."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for room in ("charrec", "tasks", "flows") for path in (ROOT / room).rglob("*.py"))
HEAVY = {"tensorflow", "keras", "keras_tuner", "jax", "prefect", "kaggle", "boto3", "botocore", "matplotlib"}
STANDARD_LIBRARY_PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Every module that a file names in an import, wherever it stands; and whether it is for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typed = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in typed) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, (
                f"{path}:{node.lineno} imports by a relative name, which identity.py does not follow"
            )
            yield str(node.module), id(node) in typed


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name, _ in imports(path)}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def below(room: str) -> list[Path]:
    found = [path for path in FILES if path.relative_to(ROOT).parts[0] == room]
    assert found, f"{room}/ has no files; expected the code there"
    return found


@pytest.mark.parametrize(
    "modules",
    [
        "charrec",
        "charrec.study",
        "charrec.storage",
        "charrec.data.sources",
        "charrec.report",
        "charrec.evaluation.scores, charrec.memo.identity, charrec.memo.outcome",
        "charrec.data.glyphs, charrec.data.split, charrec.machine.termination",
        "charrec.training.train, charrec.training.epoch, charrec.training.batches",
        "charrec.training.checkpoints, charrec.training.recipe",
        "charrec.sweep, charrec.sweep.rungs, charrec.sweep.table, charrec.sweep.heartbeat, charrec.commands.sweep",
        "charrec.steps.data, charrec.steps.training, charrec.steps.reading, charrec.steps.reporting",
    ],
)
def test_importing_brings_in_nothing_heavy(modules: str) -> None:
    program = f"import json, sys, {modules}\nprint(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert not {name.partition(".")[0] for name in json.loads(ran.stdout)} & HEAVY
    assert ran.stderr == ""


def test_charrec_imports_neither_prefect_nor_the_rooms_above_it() -> None:
    never = {"tf_keras", "torch", "jax", "prefect", "tasks", "flows", "tests"}
    assert {name_of(path): found for path in below("charrec") if (found := tops(path) & never)} == {}


def test_only_the_batches_know_tensorflow() -> None:
    """Elsewhere Keras stands for whatever backend there is; and even there TensorFlow comes when a set is made."""
    assert {name_of(path) for path in FILES if "tensorflow" in tops(path)} == {"charrec/training/batches.py"}


def test_tasks_do_not_import_flows() -> None:
    assert {name_of(path) for path in below("tasks") if "flows" in tops(path)} == set()


def test_only_the_storage_imports_boto3() -> None:
    found = {name_of(path).rpartition("/")[0] for path in FILES if tops(path) & {"boto3", "botocore", "s3transfer"}}
    assert found == {"charrec/storage"}


def test_only_its_source_imports_kaggle() -> None:
    found = {name_of(path) for path in FILES if tops(path) & {"kaggle", "kagglesdk"}}
    assert found
    assert all(name.startswith("charrec/data/sources/kaggle") for name in found), found


def test_only_the_sweep_imports_keras_tuner() -> None:
    found = {name_of(path).rpartition("/")[0] for path in FILES if "keras_tuner" in tops(path)}
    assert found == {"charrec/sweep"}


def test_nothing_pickles() -> None:
    assert {name_of(path): found for path in FILES if (found := tops(path) & STANDARD_LIBRARY_PICKLES)} == {}
    unsafe = [name_of(path) for path in FILES if "allow_pickle=True" in path.read_text(encoding="utf-8")]
    assert unsafe == []


@pytest.mark.parametrize("room", ["charrec/models", "charrec/report", "charrec/sources"])
def test_a_room_knows_nothing_of_others(room: str) -> None:
    knows_nothing_of = {
        "charrec/models": ("charrec.sweep", "charrec.training.train", "charrec.data.glyphs", "keras_tuner"),
        "charrec/report": ("keras", "charrec.training.train", "charrec.models", "charrec.storage", "charrec.steps"),
        "charrec/sources": ("keras", "charrec.training.train", "charrec.models", "charrec.storage", "charrec.steps"),
    }[room]
    found = {
        (name_of(path), name)
        for path in below("charrec")
        if name_of(path).startswith(room)
        for name, typed in imports(path)
        if not typed and f"{name}.".startswith(tuple(f"{other}." for other in knows_nothing_of))
    }
    assert found == set()
