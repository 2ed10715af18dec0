"""Equal identity means equal results: values and the meaning of the source count, its looks do not."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

import charrec
from charrec.memo.identity import _imports, _meaning, identity, source_digest
from charrec.study import FULL, QUICK, Search, Study

pytestmark = pytest.mark.filterwarnings("error")

MODELS = ("model_1", "model_2", "model_3", "model_4")
Digests = dict[str, str]

ASK = """
import json
from charrec.memo.identity import identity
from charrec.steps.training import SEARCH_CODE
code = {m: ("charrec.training.train", "charrec.data.glyphs", "charrec.data.split", f"charrec.models.{m}") for m in MODELS}
code["search"] = SEARCH_CODE
code["evaluation"] = ("charrec.evaluation.scores",)
print(json.dumps({name: identity(code=modules) for name, modules in code.items()}))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, to be changed."""
    copy = tmp_path / "charrec"
    shutil.copytree(Path(charrec.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def ask(package: Path) -> Digests:
    """What the copy says of itself."""
    environment = os.environ | {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", f"MODELS = {MODELS}\n{ASK}"]
    asked = subprocess.run(command, cwd=package.parent, env=environment, check=True, capture_output=True, text=True)
    found: Digests = json.loads(asked.stdout)
    return found


@pytest.fixture(scope="module")
def before() -> Digests:
    return ask(Path(charrec.__file__).parent)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path.name} no longer has {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


TRAININGS = {*MODELS, "search"}
AUGMENTED = TRAININGS - {"model_1"}

# what is changed: file, old text, new text, and what is computed anew
CHANGES = {
    "model 1's kernel": ("models/model_1.py", "Conv2D(32, 3", "Conv2D(32, 5", {"model_1"}),
    "model 3's dropout": ("models/model_3.py", "Dropout(0.4)", "Dropout(0.5)", {"model_3"}),
    "model 4's pool": ("models/model_4.py", "strides=2", "strides=3", {"model_4", "search"}),
    "the augmentation": ("models/augmentation.py", "Rotation(0.02", "Rotation(0.03", AUGMENTED),
    "the optimizer": ("recipe.py", "optimizers.Adam()", "optimizers.Adam(1e-4)", TRAININGS),
    "the order of images": ("epoch.py", "permutation(arrays.training)", "choice(arrays.training, 9)", TRAININGS),
    "the batches": ("batches.py", ".batch(size)", ".batch(size + 1)", TRAININGS),
    "the best epoch": ("training.py", "> best_so_far", ">= best_so_far", TRAININGS),
    "the checkpoints": ("checkpoints.py", "epoch-{epoch:03d}", "epoch-{epoch:04d}", TRAININGS),
    "what a function imports": ("lookup.py", "self.channels > 1", "self.channels > 2", TRAININGS),
    "the split": ("split.py", "int(fraction * n)", "round(fraction * n)", TRAININGS),
    "the search space": ("sweep/space.py", "(0.3, 0.4", "(0.2, 0.4", {"search"}),
    "what counts as a failure": ("sweep/oracle.py", "RETRIES = 2", "RETRIES = 3", {"search"}),
    "who is the best of equals": ("sweep/ranking.py", "-row.epochs", "row.epochs", {"search"}),
    "a trial's seed": ("sweep/trial.py", ">> 1", ">> 2", {"search"}),
    "a worker's patience": ("sweep/heartbeat.py", "PositiveFloat = 60.0", "PositiveFloat = 30.0", set()),
    "a worker": ("sweep/worker.py", "LONGEST_MESSAGE = 1000", "LONGEST_MESSAGE = 2000", set()),
    "the search's table": ("sweep/table.py", "LONGEST = 200", "LONGEST = 300", set()),
    "the evaluation": ("evaluation.py", "PAIRS = 30", "PAIRS = 40", {"evaluation"}),
    "the classes": ("alphabet.py", "c.upper()", "c.lower()", TRAININGS | {"evaluation"}),
    "the study's defaults": ("study.py", "PositiveInt = Field(64", "PositiveInt = Field(32", set()),
    "the shape of a result": (
        "results.py",
        "class Machine(Frozen):",
        "class Machine(Frozen):\n    site: str = ''",
        set(),
    ),
    "the storage": ("storage/folder.py", "LOOKS = 8", "LOOKS = 9", set()),
    "the report": ("report/page.py", "import", "import os\nimport", set()),
    "a comment": ("training.py", "import logging", "# why not\nimport logging", set()),
    "a docstring": ("split.py", "Which images train", "Which pictures train", set()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_redoes_what_depends_on_it_and_nothing_else(change: str, package: Path, before: Digests) -> None:
    file, old, new, touched = CHANGES[change]
    replace(package / file, old, new)
    after = ask(package)
    assert {name for name in before if after[name] != before[name]} == touched


def meaning(text: str) -> str:
    return ast.unparse(_meaning(ast.parse(text)))


PLAIN = "def area(side):\n    return side * 3\n"


@pytest.mark.parametrize(
    "text",
    [
        "# a square\ndef area(side):\n    return side * 3  # not yet\n",
        '"""Squares."""\ndef area(side):\n    """px -> px."""\n    return side * 3\n',
        "def area(\n    side,\n):\n\n    return (side\n        * 3)\n",
        "def area(side: int) -> float:\n    return side * 3\n",
    ],
    ids=["comments", "docstrings", "layout", "types"],
)
def test_looks_do_not_count(text: str) -> None:
    assert meaning(text) == meaning(PLAIN)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("3", "4"),
        PLAIN.replace("*", "+"),
        PLAIN.replace("side)", "side=1)"),
        PLAIN + "AREA = area(2)\n",
        "@cache\n" + PLAIN,
        "async " + PLAIN,
    ],
    ids=["a number", "an operator", "a default", "a statement", "a decorator", "async"],
)
def test_what_a_program_does_counts(text: str) -> None:
    assert meaning(text) != meaning(PLAIN)


def test_a_text_that_is_no_docstring_counts() -> None:
    assert meaning("def f():\n    return 'a'\n") != meaning("def f():\n    return 'b'\n")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import charrec.data.split", ["charrec.data.split"]),
        ("import numpy, charrec.data.split as s", ["charrec.data.split"]),
        ("from charrec.data.split import split", ["charrec.data.split"]),
        ("from charrec import glyphs", ["charrec", "charrec.data.glyphs"]),
        ("from charrec.models import MODELS", ["charrec.models"]),
        ("def f():\n    from charrec.training.lookup import Lookup", ["charrec.training.lookup"]),
        ("import keras\nfrom charrecord import x", []),
    ],
)
def test_imports_of_this_package_are_followed_wherever_they_stand(text: str, found: list[str]) -> None:
    assert list(_imports(ast.parse(text))) == found


def test_an_unknown_module_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"charrec\.nowhere"):
        source_digest("charrec.nowhere")


DIFFERENT: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
    "a study's field": (lambda: FULL, lambda: FULL.model_copy(update={"seed": 124})),
    "a nested field": (lambda: FULL, lambda: FULL.model_copy(update={"search": Search(factor=4)})),
    "two studies": (lambda: FULL, lambda: QUICK),
    "a number and its text": (lambda: 1, lambda: "1"),
    "none and a text": (lambda: None, lambda: "null"),
    "an order": (lambda: [1, 2], lambda: [2, 1]),
    "a nesting": (lambda: [[1], 2], lambda: [1, [2]]),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_values_count(what: str) -> None:
    one, other = (make() for make in DIFFERENT[what])
    assert identity(one) != identity(other)


def test_equal_values_have_equal_identities() -> None:
    assert identity(FULL, {"a": 1, "b": 2}) == identity(Study(), {"b": 2, "a": 1})


def test_an_identity_is_a_name_for_a_folder() -> None:
    assert len(identity(FULL)) == 16
    assert set(identity(FULL)) <= set("0123456789abcdef")


@pytest.mark.parametrize("value", [np.zeros(2), Path("a"), {1, 2}, date(2026, 1, 1), object()])
def test_what_has_no_plain_value_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="has no identity; pass its digest"):
        identity("a", value)
