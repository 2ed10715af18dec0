"""A test's wait is a deadline against hanging alone: a machine that does much else fails no test."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.toy import ROOT

LEAST = 300  # seconds; 60 were too few for two epochs of a toy at a load of 17 on 2 cores
FIRST = {"wait", "join", "result"}  # whose first argument, or second after a condition, is the deadline
SECOND = {"gone", "eventually", "until"}  # whose second is
OTHERS = {"tests/s3_server.py:create_connection"}  # one try of many
FILES = [
    path for path in sorted((ROOT / "tests").rglob("*.py")) if not {"benchmarks", "kills"} & set(path.parts)
]  # whose times are figures


def deadlines(tree: ast.AST) -> Iterator[tuple[int, str, float]]:
    """Line, function and seconds of every wait that is written as a number."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = node.args[:2] if name in FIRST else node.args[1:2] if name in SECOND else []
        for each in (*given, *(word.value for word in node.keywords if word.arg == "timeout")):
            if isinstance(each, ast.Constant) and isinstance(each.value, int | float):
                yield node.lineno, name, each.value


def short(path: Path) -> list[str]:
    where = path.relative_to(ROOT).as_posix()
    found = deadlines(ast.parse(path.read_text(encoding="utf-8")))
    return [f"{where}:{line} {name} {wait} s" for line, name, wait in found
            if wait < LEAST and f"{where}:{name}" not in OTHERS]  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_wait_is_shorter_than_five_minutes(path: Path) -> None:
    assert short(path) == []


def test_a_short_wait_is_seen() -> None:
    source = "thread.join(10)\ngone(pids, 5)\nrun(timeout=30)\neventually(holds, 60)\nprocess.wait()\n', '.join(names)"
    assert [(name, wait) for _, name, wait in deadlines(ast.parse(source))] == [
        ("join", 10), ("gone", 5), ("run", 30), ("eventually", 60),
    ]  # fmt: skip
