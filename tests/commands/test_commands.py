"""The command line `charrec`: what it prints, what it ends with, what it leaves behind."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from charrec.__main__ import _options, main
from charrec.commands.sweep import main as sweep
from charrec.results import Stored, StudyResult
from charrec.serving import champion
from charrec.serving.candidate import Candidate, candidate_of
from charrec.storage import Store, open_store
from charrec.training.train import train
from tests.report.sample_result import tiny_result
from tests.test_imports import HEAVY
from tests.toy import RECIPE, ROOT, WARNINGS, toy_arrays

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

TRAINING = "trainings/model_2-0123456789abcdef"
REPORT = "reports/2222222222222222"
Ran = tuple[int, str, str]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHARREC_STORE", "CHARREC_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    """A study of which model 2 was really trained, for an epoch."""
    made = tiny_result()
    progress = train(RECIPE, toy_arrays(), 1, open_store(str(tmp_path_factory.getbasetemp() / "trained")), TRAINING)
    assert progress.best
    real = {"precision": "float32", "weights": Stored(key=progress.best.key, sha256=progress.best.sha256)}
    trainings = [row.model_copy(update=real) if row.model == "model_2" else row for row in made.trainings]
    return made.model_copy(update={"trainings": tuple(trainings)})


@pytest.fixture
def place(result: StudyResult, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a store with that training and its report."""
    trained, store = open_store(str(tmp_path_factory.getbasetemp() / "trained")), open_store(str(tmp_path / "store"))
    for entry in trained.list():
        store.put(entry.key, trained.get(entry.key))
    put_report(store, REPORT, result)
    return str(tmp_path / "store")


def put_report(store: Store, key: str, result: StudyResult) -> None:
    store.put(f"{key}/study.json", result.model_dump_json().encode())
    store.put(f"{key}/tables/models.csv", b"model\n")
    store.put(f"{key}/report.html", b"<title>A report</title>")
    store.put(f"{key}/result-01234567.json", b"{}")


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
        return code, said.out, "".join(line for line in said.err.splitlines(True) if line.startswith("error:"))

    return run


def test_the_champion_reads_an_image(ran, place: str, candidate: Candidate, image: str) -> None:
    champion.promote(open_store(place), candidate, "the first", None)
    code, out, _ = ran("predict", image, image, "--store", place)
    head, titles, *rows = out.splitlines()
    assert (code, head) == (0, "model_2, champion 1")
    assert titles.split() == ["image", "first", "second", "third"]
    assert len(rows) == 2 and rows[0] == rows[1]
    assert re.fullmatch(rf"{re.escape(image)}( +\w +\d+\.\d %){{3}}", rows[0])


def test_programs_get_the_same_as_json(ran, place: str, candidate: Candidate, image: str) -> None:
    champion.promote(open_store(place), candidate, "the first", None)
    table = ran("predict", image, "--store", place)[1]
    code, out, _ = ran("predict", image, "--store", place, "--json")
    told = json.loads(out)
    assert code == 0
    assert {name: told[name] for name in ("champion", "model", "training")} == {
        "champion": 1, "model": "model_2", "training": TRAINING,
    }  # fmt: skip
    assert [row["name"] for row in told["images"]] == [image]
    top = told["images"][0]["top"]
    assert [guess["character"] for guess in top] == re.findall(r" (\w) +\d+\.\d %", table)
    assert 1 >= top[0]["probability"] >= top[1]["probability"] >= top[2]["probability"] > 0


def test_a_network_is_named_by_its_model_or_by_where_it_was_trained(ran, place: str, image: str) -> None:
    by_model = ran("predict", image, "--store", place, "--model", "model_2")
    assert by_model == ran("predict", image, "--store", place, "--model", TRAINING)
    assert by_model[0] == 0 and by_model[1].startswith(f"model_2, {TRAINING}\n")


def test_a_key_is_looked_for_in_older_reports_too(ran, place: str, image: str, tmp_path: Path) -> None:
    put_report(open_store(place), "reports/3333333333333333", tiny_result())
    os.utime(tmp_path / "store" / REPORT / "report.html", (1, 1))
    assert ran("predict", image, "--store", place, "--model", TRAINING)[0] == 0
    code, _, err = ran("predict", image, "--store", place, "--model", "model_2")  # the latest report's
    assert code == 2 and "has no weights of trainings/1f0c5a6b7d8e9f00" in err


