"""Which tests run in one process, one after the other, where `make test` runs three (pytest-xdist).

Its own `--dist loadgroup` does not see the groups' names: pytest 9.2 has no `_nodeid` any more, to which it adds them.
"""

from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]
# What uses a stack (PostgreSQL, Prefect's server, a store). Each group has its own, or the last half of the tests would
# wait for one process; a test elsewhere that asks for a stack is refused, or there would be a third.
STACKS = {
    "production": ("tests/production/",),
    "stack": (
        "tests/deployments/", "tests/infra/test_docker.py", "tests/infra/test_kubernetes.py",
        "tests/infra/test_stack.py",
    ),
}  # fmt: skip
# Of one server without a database of its own.
PREFECT = ("tests/tasks/", "tests/flows/test_retrain.py", "tests/kills/test_studies.py")
APART = ("tests/sweep",)  # whose conftest.py has fixtures of a single test alone; together they took longest of all
# What takes longest, in the order in which it starts, lest one process works on alone at the end.
FIRST = (
    "production", "tests/flows/test_full_study.py", "stack", "prefect", "tests/steps", "tests/sweep",
    "tests/training", "tests/simulation",
    "tests/storage", "tests/commands", "tests/infra", "tests/data", "tests/serving", "tests/report", "tests/machine",
    "tests/memo", "tests/test_makefile.py",
)  # fmt: skip


def group(nodeid: str) -> str:
    """The tests of one stack or server, those of a folder that shares fixtures, or those of a file."""
    file = nodeid.partition("::")[0]
    folder = file.rpartition("/")[0]
    for name, files in {**STACKS, "prefect": PREFECT}.items():
        if file.startswith(files):
            return name
    shares = folder not in ("tests", *APART) and (ROOT / folder / "conftest.py").exists()
    return folder if shares else file


def place(item: pytest.Item) -> int:
    name = group(item.nodeid)
    if "stack" in getattr(item, "fixturenames", ()) and name not in STACKS:
        raise pytest.UsageError(f"{item.nodeid} uses the stack; expected it among {STACKS}. Add it in {__file__}.")
    return next((number for number, first in enumerate(FIRST) if name.startswith(first)), len(FIRST))


class ByGroup(LoadScopeScheduling):
    """A group goes to whichever process is free."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)
