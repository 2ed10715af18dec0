"""What is made once although the tests run in several processes: by the first that asks, while the others wait."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from tests.desk import Desk, Ran


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that `make` has filled; the tests must not change it. Where `make` fails, the next that asks tries."""
    shared = factory.getbasetemp()
    if shared.name.startswith("popen-"):  # a process of several has a folder of its own in the run's
        shared = shared.parent
    folder, done = shared / name, shared / f"{name}.done"
    with FileLock(shared / f"{name}.lock"):
        if not done.exists():
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def whole_store(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the undisturbed study lies; the tests work on copies."""

    def make(folder: Path) -> None:
        ran = desk.run(folder)
        assert ran.status == 0, ran.said
        (folder.parent / "whole.json").write_text(json.dumps([ran.status, ran.said]))

    return once(tmp_path_factory, "whole", make)


@pytest.fixture(scope="session")
def whole(whole_store: Path) -> Ran:
    """The undisturbed study."""
    return Ran(*json.loads((whole_store.parent / "whole.json").read_text()))