REFUSED = {
    "no champion": ([], r"has no champion; expected a network that was promoted\. .*--model model_3"),
    "no such model": (["--model", "model_9"], r"no network 'model_9' in study \w+; expected one of model_1, model_2"),
    "no such training": (["--model", "trainings/x"], r"none of the 1 reports in \S+ tells of trainings/x"),
    "weights that are gone": (["--model", "model_1"], r"has no weights of trainings/1f0c5a6b7d8e9f00"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_without_a_network_nothing_is_read(what: str, ran, place: str, image: str) -> None:
    words, said = REFUSED[what]
    code, out, err = ran("predict", image, "--store", place, *words)
    assert (code, out) == (2, "")
    assert re.search(said, err) and err.count("\n") == 1


def test_a_file_that_is_no_image_is_named(ran, place: str, image: str, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no image")
    code, out, err = ran("predict", image, str(text), "--store", place, "--model", "model_2")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {text} is no image that can be read (of none of these formats); expected ")


def test_a_result_that_another_charrec_wrote_is_refused(ran, place: str, image: str) -> None:
    open_store(place).put(f"{REPORT}/study.json", b'{"study": {"colour": "blue"}}')
    code, _, err = ran("predict", image, "--store", place, "--model", "model_2")
    assert code == 2 and "study.json holds study.colour: Extra inputs" in err


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


def test_a_report_that_cannot_be_fetched_whole_leaves_nothing(ran, place: str, tmp_path: Path) -> None:
    (tmp_path / "store" / REPORT / "tables" / "models.csv").write_bytes(b"damaged")
    (tmp_path / "out").mkdir()
    code, _, err = ran("report", "--store", place, "--to", str(tmp_path / "out" / "here"))
    assert code == 2 and "models.csv has SHA-256" in err
    assert list((tmp_path / "out").iterdir()) == []


def test_a_store_without_a_report_says_so(ran, tmp_path: Path) -> None:
    code, _, err = ran("report", "--store", str(tmp_path / "none"))
    assert code == 2 and "none has no report; expected one that a study wrote" in err
    assert not (tmp_path / "none").exists()


def test_the_champions_are_listed_and_a_former_one_comes_back(ran, place: str, candidate: Candidate) -> None:
    store = open_store(place)
    assert ran("champion", "list", "--store", place) == (0, f"{store.url} has no champion yet\n", "")
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
    assert rows[1].endswith("better ?[31mby far")
    assert last == f"In use is 3, {TRAINING}; {store.url}/{REPORT}/report.html"
    code, _, err = ran("champion", "rollback", "7", "--store", place)
    assert code == 2 and "has no champion 7; expected a former one (2)" in err


def test_the_store_comes_from_the_environment_unless_it_is_given(
    ran, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"{(tmp_path / 'results').as_uri()} has no report" in ran("report")[2]
    monkeypatch.setenv("CHARREC_STORE", place)
    assert ran("report") == ran("report", "--store", place)
    assert ran("report", "--store", "elsewhere")[0] == 2
    monkeypatch.setenv("CHARREC_STORE", "s3://bucket/prefix")
    monkeypatch.setenv("CHARREC_ENDPOINT", "ftp://nowhere")
    assert "an S3 endpoint of another form" in ran("report")[2]


def test_the_search_is_that_of_its_own_command(ran, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["status", str(tmp_path)], ["work", str(tmp_path), "sweeps/none"]):
        code, out, err = ran("sweep", *words)
        assert (code, out) == (sweep(words), "") == (2, "")
        assert err == capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [[], ["paint"], ["predict"], ["champion"], ["champion", "rollback", "x"], ["report", "-x"], ["sweep"]]
)
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
    assert re.findall(r"^    (\w+) ", asked.stdout, re.MULTILINE) == ["predict", "report", "sweep", "champion"]


def test_every_command_of_the_docs_exists() -> None:
    page = (ROOT / "docs/using.md").read_text(encoding="utf-8")
    commands = [line.split() for line in re.findall(r"^\.venv/bin/charrec (.+?) *#", page, re.MULTILINE)]
    assert {words[0] for words in commands} == {"predict", "report", "sweep", "champion"}
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
