"""The command line `charrec`: what it prints, what it ends with, what it leaves behind."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from charrec.__main__ import _options, main
from charrec.commands.sweep import main as sweep
from charrec.results import StudyResult
from charrec.serving import champion
from charrec.serving.candidate import Candidate
from charrec.storage import NotFound, open_store
from tests.commands.shelf import REPORT, TRAINING, put_report
from tests.test_imports import HEAVY
from tests.toy import ROOT, SWEEP, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


def test_a_result_that_another_charrec_wrote_is_refused(ran, place: str, image: str) -> None:
    open_store(place).put(f"{REPORT}/study.json", b'{"study": {"colour": "blue"}}')
    code, _, err = ran("predict", image, "--store", place, "--model", "model_2")
    assert code == 2 and "study.json holds study.colour: Extra inputs" in err


def test_a_report_without_its_result_is_told(ran, place: str, image: str) -> None:
    open_store(place).delete(f"{REPORT}/study.json")
    code, out, err = ran("predict", image, "--store", place, "--model", "model_2")
    assert (code, out) == (2, "")
    assert f"{REPORT} has report.html, but no study.json; expected both of them. Run the study again" in err


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"owner": 1}', b'{"last": {"key": "../a"}}']
)
def test_a_training_whose_progress_is_something_else_has_no_weights(
    content: bytes, ran, place: str, image: str
) -> None:
    open_store(place).put(f"{TRAINING}/progress.json", content)
    code, out, err = ran("predict", image, "--store", place, "--model", "model_2")
    assert (code, out) == (2, "")
    assert f"has no weights of {TRAINING}" in err


def test_a_copy_without_records_names_the_command_that_restores_them(
    ran, place: str, image: str, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "store" / ".sha256")
    for words in (["predict", image, "--model", "model_2"], ["report", "--to", str(tmp_path / "out")]):
        code, out, err = ran(*words, "--store", place)
        assert (code, out) == (2, "")
        assert "has no recorded SHA-256: the hidden folder" in err
        assert f"`charrec store check --store {tmp_path / 'store'}`" in err


def test_a_report_that_vanishes_meanwhile_is_no_traceback(ran, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def vanish(*_: object) -> list[str]:
        raise NotFound("reports/1/report.html")

    monkeypatch.setattr("charrec.commands.report.reports", vanish)
    assert ran("report", "--store", place) == (1, "", "error: the store has no 'reports/1/report.html'\n")


def test_the_latest_report_is_shown(ran, place: str, result: StudyResult, tmp_path: Path) -> None:
    assert ran("report", "--store", place) == (0, f"{(tmp_path / 'store').as_uri()}/{REPORT}/report.html\n", "")
    put_report(open_store(place), "reports/1111111111111111", result)
    os.utime(tmp_path / "store" / REPORT / "report.html", (1, 1))
    assert "reports/1111111111111111/report.html" in ran("report", "--store", place)[1]


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_latest_report_is_fetched_whole(ran, place: str, result: StudyResult, tmp_path: Path) -> None:
    to = tmp_path / "new" / "here"
    assert ran("report", "--store", place, "--to", str(to)) == (0, f"{to}/report.html\n", "")
    assert files(to) == {
        "report.html": b"<title>A report</title>",
        "study.json": result.model_dump_json().encode(),
        "tables/models.csv": b"model\n",
    }
    assert list(to.parent.iterdir()) == [to]


def test_a_report_is_fetched_from_a_bucket(
    ran, s3_url: str, s3_server: str, result: StudyResult, tmp_path: Path
) -> None:
    put_report(open_store(s3_url, endpoint=s3_server), REPORT, result)
    place = ("--store", s3_url, "--endpoint", s3_server)
    assert ran("report", *place) == (0, f"{s3_url}/{REPORT}/report.html\n", "")
    assert ran("report", *place, "--to", str(tmp_path / "here"))[0] == 0
    assert sorted(files(tmp_path / "here")) == ["report.html", "study.json", "tables/models.csv"]


def test_a_folder_with_anything_in_it_is_left_alone(ran, place: str, tmp_path: Path) -> None:
    to = tmp_path / "here"
    to.mkdir()
    assert ran("report", "--store", place, "--to", str(to))[0] == 0
    before = files(to)
    (to / "mine.txt").write_text("mine")
    for path in (to, to / "mine.txt"):
        code, out, err = ran("report", "--store", place, "--to", str(path))
        assert (code, out) == (2, "") and err.startswith(f"error: {path} exists; expected a folder to be made")
    assert files(to) == {**before, "mine.txt": b"mine"}


@pytest.mark.parametrize(("below", "why"), [("mine.txt/here", "File exists"), ("n" * 300, "File name too long")])
def test_a_place_that_no_report_can_take_is_named(below: str, why: str, ran, place: str, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    code, out, err = ran("report", "--store", place, "--to", str(tmp_path / below))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f" cannot be used for the report in {tmp_path / below} ({why}); expected a folder, and names that its" in err


def test_a_report_that_cannot_be_fetched_whole_leaves_nothing(ran, place: str, tmp_path: Path) -> None:
    (tmp_path / "store" / REPORT / "tables" / "models.csv").write_bytes(b"damaged")
    (tmp_path / "out").mkdir()
    code, _, err = ran("report", "--store", place, "--to", str(tmp_path / "out" / "here"))
    assert code == 2 and "models.csv has SHA-256" in err
    assert list((tmp_path / "out").iterdir()) == []


NO_STUDY = {
    "none": r"there is no store at file:\S+/none; expected one in which a study ran\. Correct the store's",
    "empty": r"file:\S+/empty holds nothing of a study; expected a store in which one ran\. Correct",
    "another": r"file:\S+/another holds nothing of a study; expected a store in which one ran\.",
}


@pytest.mark.parametrize(
    "words",
    [["predict", "a.png"], ["report"], ["champion", "list"], ["champion", "rollback", "1"], ["sweep", "status"]],
)
@pytest.mark.parametrize("name", NO_STUDY)
def test_a_store_without_a_study_is_told_from_others(ran, words: list[str], name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "another").mkdir()
    (tmp_path / "another" / "report.html").write_text("what `charrec report --to` fetched")
    place = [str(tmp_path / name)] if words[0] == "sweep" else ["--store", str(tmp_path / name)]
    code, out, err = ran(*words, *place)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert re.match(f"error: {NO_STUDY[name]}", err), err
    assert not (tmp_path / "none").exists()


def test_a_study_that_is_not_done_is_told_to_go_on(ran, tmp_path: Path) -> None:
    place = str(tmp_path / "store")
    open_store(place).put("trainings/model_1-0/progress.json", b"{}")
    for words, what in ((["predict", "a.png", "--store"], "report"), (["sweep", "status"], "search")):
        code, _, err = ran(*words, place)
        assert (
            code == 2 and f"has no {what} yet, only other steps of a study; expected one with a {what}. Run its" in err
        )


def test_the_champions_are_listed_and_a_former_one_comes_back(ran, place: str, candidate: Candidate) -> None:
    store = open_store(place)
    assert ran("champion", "list", "--store", place) == (
        0,
        f"{store.url} has no champion until a retraining promotes one; the latest study's best reads\n",
        "",
    )
    code, _, err = ran("champion", "rollback", "1", "--store", place)
    assert code == 2 and err.endswith(
        "has no champion 1; expected a former one, of which there is none. Have a retraining promote the first one.\n"
    )
    champion.promote(store, candidate, "the first", None)
    store.put("trainings/b/epoch-001.weights.h5", b"weights")
    other = json.loads(store.get(f"{TRAINING}/progress.json"))
    other["best"] |= {"key": "trainings/b/epoch-001.weights.h5", "sha256": "b" * 64}
    store.put("trainings/b/progress.json", json.dumps(other).encode())
    better = candidate.model_copy(update={"training": "trainings/b", "weights_sha256": "b" * 64})
    champion.promote(store, better, "better \x1b[31mby far", 1)
    assert ran("champion", "rollback", "1", "--store", place) == (
        0,
        f"Champion 3 is {TRAINING}: back to 1 from 2\n",
        "",
    )
    code, out, _ = ran("champion", "list", "--store", place)
    head, *rows, last = out.splitlines()
    assert code == 0 and head.split()[:5] == ["number", "since", "by", "network", "accuracy"]
    assert [(row.split()[0], row.split()[2]) for row in rows] == [("1", "first"), ("2", "gate"), ("3", "rollback")]
    assert rows[1].endswith("better \\x1b[31mby far")
    assert last == f"In use is 3, {TRAINING}; {store.url}/{REPORT}/report.html"
    code, _, err = ran("champion", "rollback", "7", "--store", place)
    assert code == 2 and "has no champion 7; expected a former one (2)" in err


def test_the_store_comes_from_the_environment_unless_it_is_given(
    ran, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"there is no store at {(tmp_path / 'results').as_uri()};" in ran("report")[2]
    monkeypatch.setenv("CHARREC_STORE", place)
    assert ran("report") == ran("report", "--store", place)
    assert ran("report", "--store", "elsewhere")[0] == 2
    monkeypatch.setenv("CHARREC_STORE", "s3://bucket/prefix")
    monkeypatch.setenv("CHARREC_ENDPOINT", "ftp://nowhere")
    assert "an S3 endpoint of another form" in ran("report")[2]
    assert "an S3 endpoint of another form" in ran("sweep", "status", "s3://bucket/prefix")[2]


def ended(output: int, room: int = resource.RLIM_INFINITY) -> tuple[int, str]:
    """How `charrec champion list` ends that writes to this, with room for so many bytes in a file."""
    ran = subprocess.run(
        [sys.executable, "-m", "charrec", "champion", "list"], cwd=ROOT, stdout=output, stderr=subprocess.PIPE,
        text=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )  # fmt: skip
    return ran.returncode, ran.stderr


def test_a_closed_pipe_ends_it_quietly_and_a_full_disk_in_words(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARREC_STORE", place)
    reader, writer = os.pipe()
    os.close(reader)
    assert ended(writer) == (128 + signal.SIGPIPE, "")
    os.close(writer)
    with (tmp_path / "full").open("wb") as full:
        assert ended(full.fileno(), room=0) == (1, "error: File too large\n")


def test_without_an_output_it_ends_as_with_one(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARREC_STORE", place)
    command = [sys.executable, "-m", "charrec", "champion", "list"]
    closed = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1))
    assert (closed.returncode, closed.stderr) == (0, b"")


def test_a_search_that_there_is_not_is_told_with_those_there_are(ran, tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    for key in ("sweeps/first", "sweeps/second"):
        SWEEP.model_copy(update={"key": key}).begin(store)
    os.utime(tmp_path / "sweeps/first/sweep.json", (1, 1))
    code, _, err = ran("sweep", "status", str(tmp_path), "sweeps/third")
    assert code == 2 and err.endswith(
        "has no search sweeps/third; expected one of sweeps/second, sweeps/first. Name one of these, or none for the"
        " latest.\n"
    )
    assert ran("sweep", "status", str(tmp_path), "sweeps/first/")[1].startswith("sweeps/first\n")
    assert ran("sweep", "status", str(tmp_path))[1].startswith("sweeps/second\n")


def test_the_search_is_that_of_its_own_command(ran, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["status", str(tmp_path)], ["work", str(tmp_path), "sweeps/none"], ["retry", str(tmp_path)]):
        code, out, err = ran("sweep", *words)
        assert (code, out) == (sweep(words), "") == (2, "")
        assert err == capsys.readouterr().err


WRONG: list[list[str]] = [
    [], ["paint"], ["predict"], ["champion"], ["champion", "rollback", "x"], ["report", "-x"], ["sweep"], ["store"],
    ["predict", "a.png", "--recursive", "scans", "-x"], ["report", "latest"], ["report", "--port", "8080"],
    ["sweep", "status", "results", "--watch", "0"], ["sweep", "work", "results", "--idle", "soon"],
]  # fmt: skip


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_command_ends_with_status_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2


def test_it_is_a_script_and_a_module() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, name = project["scripts"]["charrec"].partition(":")
    assert getattr(import_module(module), name) is main
    asked = subprocess.run(
        [sys.executable, "-W", "error", "-m", "charrec", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert re.findall(r"^    (\w+) ", asked.stdout, re.MULTILINE) == ["predict", "report", "sweep", "champion", "store"]


def test_every_command_of_the_docs_exists() -> None:
    page = (ROOT / "docs/using.md").read_text(encoding="utf-8")
    commands = [line.split() for line in re.findall(r"^\.venv/bin/charrec (.+?) *#", page, re.MULTILINE)]
    assert {words[0] for words in commands} == {"predict", "report", "sweep", "champion", "store"}
    for words in commands:
        if words[0] != "sweep":
            assert _options(words).command == words[0]


def test_importing_brings_in_nothing_heavy() -> None:
    modules = "charrec.__main__, charrec.commands.predict, charrec.commands.report, charrec.commands.champion"
    program = f"import json, sys, {modules}, charrec.serving.gate\nprint(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert not {name.partition(".")[0] for name in json.loads(ran.stdout)} & HEAVY
