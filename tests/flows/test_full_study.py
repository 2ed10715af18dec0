"""The whole study as a user runs it, tiny: what it leaves, what it finds again, how it is interrupted and goes on."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from charrec.__main__ import main as charrec
from charrec.commands.invitation import invitation
from charrec.results import StudyResult
from charrec.storage.folder import FolderStore
from charrec.training.checkpoints import Progress
from tests.data.sources.samples import write_chars74k
from tests.desk import CHILDREN, EPOCHS, MODELS, ROOT, STEPS, TRIALS, Desk, Ran, histories
from tests.harmed import harmed
from tests.processes import command, descendants, eventually, gone
from tests.thorough import some


@pytest.fixture
def done(whole: Ran, whole_store: Path, tmp_path: Path) -> Path:
    """A copy of the store with all that was done."""
    return Path(shutil.copytree(whole_store, tmp_path / "results", ignore=shutil.ignore_patterns(".locks", ".tmp")))


@pytest.fixture
def before_model_2(done: Path) -> Path:
    """The store as it is where model 2 alone has not been trained."""
    found = [*done.rglob("model_2-*"), *done.rglob("reports")]
    assert len(found) == 2 * 4  # training, predictions, evaluation and report, with their digests
    for folder in found:
        shutil.rmtree(folder)
    return done


def epochs_of_model_2(store: Path) -> int:
    """How many are stored."""
    keys = [entry.key for entry in FolderStore(store).list("trainings/model_2-")]
    found = [key for key in keys if key.endswith("progress.json")]
    return len(Progress.model_validate_json((store / found[0]).read_bytes()).epochs) if found else 0


def reach_the_middle(run: "subprocess.Popen[bytes]", store: Path, desk: Desk, beyond: int = 0) -> int:
    """Wait until more epochs of model 2 are stored than those; how many there are."""
    assert eventually(lambda: epochs_of_model_2(store) > beyond or run.poll() is not None, 300, every=0.05)
    assert run.poll() is None, (desk.home / "said").read_text()
    return epochs_of_model_2(store)


def files(store: Path) -> dict[str, int]:
    """Every file -> when it was last changed, but for the locks."""
    found = [path for path in store.rglob("*") if path.is_file() and ".locks" not in path.parts]
    return {str(path.relative_to(store)): path.stat().st_mtime_ns for path in found}


def test_it_ends_with_a_report_of_everything(whole: Ran, whole_store: Path) -> None:
    report = Path(urlsplit(whole.lines[-1].removeprefix("Report: ")).path)
    assert (report.name, report.parents[2]) == ("report.html", whole_store)
    assert report.read_text().startswith("<!doctype html>")
    result = whole.result()
    assert [training.model for training in result.trainings] == list(MODELS)
    assert [len(training.epochs) for training in result.trainings] == [2, EPOCHS, 1, 1]
    assert [evaluation.model for evaluation in result.evaluations] == list(MODELS)
    assert len(result.search.trials) == 5  # 2 of one epoch, one of them promoted, 2 of two epochs
    searched = {trial.configuration for trial in result.search.trials}
    assert {curve.configuration for curve in result.search_curves} == searched
    assert sorted(len(curve.epochs) for curve in result.search_curves) == [1, 2, 2, 2]
    assert [one.model for one in result.reliability] == list(MODELS)
    assert {one.model for one in result.slices} == set(MODELS)
    assert {(text.text, text.model, text.method) for text in result.texts} == {
        (text, model, method) for text in ("APR", "2023") for model in MODELS for method in ("prepared", "reference")
    }
    assert (result.data.images, result.data.training, result.data.validation) == (744, 596, 148)


def test_it_says_how_to_use_the_result_and_lets_no_library_speak(whole: Ran, whole_store: Path) -> None:
    """tests/commands types these commands."""
    assert whole.lines[-4:-1] == invitation(str(whole_store), None)
    assert "oneDNN" not in whole.said and "absl" not in whole.said


def test_its_first_lines_name_study_reason_and_data(whole: Ran, whole_store: Path) -> None:
    study, data, place = whole.lines[:3]
    assert study.startswith("Study: quick, since no GPU is visible; --size full ")
    assert data == "Data: glyphs fonts, letters fonts, digits sklearn."
    assert place.startswith(f"Store: {whole_store};")


def test_it_tells_every_epoch_while_it_runs(whole: Ran) -> None:
    told = [
        (int(e), int(n))
        for e, n in re.findall(r"Flow run 'train model_2' - model_2 epoch (\d+)/(\d+): loss", whole.said)
    ]
    assert told == [(epoch, EPOCHS) for epoch in range(1, EPOCHS + 1)]


def test_every_step_has_a_run_with_a_name(whole: Ran) -> None:
    assert whole.states == dict.fromkeys(STEPS, "Completed")
    assert whole.children == dict.fromkeys(CHILDREN, "Completed")
    trials = re.findall(r"Task run '(trial [^']+)' - Finished in state Completed\(", whole.said)
    assert set(trials) == TRIALS
    assert re.search(r"Flow run 'study [a-z]{5}, \d{4}-\d\d-\d\d, seed 123' - Finished in state Completed", whole.said)


def test_again_recomputes_nothing(desk: Desk, done: Path, whole: Ran) -> None:
    before = files(done)
    ran = desk.run(done)
    assert ran.states == dict.fromkeys(STEPS, "Cached")
    assert ran.children == {}
    assert files(done) == before
    assert ran.result() == whole.result()


def copied_code(folder: Path) -> Path:
    """The code, to be changed."""
    for package in ("charrec", "tasks", "flows"):
        shutil.copytree(ROOT / package, folder / "code" / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "code"


def interrupt(run: "subprocess.Popen[bytes]", desk: Desk) -> None:
    """Ctrl-C."""
    family = descendants(run.pid)
    os.killpg(run.pid, signal.SIGINT)  # a terminal sends it to the whole group
    ran = desk.finished(run)
    assert gone(family)
    assert (ran.status, ran.lines[-1]) == (130, "error: interrupted; the same command resumes it")
    assert "Traceback" not in ran.said


def terminate(run: "subprocess.Popen[bytes]", desk: Desk) -> None:
    """As `kill`, `timeout` and the end of a session do it: SIGTERM to the study's own process."""
    family = descendants(run.pid)
    run.terminate()
    ran = desk.finished(run)
    assert gone(family)
    assert (ran.status, ran.lines[-1]) == (143, "error: terminated; the same command resumes it")
    assert "Traceback" not in ran.said


