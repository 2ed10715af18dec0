"""What is made once although the tests run in several processes: by the first that asks, while the others wait."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from tests.desk import ROOT, Desk, Ran
from tests.toy import ON_JAX, OnJax


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


@pytest.fixture(scope="session")
def on_jax_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with what one process trained and searched on JAX, since each process and each network takes seconds."""

    def make(folder: Path) -> None:
        command = [sys.executable, "-m", "tests.toy", "jax", str(folder)]
        ran = subprocess.run(command, cwd=ROOT, env=os.environ | ON_JAX, check=True, stdout=subprocess.PIPE)
        (folder.parent / "on-jax.json").write_bytes(ran.stdout.splitlines()[-1])

    return once(tmp_path_factory, "on-jax", make)


@pytest.fixture(scope="session")
def on_jax(on_jax_folder: Path) -> OnJax:
    return OnJax.model_validate_json((on_jax_folder.parent / "on-jax.json").read_bytes())
