"""Which tests run in one process, one after the other, where `make test` runs two (pytest-xdist).

Its own `--dist loadgroup` does not see the groups' names: pytest 9.2 has no `_nodeid` any more, to which it adds them.
"""

from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]
# Of the one stack; a test elsewhere that asks for it is refused, or there would be two.
STACK = (
    "tests/deployments/", "tests/production/",
    "tests/infra/test_docker.py", "tests/infra/test_kubernetes.py", "tests/infra/test_stack.py",
)  # fmt: skip
# What takes longest, in the order in which it starts, lest one process works on alone at the end.
FIRST = ("stack", "tests/flows", "tests/tasks", "tests/steps", "tests/sweep", "tests/training")


def group(nodeid: str) -> str:
    """The stack's tests, those of a folder with fixtures of its own, or those of a file."""
    file = nodeid.partition("::")[0]
    folder = file.rpartition("/")[0]
    if file.startswith(STACK):
        return "stack"
    return folder if folder != "tests" and (ROOT / folder / "conftest.py").exists() else file


def place(item: pytest.Item) -> int:
    name = group(item.nodeid)
    if "stack" in getattr(item, "fixturenames", ()) and name != "stack":
        raise pytest.UsageError(f"{item.nodeid} uses the stack; expected it among {STACK}. Add it in {__file__}.")
    return next((number for number, first in enumerate(FIRST) if name.startswith(first)), len(FIRST))


class ByGroup(LoadScopeScheduling):
    """A group goes to whichever process is free."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)
