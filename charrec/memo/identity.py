"""A step's identity: the values it is given, and the meaning of the code that turns them into its result.

Equal identities mean equal results, so a stored result may be used in place of a new one. Comments, docstrings,
layout and annotations do not count. Nothing is listed by hand: the code is the module of the step's function with all
that it imports from this package, less the carriers. Left out on purpose:

- versions of libraries: an update of numpy would retrain every network; the provenance of a result names them;
- hardware: a network trained on another GPU is the same network, to rounding.
"""

import ast
import hashlib
import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import BaseModel

from charrec.memo.later import LATER
from charrec.study import UNCOUNTED

# Modules that move results about, or show them, and cannot change them. Their own source does not count; what they
# import does. `results` holds the shapes of results, which are in the names of the stored objects; `study` holds
# values, which are in the identity as values.
CARRIERS = (
    "charrec.errors",
    "charrec.machine",
    "charrec.memo",
    "charrec.paths",
    "charrec.results",
    "charrec.storage",
    "charrec.study",
    "charrec.sweep.heartbeat",
    "charrec.sweep.standing",
    "charrec.sweep.table",
    "charrec.sweep.transaction",
    "charrec.sweep.worker",
    "charrec.training.progress",
)

ROOT = Path(__file__).parents[2]
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
ONE_AT_A_TIME = Lock()  # two threads in ast.parse: "AST constructor recursion depth mismatch", CPython 106905
TRIES = 100  # beside threads of others, Prefect's for one, which hold no such lock


def identity(*values: Any, code: str = "") -> str:
    """16 hex digits of JSON-like values (pydantic models included) and of the code that starts at the module `code`.

    Fields marked UNCOUNTED are left out, and those that JSON leaves out (`exclude_if`). A model that has a property
    `module` chooses a module by its values, as a recipe chooses its network: that module counts as imported. Raises
    TypeError for a value without a plain form.
    """
    modules = [code, *_chosen(values)] if code else []
    text = json.dumps([_plain(values), _digest(tuple(modules))], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _digest(modules: tuple[str, ...]) -> str:
    with ONE_AT_A_TIME:
        return here().digest(*modules)


@cache
def here() -> "Code":
    """The code that runs."""
    return Code(ROOT)


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in _counted(value)}
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{type(value).__name__} has no identity; pass its digest")


def _chosen(value: Any) -> Iterator[str]:
    """The modules that values choose."""
    if isinstance(value, BaseModel):
        if isinstance(getattr(type(value), "module", None), property):
            yield value.module  # type: ignore[attr-defined]
        for name in _counted(value):
            yield from _chosen(getattr(value, name))
    elif isinstance(value, dict):
        yield from _chosen(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _chosen(part)


def _counted(value: BaseModel) -> Iterator[str]:
    for name, field in type(value).model_fields.items():
        left_out = field.exclude_if and field.exclude_if(getattr(value, name))
        if not left_out and UNCOUNTED not in field.metadata:
            yield name


class Code:
    """The source of the package `charrec` in the folder `root`: which parts of it a module uses, and what they mean."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._modules: dict[str, tuple[str, frozenset[str]]] = {}  # name -> (meaning, imports)

    def digest(self, *modules: str) -> str:
        """SHA-256 over the meaning of everything in `reach`. Raises ModuleNotFoundError for an unknown module."""
        parts = {name: self._meaning(name) for name in self.reach(*modules)}
        return hashlib.sha256(json.dumps(sorted(parts.items())).encode()).hexdigest()

    def reach(self, *modules: str) -> frozenset[str]:
        """The modules that count: these, and what they import, however deep; and the resources beside them, as paths.

        A package's templates, style sheets and fonts count once any of its modules does.
        """
        seen: set[str] = set()
        waiting = list(modules)
        while waiting:
            if (name := waiting.pop()) not in seen:
                seen.add(name)
                waiting.extend(self._module(name)[1])
        counted = {name for name in seen if not _carries(name)}
        folders = {self._file(name).parent for name in counted}
        resources = (path for folder in folders for path in folder.iterdir() if path.is_file() and path.suffix != ".py")
        return frozenset(counted | {path.relative_to(self.root).as_posix() for path in resources})

    def _meaning(self, name: str) -> str:
        if "/" in name:
            return hashlib.sha256((self.root / name).read_bytes()).hexdigest()
        return self._module(name)[0]

    def _module(self, name: str) -> tuple[str, frozenset[str]]:
        if name not in self._modules:
            tree = meaning(_parsed(self._file(name).read_text(encoding="utf-8")), LATER.get(name, ()))
            self._modules[name] = ast.unparse(tree), frozenset(self._imports(tree))
        return self._modules[name]

    def _imports(self, tree: ast.AST) -> Iterator[str]:
        """Modules of this package, wherever the import stands."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names if _ours(alias.name))
            elif isinstance(node, ast.ImportFrom) and node.module and _ours(node.module):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                submodules = [name for name in names if self._exists(name)]
                yield from submodules  # `from charrec import alphabet` names a module, not a value
                if len(submodules) < len(names):
                    yield node.module

    def _exists(self, name: str) -> bool:
        try:
            self._file(name)
        except ModuleNotFoundError:
            return False
        return True

    def _file(self, name: str) -> Path:
        path = self.root.joinpath(*name.split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file
        raise ModuleNotFoundError(f"no module {name!r}", name=name)


def _parsed(source: str) -> ast.Module:
    """Its syntax tree. Raises SystemError only where another thread disturbs every try."""
    for _ in range(TRIES - 1):
        with suppress(SystemError):
            return ast.parse(source)
    return ast.parse(source)


def _ours(module: str) -> bool:
    return module == "charrec" or module.startswith("charrec.")


def _carries(module: str) -> bool:
    return any(module == carrier or module.startswith(f"{carrier}.") for carrier in CARRIERS)


def meaning(tree: ast.Module, later: Collection[str] = ()) -> ast.Module:
    """The tree without docstrings, annotations, what is imported for annotations alone, and the `later` statements.

    Annotations of fields of classes stay: pydantic and dataclasses act on them.
    """
    stripped: ast.Module = ast.fix_missing_locations(_Stripped().visit(tree))
    for node in ast.walk(stripped) if later else ():
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            node.body = [part for part in node.body if ast.unparse(part) not in later]
    return stripped


class _Stripped(ast.NodeTransformer):
    def __init__(self) -> None:
        self._fields: set[ast.AnnAssign] = set()

    def generic_visit(self, node: ast.AST) -> ast.AST:
        body = getattr(node, "body", None)
        if isinstance(node, ast.ClassDef):
            self._fields |= {part for part in node.body if isinstance(part, ast.AnnAssign)}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, DOCUMENTED) and isinstance(node.body[0] if body else None, ast.Expr):
            first = node.body[0].value  # type: ignore[attr-defined]
            node.body = node.body[isinstance(first, ast.Constant) and isinstance(first.value, str) :]
        super().generic_visit(node)
        if body and not node.body and not isinstance(node, ast.Module):  # type: ignore[attr-defined]
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node in self._fields:
            return self.generic_visit(node)
        return self.generic_visit(ast.Assign(targets=[node.target], value=node.value)) if node.value else None

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.AST]:
        if ast.unparse(node.test) == "TYPE_CHECKING":
            return [part for each in node.orelse if (part := self.visit(each))]
        return self.generic_visit(node)
