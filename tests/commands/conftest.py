"""What a user of `charrec` has: a store with a study of which model 2 was really trained, and an image."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from charrec.__main__ import main
from charrec.memo.step import Bench
from charrec.results import Rate, Stored, StudyResult
from charrec.serving.candidate import Candidate, candidate_of
from charrec.storage import Store, open_store
from charrec.training.train import train
from tests.commands.shelf import REPORT, TRAINING, Ran, put_report
from tests.report.sample_result import tiny_result
from tests.report.stored_study import SMALL, StoredStudy, begin_search
from tests.toy import RECIPE, toy_arrays

BEST = Rate(value=0.95, low=0.9, high=0.97, n=500)  # of model 2


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHARREC_STORE", "CHARREC_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    """A study of which model 2 was really trained, for an epoch, and is the best."""
    made = tiny_result()
    progress = train(RECIPE, toy_arrays(), 1, open_store(str(tmp_path_factory.getbasetemp() / "trained")), TRAINING)
    assert progress.best
    real = {"precision": "float32", "weights": Stored(key=progress.best.key, sha256=progress.best.sha256)}
    trainings = [row.model_copy(update=real) if row.model == "model_2" else row for row in made.trainings]
    evaluations = [
        row.model_copy(update={"accuracy": BEST}) if row.model == "model_2" else row for row in made.evaluations
    ]
    return made.model_copy(update={"trainings": tuple(trainings), "evaluations": tuple(evaluations)})


@pytest.fixture
def place(result: StudyResult, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a store with that training and its report."""
    trained, store = open_store(str(tmp_path_factory.getbasetemp() / "trained")), open_store(str(tmp_path / "store"))
    for entry in trained.list():
        store.put(entry.key, trained.get(entry.key))
    put_report(store, REPORT, result)
    return str(tmp_path / "store")


@pytest.fixture
def candidate(result: StudyResult) -> Candidate:
    made = candidate_of(result, "model_2", glyphs="g", letters="l", digits="d", report=f"{REPORT}/report.html")
    return made.model_copy(update={"split": "font"})


@pytest.fixture
def image(tmp_path: Path) -> str:
    pixels = np.full((40, 40), 255, np.uint8)
    pixels[10:30, 18:22] = 0
    path = tmp_path / "one.png"
    Image.fromarray(pixels).save(path)
    return str(path)


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str]):
    """The exit code, and what was printed."""

    def run(*words: str) -> Ran:
        capsys.readouterr()
        code = main(list(words))
        said = capsys.readouterr()
        lines = [line for line in said.err.splitlines(True) if line.startswith(("error:", "note:"))]
        return code, said.out, "".join(lines)

    return run


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[StoredStudy, StoredStudy]:
    """Two finished studies in one store, without pictures; they differ in settings, networks and validation images."""
    folder = tmp_path_factory.mktemp("studies")
    bench = Bench(open_store(str(folder / "store")), folder / "cache")
    first = StoredStudy(bench).pack().augment().branch("model_1", 0.8).branch("model_2", 0.85, 1)
    other = SMALL.model_copy(update={"validation_fraction": 0.5, "epochs_model_1": 3})
    second = StoredStudy(bench, other).pack().augment()
    second.branch("model_1", 0.8, 2).branch("model_2", 0.97, 3).branch("model_5", 0.9, 4)
    first.undrawn()
    second.undrawn()
    return first, second


@pytest.fixture
def half(studies: tuple[StoredStudy, StoredStudy], tmp_path: Path) -> Store:
    """The first before its end: model 1 is evaluated, model 2 has trained an epoch, two of five trials have ended."""
    first, second = studies
    model_2, others = first.branches[1], second.branches
    root = Path(shutil.copytree(Path(first.bench.store.root), tmp_path / "half"))  # type: ignore[attr-defined]
    store = open_store(str(root))
    gone = ["reports", *(outcome.key for branch in (model_2, *others) for outcome in branch)]
    for entry in (entry for key in gone for entry in store.list(f"{key}/")):
        store.delete(entry.key)
    StoredStudy(Bench(store, tmp_path), first.study).epochs("model_2", 1)
    begin_search(store, first)
    return store
