"""examples/search_digits.py: two workers, one of which is killed, find what one that nothing happened to finds.

`make test` has the two; that one beside them takes as long again, and it is `make test-long` that compares.
"""

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from charrec.storage import Store, open_store
from charrec.sweep import status
from charrec.sweep.builder import Builder
from charrec.sweep.fits import Fits
from charrec.sweep.outcome import ranked, read_document
from tests.processes import descendants, eventually
from tests.thorough import THOROUGH
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

SCRIPT = Path(__file__).parents[2] / "examples" / "search_digits.py"
EPOCHS = "3"  # 6 trials of 5 configurations, one of them promoted
KEY = "sweeps/search"


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("search_digits", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_short_and_its_space_is_found_whole() -> None:
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) <= 40
    names = [one.name for one in Builder(example().build, {}).space.dimensions]
    assert names == ["blocks", "filters_0", "dropout", "learning_rate", "filters_1"]


def started(folder: Path, *by: str) -> "subprocess.Popen[bytes]":
    """The search in a folder of its own, by this process or by others that it starts."""
    folder.mkdir()
    command = [sys.executable, *by, str(SCRIPT), "store", EPOCHS]
    with (folder / "said").open("wb") as said:
        return subprocess.Popen(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT)


def holders(store: Store) -> str:
    """The workers that have a trial; their names contain their processes' numbers."""
    if not store.exists(f"{KEY}/sweep.json"):
        return ""
    document = read_document(store, Fits.stored(store, KEY))
    return " ".join(lease.worker for lease in document.leases.values()) if document else ""


def outcome(store: Store) -> list[dict[str, Any]]:
    """The ranking, but for names of trials and seconds; and histories without them."""
    plan = Fits.stored(store, KEY)
    rows = [row.model_dump(exclude={"trial", "seconds"}) for row in ranked(store, plan)[1]]
    for row in rows:
        row["history"] = [(epoch.epoch, epoch.values) for epoch in plan.progress(store, row["configuration"]).epochs]
    return rows


def killed_at_its_trial(crew: int, store: Store) -> bool:
    """Whether one of these workers had a trial."""
    for worker in descendants(crew):
        if f"-{worker}-" in holders(store):
            os.kill(worker, signal.SIGKILL)
            return True
    return False


def test_one_of_two_workers_is_killed_and_the_search_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    store, undisturbed = (open_store(str(tmp_path / name / "store")) for name in ("two", "one"))
    crew = started(tmp_path / "two", "-m", "charrec", "sweep", "work", "--workers", "2")
    running = [crew, *([started(tmp_path / "one")] if THOROUGH else [])]
    try:
        assert eventually(lambda: killed_at_its_trial(crew.pid, store), 300, every=0.1)
        assert {one.wait(900) for one in running} == {0}
    finally:
        for one in running:
            one.terminate()  # a crew passes it on
            one.wait(300)
    said = (tmp_path / "two" / "said").read_text()
    assert "was ended by signal 9; the next begins in" in said
    plan = Fits.stored(store, KEY)
    assert status(store, plan).finished
    rows = ranked(store, plan)[1]
    assert sorted((row.state, row.epochs) for row in rows) == [("COMPLETED", 1)] * 3 + [("COMPLETED", 3)] * 3
    if THOROUGH:
        assert outcome(store) == outcome(undisturbed)
    best = rows[0]
    assert f"val_accuracy {best.score:.4f} with {best.values}" in said
    assert [path.name for path in (tmp_path / "two").glob("*.keras")] == ["digits.keras"]
