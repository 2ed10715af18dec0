"""docs/troubleshooting.md shows errors as the code words them: each line in a block is one that the code can print."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
CODE = ("charrec", "tasks", "flows", "deployments", "infra")
LEAST = 40  # characters of the code's own wording in a line, or anything would fit


def patterns() -> Iterator[re.Pattern[str]]:
    """What the code may print: errors of found, expected and remedy, and long texts; a name may stand before them."""
    paths = [path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py"))]
    modules = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    everywhere = {name: value for module in modules for name, value in _constants(module).items()}
    for module in modules:
        named = everywhere | _constants(module)
        yield from (pattern for node in ast.walk(module) if (pattern := _pattern(node, named)))


def _constants(module: ast.Module) -> dict[str, ast.expr]:
    return {
        target.id: node.value for node in module.body if isinstance(node, ast.Assign)
        for target in node.targets if isinstance(target, ast.Name)
    }  # fmt: skip


def _pattern(node: ast.AST, named: dict[str, ast.expr]) -> re.Pattern[str] | None:
    if isinstance(node, ast.Call) and len(node.args) == 3:
        found, expected, remedy = (_parts(argument, named) for argument in node.args)
        parts = [*found, "; expected ", *expected, ". ", *remedy]
    elif isinstance(node, ast.JoinedStr):
        parts = _parts(node, named)
    else:
        return None
    if sum(len(part) for part in parts if part) < LEAST:
        return None
    return re.compile("(.+ )?" + "".join(".+" if part is None else re.escape(part) for part in parts))


def _parts(node: ast.expr, named: dict[str, ast.expr]) -> list[str | None]:
    """An expression's text; None where it is known only when the code runs."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            return [part for value in values for part in _parts(value, named)]
        case ast.Subscript(value=value) | ast.FormattedValue(value=value):
            return _parts(value, named)
        case ast.Name(id=name) if isinstance(named.get(name), ast.Constant | ast.JoinedStr):
            return _parts(named[name], named)
    return [None]


def shown() -> list[str]:
    """The page's errors, without what the terminal puts before them."""
    blocks = re.findall(r"^```\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [re.sub(r"^(error|note): ", "", " ".join(block.split())) for block in blocks]


def test_each_error_on_the_page_is_worded_as_the_code_words_it() -> None:
    known = list(patterns())
    assert len(shown()) >= 20
    assert [line for line in shown() if not any(pattern.fullmatch(line) for pattern in known)] == []


def test_each_error_has_its_remedy_below_it() -> None:
    sections = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
    assert [section.splitlines()[0] for section in sections if not section.rpartition("```")[2].strip()] == []


def test_a_wording_that_the_code_has_not_does_not_pass() -> None:
    known = list(patterns())
    assert not any(pattern.fullmatch("the moon is full; expected a new one. Wait for two weeks.") for pattern in known)
