"""Who imports whom: flows -> tasks -> charrec, and nothing heavy until a function needs it."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
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
        "charrec.tuning, charrec.tuning.plan, charrec.tuning.ranking, charrec.tuning.outcome",
        "charrec.serving.gate, charrec.serving.champion, charrec.serving.recognition",
        "charrec.steps.pipeline, charrec.steps.judge, charrec.steps.read, charrec.steps.retraining",
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
    never = {"tf_keras", "torch", "prefect", "tasks", "flows", "tests"}
    assert {name_of(path): found for path in below("charrec") if (found := tops(path) & never)} == {}


def test_only_the_batches_know_tensorflow() -> None:
    """Elsewhere Keras stands for whatever backend there is; and even there TensorFlow comes when a set is made."""
    assert {name_of(path) for path in FILES if "tensorflow" in tops(path)} == {"charrec/training/batches.py"}


def test_only_two_files_know_jax() -> None:
    """One asks it for its device, one runs Keras's steps on it."""
    found = {name_of(path) for path in FILES if "jax" in tops(path)}
    assert found == {"charrec/machine/hardware.py", "charrec/training/on_jax.py"}


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


def test_the_sweep_knows_no_images_no_networks_and_no_studies() -> None:
    """However deep it imports; of what every room speaks of, it reaches the shapes of values alone."""
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in below("charrec")}
    files = {name.removesuffix(".__init__"): path for name, path in files.items()}
    seen: set[str] = set()
    waiting = [name for name in files if name.startswith("charrec.sweep")]
    while waiting:
        if (name := waiting.pop()) not in seen:
            seen.add(name)
            tree = ast.parse(files[name].read_text(encoding="utf-8"))
            named = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
            found = {str(node.module) for node in named}
            found |= {f"{node.module}.{alias.name}" for node in named for alias in node.names}
            waiting += found & files.keys()
    assert "charrec.training.checkpoints" in seen
    rooms = "errors machine markdown paths results storage study sweep training"
    assert {room_of(name) for name in seen} == set(rooms.split())
    trained = {name.removeprefix("charrec.training.") for name in seen if name.startswith("charrec.training.")}
    assert trained <= {"checkpoints", "interruption", "seeds"}
    known = [
        node.names for name in seen if name.startswith("charrec.sweep")
        for node in ast.walk(ast.parse(files[name].read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in ("charrec.study", "charrec.results")
    ]  # fmt: skip
    assert {alias.name for names in known for alias in names} == {"Frozen"}


def test_nothing_pickles() -> None:
    assert {name_of(path): found for path in FILES if (found := tops(path) & STANDARD_LIBRARY_PICKLES)} == {}
    unsafe = [name_of(path) for path in FILES if "allow_pickle=True" in path.read_text(encoding="utf-8")]
    assert unsafe == []


# The rooms of charrec/, from the ground up: a room may import what stands above it in this list, and itself.
ROOMS = (
    "errors paths alphabet study variables results reference markdown",  # single files: what everybody speaks of
    "machine",
    "storage",
    "memo",
    "data",
    "models",
    "training",
    "sweep",
    "tuning",
    "evaluation",
    "report",
    "serving",
    "steps",
    "commands",
    "__main__",
)
FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms.split()}


def room_of(module: str) -> str:
    """A program of a room, as `python -m charrec.report`, is nobody's to import, and may use what commands use."""
    return "__main__" if module.endswith(".__main__") else module.split(".")[1]


def arrows() -> set[tuple[str, str]]:
    """Which room imports from which, types included."""
    found = set()
    for path in below("charrec"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if module == "charrec":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "charrec":
                found |= {(room_of(module), alias.name) for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("charrec."):
                found.add((room_of(module), room_of(str(node.module))))
            elif isinstance(node, ast.Import):
                found |= {(room_of(module), room_of(a.name)) for a in node.names if a.name.startswith("charrec.")}
    return {(one, other) for one, other in found if one != other}


def test_every_room_has_its_floor() -> None:
    rooms = {path.relative_to(ROOT).with_suffix("").parts[1] for path in below("charrec")} - {"__init__"}
    assert rooms == FLOOR.keys()


def test_rooms_import_downward_only() -> None:
    """So there is no circle of rooms either."""
    single = set(ROOMS[0].split())
    upward = {(a, b) for a, b in arrows() if FLOOR[b] > FLOOR[a] or (FLOOR[a] == FLOOR[b] and not {a, b} <= single)}
    assert upward == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports that stand at the top of files; one within a function may lead back."""
    graph: dict[str, set[str]] = {}
    for path in FILES:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
        graph[module] = {str(node.module) for node in named}
        graph[module] |= {f"{node.module}.{alias.name}" for node in named for alias in node.names}
    TopologicalSorter({module: known & graph.keys() - {module} for module, known in graph.items()}).prepare()


def test_the_report_knows_no_framework_and_the_models_no_tuner() -> None:
    knowing = {tool: {name_of(path) for path in FILES if tool in tops(path)} for tool in ("keras", "keras_tuner")}
    assert not {name for name in knowing["keras"] if name.startswith("charrec/report/")}
    assert not {name for name in knowing["keras_tuner"] if name.startswith("charrec/models/")}
