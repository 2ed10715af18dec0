"""A step's identity: what it was told, what it was given, and the code that does it.

Equal identity means: the stored result is the result. Values count, and the meaning of the source:
comments, docstrings and layout do not.
"""

import ast
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import BaseModel

# Their contents reach a result as values, which are in the identity anyway, or not at all; the shapes of
# results are in the names under which these are stored.
WITHOUT_EFFECT = {"study", "results", "storage", "errors", "identity"}

ONE_AT_A_TIME = Lock()  # two threads in ast.parse: "AST constructor recursion depth mismatch", CPython 106905


def identity(*parts: Any, code: tuple[str, ...] = ()) -> str:
    """16 hex digits of JSON-like parts (pydantic models included) and the modules named by `code`."""
    with ONE_AT_A_TIME:
        digests = {name: source_digest(name) for name in code}
    text = json.dumps([*parts, digests], sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no identity; pass its digest")


@cache
def source_digest(module: str) -> str:
    """SHA-256 over the meaning of `module` and of every module of this package that it imports, however deep."""
    seen: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen or WITHOUT_EFFECT.intersection(name.split(".")[1:2]):
            continue
        tree = _meaning(ast.parse(_source(name).read_text(encoding="utf-8")))
        seen[name] = ast.unparse(tree)
        waiting.extend(_imports(tree))
    return hashlib.sha256(json.dumps(sorted(seen.items())).encode()).hexdigest()


def _source(module: str) -> Path:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no module {module!r}", name=module)
    return Path(spec.origin)


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _ours(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and _ours(node.module):
            yield node.module
            if _is_package(node.module):  # `from charrec import glyphs` names a module, not a value
                names = (f"{node.module}.{alias.name}" for alias in node.names)
                yield from (name for name in names if find_spec(name))


def _is_package(module: str) -> bool:
    spec = find_spec(module)
    return spec is not None and spec.submodule_search_locations is not None


def _ours(module: str) -> bool:
    return module == "charrec" or module.startswith("charrec.")


def _meaning(tree: ast.Module) -> ast.Module:
    """Without docstrings and the types of arguments and answers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return tree
