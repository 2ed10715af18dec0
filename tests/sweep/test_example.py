"""examples/search_digits.py: two workers, one of which is killed, find what one that nothing happened to finds."""

import importlib.util
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
from tests.processes import eventually
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
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) <= 45
    names = [one.name for one in Builder(example().build, {}).space.dimensions]
    assert names == ["blocks", "filters_0", "dropout", "learning_rate", "filters_1"]


def worker(folder: Path, name: str) -> "subprocess.Popen[bytes]":
    """A process of its own, in a folder of its own."""
    place = folder / name
    place.mkdir(parents=True)
    command = [sys.executable, str(SCRIPT), str(folder / "store"), EPOCHS]
    with (place / "said").open("wb") as said:
        return subprocess.Popen(command, cwd=place, stdout=said, stderr=subprocess.STDOUT)


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


@pytest.mark.long
def test_one_of_two_workers_is_killed_and_the_search_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    store, undisturbed = (open_store(str(tmp_path / name / "store")) for name in ("two", "one"))
    places = [("two", "doomed"), ("two", "survivor"), ("one", "alone")]
    workers = [worker(tmp_path / place, name) for place, name in places]
    try:
        assert eventually(lambda: f"-{workers[0].pid}-" in holders(store), 300, every=0.1)
        workers[0].kill()
        assert [one.wait(900) for one in workers] == [-9, 0, 0]
    finally:
        for one in workers:
            one.kill()
            one.wait(300)
    said = (tmp_path / "two" / "survivor" / "said").read_text()
    plan = Fits.stored(store, KEY)
    assert status(store, plan).finished
    assert outcome(store) == outcome(undisturbed)
    best = ranked(store, plan)[1][0]
    assert f"val_accuracy {best.score:.4f} with {best.values}" in said
    assert (tmp_path / "two" / "survivor" / "digits.keras").exists()