def kill(run: "subprocess.Popen[bytes]", desk: Desk) -> None:
    """kill -9 of the study's own process."""
    family = descendants(run.pid)
    said = " ".join(command(pid) for pid in family)
    assert "flows/serving.py" in said
    assert "spawn_main" in said
    run.kill()
    run.wait()
    assert gone(family)


@harmed("is ended at a desk")
@pytest.mark.parametrize("end", some([interrupt, terminate, kill], 1))
def test_ended_in_the_middle_and_robbed_of_its_device_it_goes_on_to_the_same_end(
    end: Callable[["subprocess.Popen[bytes]", Desk], None], desk: Desk, before_model_2: Path, whole: Ran
) -> None:
    """The second run goes on from the first; its device is killed, and another takes its place."""
    store = before_model_2
    with desk.started(store, {}) as run:
        first = reach_the_middle(run, store, desk)
        end(run, desk)
    with desk.started(store, {}) as run:
        second = reach_the_middle(run, store, desk, beyond=max(first, epochs_of_model_2(store)))
        (device,) = [pid for pid in descendants(run.pid) if "spawn_main" in command(pid)]
        os.kill(device, signal.SIGKILL)
        assert first < second <= epochs_of_model_2(store) < EPOCHS
        ran = desk.finished(run)
    assert histories(ran.result()) == histories(whole.result())
    assert ran.redone == {"train model_2", "predict model_2", "evaluate model_2", "report"}
    assert "Traceback" not in ran.said


def test_a_missing_class_ends_it_with_one_clear_line_and_nothing_half_made(desk: Desk, tmp_path: Path) -> None:
    data = write_chars74k(tmp_path / "data", fonts=1)
    shutil.rmtree(data / "English/Fnt/Sample007")
    ran = desk.run(tmp_path / "results", **{"data.glyphs": str(data)})
    assert ran.status == 2
    assert ran.lines[-1].startswith(f"error: {data}: ")
    assert "Sample007" in ran.lines[-1]
    assert ran.lines[-1].endswith("Pass the data set as Kaggle serves it, or a folder with the same layout.")
    assert "Traceback" not in ran.said
    assert {entry.key.split("/")[0] for entry in FolderStore(tmp_path / "results").list()} <= {"letters", "digits"}
    assert list((tmp_path / "results/.tmp").iterdir()) == []


