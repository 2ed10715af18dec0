"""The benchmarks, which no test runs, import only what there is."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

FILES = sorted(Path(__file__).with_name("benchmarks").glob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_benchmark_imports_only_names_that_exist(file: Path) -> None:
    """Without running it: what it does at its import, and what it measures, takes minutes."""
    missing = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] in ("charrec", "flows", "tasks"):
            module = import_module(str(node.module))
            for alias in node.names:
                if not hasattr(module, alias.name) and not submodule(f"{node.module}.{alias.name}"):
                    missing.append(f"{node.module}.{alias.name}")
    assert missing == []


def submodule(name: str) -> bool:
    try:
        import_module(name)
    except ModuleNotFoundError:
        return False
    return True
