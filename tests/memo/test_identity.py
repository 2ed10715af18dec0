"""Equal identities mean equal results: values and the meaning of the code count, its looks and its carriers do not."""

import ast
import shutil
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest

from charrec.memo.identity import CARRIERS, ROOT, Code, identity, meaning
from charrec.models import MODELS
from charrec.steps import NAMES
from charrec.study import FULL, QUICK, UNCOUNTED, Frozen, Search, Study
from charrec.training.recipe import recipe_of
from tests.memo.reach import CASES, FILE, reached

pytestmark = pytest.mark.filterwarnings("error")

MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "charrec").rglob("*.py")
)
RESOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "charrec").rglob("*")
    if path.is_file() and path.suffix not in (".py", ".pyc")
)


@cache
def here() -> Code:
    return Code(ROOT)


def digests(code: Code) -> dict[str, str]:
    return {case: code.digest(*modules) for case, modules in CASES.items()}


class Copy:
    """A copy of the package, in which one file at a time is changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT / "charrec", root / "charrec", ignore=shutil.ignore_patterns("__pycache__"))
        self.code = Code(root)
        self.before = digests(self.code)

    def file(self, name: str) -> Path:
        return self.root / name if "/" in name else self.code._file(name)

    def changed(self, name: str, change: Callable[[str], str]) -> set[str]:
        """The cases whose digest the change of a module or a resource changes."""
        path = self.file(name)
        text = path.read_text(encoding="utf-8")
        path.write_text(change(text), encoding="utf-8")
        try:
            code = Code(self.root)
            code._modules = {module: parts for module, parts in self.code._modules.items() if module != name}
            after = digests(code)
        finally:
            path.write_text(text, encoding="utf-8")
        return {case for case in CASES if after[case] != self.before[case]}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("package"))


def carries(module: str) -> bool:
    return any(f"{module}.".startswith(f"{carrier}.") for carrier in CARRIERS)


def test_a_change_of_any_module_changes_exactly_the_steps_that_reach_it(copy: Copy) -> None:
    for module in MODULES:
        reaching = {case for case, modules in CASES.items() if module in here().reach(*modules)}
        assert copy.changed(module, lambda text: f"{text}\nCHANGED = 1\n") == reaching, module
        assert not (carries(module) and reaching), f"{module} is a carrier"


def test_every_step_reaches_its_own_module_and_every_choice_the_module_chosen() -> None:
    assert all(set(modules) <= here().reach(*modules) for modules in CASES.values())


def test_a_change_of_any_resource_changes_the_report_alone(copy: Copy) -> None:
    assert RESOURCES
    for resource in RESOURCES:
        assert copy.changed(resource, lambda text: text + "\n") == {"report"}, resource


def disguised(text: str) -> str:
    """Other comments, docstrings, annotations and layout; the same meaning."""

    class Disguise(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
            node.returns = ast.Constant("another type")
            for argument in node.args.args:
                argument.annotation = ast.Constant("another type")
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
            node.body.insert(0, ast.Expr(ast.Constant("Another docstring.")))
            return self.generic_visit(node)

    tree = Disguise().visit(ast.parse(text))
    return f"# a comment\n\n{ast.unparse(ast.fix_missing_locations(tree))}\n\n# the end\n"


def test_a_tree_that_another_thread_disturbed_is_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before, parse, disturbed = Code(ROOT).digest("charrec.errors"), ast.parse, [1, 2]

    def disturbed_parse(source: str) -> ast.Module:
        if disturbed:
            raise SystemError(f"AST constructor recursion depth mismatch (before=0, after={disturbed.pop()})")
        return parse(source)

    monkeypatch.setattr(ast, "parse", disturbed_parse)
    assert Code(ROOT).digest("charrec.errors") == before
    assert not disturbed


def test_looks_change_no_step(copy: Copy) -> None:
    for module in MODULES:
        assert copy.changed(module, disguised) == set(), module


def test_what_each_step_reaches_is_what_the_reviewed_file_says() -> None:
    assert reached(here()) == FILE.read_text(encoding="utf-8"), "look at the difference; python -m tests.memo.reach"


def test_every_carrier_exists_and_every_step_is_walked() -> None:
    assert all(here()._exists(carrier) for carrier in CARRIERS)
    files = {path.stem for path in (ROOT / "charrec/steps").glob("*.py")}
    assert files - {"__init__", "enough", "pipeline", "retraining"} == set(NAMES)


def test_the_shapes_of_results_are_declarations_alone() -> None:
    """Their module is a carrier, so no behaviour may hide there; validators of `study` see values before identities."""
    tree = ast.parse((ROOT / "charrec/results.py").read_text(encoding="utf-8"))
    assert not [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    ]


# The meaning of a text


def of(text: str) -> str:
    return ast.unparse(meaning(ast.parse(text)))


PLAIN = "def area(side):\n    return side * 3\n"


@pytest.mark.parametrize(
    "text",
    [
        "# a square\ndef area(side):\n    return side * 3  # not yet\n",
        '"""Squares."""\ndef area(side):\n    """px -> px."""\n    return side * 3\n',
        "def area(\n    side,\n):\n\n    return (side\n        * 3)\n",
        "def area(side: int) -> float:\n    return side * 3\n",
        "if TYPE_CHECKING:\n    import keras\n" + PLAIN,
        "def area(side):\n    half: float\n    return side * 3\n",
    ],
    ids=["comments", "docstrings", "layout", "types", "imports for types", "a declaration"],
)
def test_looks_do_not_count(text: str) -> None:
    assert of(text) == of(PLAIN)


def test_the_annotation_of_a_variable_does_not_count_but_that_of_a_field_does() -> None:
    assert of("x: int = 3") == of("x = 3") == of("x: float = 3")
    assert of("class A:\n    x: int = 3") != of("class A:\n    x: float = 3")
    assert of("class A:\n    x: int") != of("class A:\n    x: float")


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("3", "4"),
        PLAIN.replace("*", "+"),
        PLAIN.replace("side)", "side=1)"),
        PLAIN + "AREA = area(2)\n",
        "@cache\n" + PLAIN,
        "async " + PLAIN,
        "if TYPE_CHECKING:\n    pass\nelse:\n    side = 2\n" + PLAIN,
    ],
    ids=["a number", "an operator", "a default", "a statement", "a decorator", "async", "what runs"],
)
def test_what_a_program_does_counts(text: str) -> None:
    assert of(text) != of(PLAIN)


def test_a_text_that_is_no_docstring_counts() -> None:
    assert of("def f():\n    return 'a'\n") != of("def f():\n    return 'b'\n")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import charrec.data.split", {"charrec.data.split"}),
        ("import numpy, charrec.data.split as s", {"charrec.data.split"}),
        ("from charrec.data.split import split", {"charrec.data.split"}),
        ("from charrec.data import glyphs", {"charrec.data.glyphs"}),
        ("from charrec.models import MODELS", {"charrec.models"}),
        ("from charrec.models import MODELS, model_1", {"charrec.models", "charrec.models.model_1"}),
        ("def f():\n    from charrec.training.lookup import Lookup", {"charrec.training.lookup"}),
        ("import keras\nfrom charrecord import x", set()),
    ],
)
def test_imports_of_this_package_are_followed_wherever_they_stand(text: str, found: set[str]) -> None:
    assert set(here()._imports(ast.parse(text))) == found


def test_what_a_carrier_imports_counts() -> None:
    assert "charrec.sweep.trial" in here().reach("charrec.sweep.worker")
    assert "charrec.sweep.worker" not in here().reach("charrec.sweep.worker")


def test_an_unknown_module_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"charrec\.nowhere"):
        here().digest("charrec.nowhere")


# Values


class Where(Frozen):
    digest: str
    key: Annotated[str, UNCOUNTED] = ""


DIFFERENT: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
    "a study's field": (lambda: FULL, lambda: FULL.model_copy(update={"seed": 124})),
    "a nested field": (lambda: FULL, lambda: FULL.model_copy(update={"search": Search(factor=4)})),
    "two studies": (lambda: FULL, lambda: QUICK),
    "a number and its text": (lambda: 1, lambda: "1"),
    "none and a text": (lambda: None, lambda: "null"),
    "an order": (lambda: [1, 2], lambda: [2, 1]),
    "a nesting": (lambda: [[1], 2], lambda: [1, [2]]),
    "a counted field": (lambda: Where(digest="a"), lambda: Where(digest="b")),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_values_count(what: str) -> None:
    one, other = (make() for make in DIFFERENT[what])
    assert identity(one) != identity(other)


def test_equal_values_have_equal_identities() -> None:
    assert identity(FULL, {"a": 1, "b": 2}) == identity(Study(), {"b": 2, "a": 1})


def test_a_place_does_not_count_however_deep() -> None:
    one, other = (Where(digest="a", key=key) for key in ("here", "there"))
    assert identity([{"a": one}]) == identity([{"a": other}])


def test_a_recipe_chooses_its_model_and_names_its_backend() -> None:
    recipes = [
        recipe_of(FULL, model, "float32", None, backend) for model in MODELS for backend in ("tensorflow", "jax")
    ]
    assert len({identity(recipe, code="charrec.steps.train") for recipe in recipes}) == len(recipes)


def test_a_change_of_one_model_leaves_the_trainings_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keys() -> dict[str, str]:
        recipes = {model: recipe_of(FULL, model, "float32", None, "tensorflow") for model in MODELS}
        return {model: identity([{"deep": recipe}], code="charrec.steps.train") for model, recipe in recipes.items()}

    before = keys()
    shutil.copytree(ROOT / "charrec", tmp_path / "charrec", ignore=shutil.ignore_patterns("__pycache__"))
    slide = tmp_path / "charrec/models/model_3.py"
    slide.write_text(slide.read_text().replace("Dropout(0.4)", "Dropout(0.5)"))
    monkeypatch.setattr("charrec.memo.identity.here", lambda: Code(tmp_path))
    after = keys()
    assert {model for model in MODELS if after[model] != before[model]} == {"model_3"}


def test_an_identity_is_a_name_for_a_folder() -> None:
    assert len(identity(FULL)) == 16
    assert set(identity(FULL)) <= set("0123456789abcdef")


@pytest.mark.parametrize("value", [np.zeros(2), Path("a"), {1, 2}, date(2026, 1, 1), object()])
def test_what_has_no_plain_value_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="has no identity; pass its digest"):
        identity("a", value)