def branches(*models: str) -> set[str]:
    return {f"{step} {model}" for step in ("train", "predict", "evaluate") for model in models}


@dataclass(frozen=True)
class Changed:
    """A user with the code of model 3 changed, at a store where the study is done; model 1 trains for longer."""

    desk: Desk
    store: Path

    def run(self, dropout: str) -> Ran:
        """With this in place of model 3's dropout."""
        slide = self.desk.root / "charrec/models/model_3.py"
        source = (ROOT / "charrec/models/model_3.py").read_text()
        assert "Dropout(0.4)" in source
        slide.write_text(source.replace("Dropout(0.4)", f"Dropout({dropout})"))
        return self.desk.run(self.store, epochs_model_1="3")


@pytest.fixture
def changed(desk: Desk, done: Path, tmp_path: Path) -> Changed:
    for report in done.rglob("reports"):
        shutil.rmtree(report)
    return Changed(Desk(desk.home, copied_code(tmp_path)), done)


@harmed("a network that fails")
def test_a_network_that_fails_costs_the_others_nothing_and_what_changed_is_all_that_is_redone(
    changed: Changed, whole: Ran
) -> None:
    ran = changed.run(dropout="40")
    assert ran.status == 1
    assert "Dropout" in ran.said or "rate" in ran.said
    assert ran.redone == {*branches("model_1"), "train model_3", "report"}
    (study,) = changed.store.glob("reports/*/study.json")
    result = StudyResult.model_validate_json(study.read_bytes())
    assert result.failures.keys() == {"model_3"}
    assert 'data-failure="model_3"' in study.with_name("report.html").read_text()
    before, after = histories(whole.result()), histories(result)
    assert after.keys() == {"model_1", "model_2", "model_4"}
    assert after["model_1"][:2] == before["model_1"]  # a longer training begins as the shorter one
    assert len(after["model_1"]) == 3
    assert (after["model_2"], after["model_4"]) == (before["model_2"], before["model_4"])


@pytest.mark.long
def test_a_network_that_failed_is_all_that_is_redone_when_its_code_is_mended(changed: Changed, whole: Ran) -> None:
    """tests/steps/test_memory.py changes code too, in one process."""
    assert changed.run(dropout="40").status == 1
    ran = changed.run(dropout="0.5")
    assert ran.redone == {*branches("model_3"), "report"}
    assert ran.states.keys() == STEPS
    before, after = histories(whole.result()), histories(ran.result())
    assert len(after["model_1"]) == 3
    assert after["model_3"] != before["model_3"]
    assert (after["model_2"], after["model_4"]) == (before["model_2"], before["model_4"])


@pytest.mark.long
def test_model_5_is_one_more_branch_of_a_study_that_is_done(
    desk: Desk, done: Path, whole: Ran, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing else is computed again, and it reads; tests/steps/test_model_5.py trains it in `make test`."""
    ran = desk.run(done, epochs_model_5="2")
    assert ran.redone == {*branches("model_5"), "report"}
    assert ran.states.keys() == STEPS | branches("model_5")
    result = ran.result()
    assert histories(result) == {**histories(whole.result()), "model_5": histories(result)["model_5"]}
    (training,) = (row for row in result.trainings if row.model == "model_5")
    assert (training.parameters, len(training.epochs)) == (490_718, 2)
    assert [row.model for row in result.evaluations] == [*MODELS, "model_5"]
    texts = {row.text for row in result.text_rates if row.model == "model_5"}
    assert texts == {"APR", "2023", "years", "months", "words"}
    assert "Model 5" in Path(urlsplit(ran.lines[-1].removeprefix("Report: ")).path).read_text()
    words = ["predict", "docs/A.png", "--text", "--shears", "--model", "model_5", "--store", str(done)]
    assert charrec(words) == 0
    assert capsys.readouterr().out.startswith("model_5, trainings/model_5-")
