"""`charrec predict`: which network reads, what is printed, and what happens to images that cannot be read."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from charrec.commands import predict
from charrec.results import StudyResult
from charrec.serving import champion, reading
from charrec.serving.candidate import Candidate
from charrec.serving.files import BYTES
from charrec.storage import open_store
from tests.commands.shelf import REPORT, TRAINING, put_report
from tests.report.sample_result import tiny_result
from tests.toy import ROOT, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


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
    "no such model": (["--model", "model_9"], r"no network 'model_9' in study \w+; expected one of model_1, model_2"),
    "no such training": (
        ["--model", "trainings/x"],
        rf"no network trainings/x in {REPORT} of file:\S+; expected one of .*{TRAINING}.*\. Name one of these\.",
    ),
    "no such study": (
        ["--study", "reports/7"],
        rf"has no study reports/7; expected one of \w+ \({REPORT}\)\. Name one by its identity or its report\.",
    ),
    "weights that are gone": (["--model", "model_1"], r"has no weights of trainings/1f0c5a6b7d8e9f00"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_without_a_network_nothing_is_read(what: str, ran, place: str, image: str) -> None:
    words, said = REFUSED[what]
    code, out, err = ran("predict", image, "--store", place, *words)
    assert (code, out) == (2, "")
    assert re.search(said, err) and err.count("\n") == 1


def test_without_a_champion_the_best_of_the_latest_study_reads_and_says_so(ran, place: str, image: str) -> None:
    code, out, err = ran("predict", image, "--store", place)
    assert code == 0 and out.startswith(f"model_2, {TRAINING}\n")
    assert err == (
        f"note: {open_store(place).url} has no champion, so model_2, the best of the latest study ({REPORT}), reads: "
        "right on 95.00 % of its validation images; --model and --study choose another\n"
    )


def test_a_study_is_chosen_by_its_identity_or_by_its_report(
    ran, place: str, candidate: Candidate, result: StudyResult, image: str
) -> None:
    store, later = open_store(place), "reports/3333333333333333"
    champion.promote(store, candidate, "the first", None)
    put_report(store, later, tiny_result().model_copy(update={"identity": "another"}))
    names = (result.identity, REPORT, REPORT.removeprefix("reports/"), f"{store.url}/{REPORT}/report.html")
    for name in names:
        code, out, err = ran("predict", image, "--store", place, "--study", name)
        assert code == 0 and out.startswith(f"model_2, {TRAINING}\n")
        assert err.startswith(f"note: model_2, the best of the study ({REPORT}), reads: right on 95.00 %")
    chosen = ran("predict", image, "--store", place, "--study", REPORT, "--model", "model_2")
    assert chosen == (0, out, "")
    code, _, err = ran("predict", image, "--store", place, "--study", "another", "--model", TRAINING)
    assert code == 2 and f"no network {TRAINING} in {later} of {store.url}; expected one of trainings/" in err


def test_a_report_of_another_version_hides_no_older_one(ran, place: str, result: StudyResult, image: str) -> None:
    store = open_store(place)
    store.put("reports/4444444444444444/study.json", b"{}")
    store.put("reports/4444444444444444/report.html", b"")
    assert ran("predict", image, "--store", place, "--study", result.identity)[0] == 0
    assert ran("predict", image, "--store", place, "--model", TRAINING)[0] == 0
    code, _, err = ran("predict", image, "--store", place, "--study", "none")
    assert code == 2 and "expected one of unreadable (reports/4444444444444444), " in err


@pytest.fixture
def folder(tmp_path: Path, image: str) -> Path:
    """Images, some of them in folders, and what a folder holds besides."""
    place = tmp_path / "scans"
    for name in ("b.png", "a/c.PNG", "a/b/d.png", ".hidden.png", ".trash/e.png"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, place / name)
    (place / "Thumbs.db").write_text("thumbs")
    (place / "circle").symlink_to(place)
    return place


def test_a_folder_is_read_through_if_asked(ran, place: str, image: str, folder: Path) -> None:
    code, out, err = ran("predict", str(folder), "--recursive", image, "--store", place, "--model", "model_2")
    assert code == 0
    assert [row.split()[0] for row in out.splitlines()[2:]] == [
        f"{folder}/b.png", f"{folder}/a/c.PNG", f"{folder}/a/b/d.png", image,
    ]  # fmt: skip
    assert err == "note: 3 other files were left out: hidden, a link to a folder, or not named as an image\n"
    for name in (".hidden.png", "circle"):
        (folder / name).unlink()
    _, _, err = ran("predict", str(folder), "--recursive", "--store", place, "--model", "model_2")
    assert err == "note: 1 other file was left out: hidden, a link to a folder, or not named as an image\n"


def unreadable(tmp_path: Path) -> dict[str, str]:
    """A name, and how its error begins after the name."""
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(BYTES + 1)
    (tmp_path / "circle.png").symlink_to("circle.png")
    (tmp_path / "secret.png").touch(0o000)
    denied = r" may not be read by this user .*\. Correct its rights" if os.geteuid() else r" is empty"
    return {
        "none.png": r" does not exist; expected an image file\. Correct the path\.",
        "text.png/a.png": r" does not exist; expected an image file\. Correct the path\.",
        "": r" is a folder; expected an image file\. Add --recursive to read the images in it\.",
        "empty.png": r" is empty, it has 0 bytes; expected an image file\. Save or copy the image again\.",
        "text.png": r" is no image that can be read \(of none of these formats\); expected one character in a PNG",
        "huge.png": r" has more than 192 MiB; expected an image file of at most that size\. Cut the character out",
        "circle.png": r" is no path that can be opened \(.*\); expected an image file\. Correct the path\.",
        f"{'n' * 300}.png": r".* is no path that can be opened \(File name too long\)",
        "secret.png": denied,
    }


def test_what_cannot_be_read_is_told_with_its_remedy_and_the_others_are_read(
    ran, place: str, image: str, tmp_path: Path
) -> None:
    wrong = unreadable(tmp_path)
    names = [image, *(str(tmp_path / name) for name in wrong), image]
    code, out, err = ran("predict", *names, "--store", place, "--model", "model_2")
    assert code == 1 and [row.split()[0] for row in out.splitlines()[2:]] == [image, image]
    *errors, last = err.splitlines()
    assert last == f"error: {len(wrong)} of {len(names)} images could not be read"
    for error, (name, said) in zip(errors, wrong.items(), strict=True):
        assert re.match(f"error: {re.escape(str(tmp_path / name)[:200])}{said}", error), error
    told = json.loads(ran("predict", *names, "--store", place, "--model", "model_2", "--json")[1])
    assert ([row["name"] for row in told["images"]], len(told["failures"])) == ([image, image], len(wrong))
    assert [f"error: {row['error']}" for row in told["failures"]] == errors
    assert [row["name"] for row in told["failures"]] == names[1:-1]


def test_where_nothing_can_be_read_it_is_wrong_input(ran, place: str, tmp_path: Path) -> None:
    none = str(tmp_path / "none.png")
    code, out, err = ran("predict", none, "--store", place, "--model", "model_2")
    assert (code, out, err.count("\n")) == (2, "", 1)
    code, _, err = ran("predict", "", "--store", place, "--model", "model_2")
    assert code == 2 and "a file is given without a name; expected an image file. Look for an empty variable." in err
    (tmp_path / "bare").mkdir()
    code, out, err = ran("predict", "--recursive", none, str(tmp_path / "bare"), "--store", place)
    assert (code, out) == (2, "")
    assert f"error: {none} does not exist;" in err
    assert f"error: {tmp_path}/bare has no images; expected files named .png, .jpg" in err


def test_standard_input_is_an_image(ran, place: str, image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = ran("predict", image, "--store", place, "--model", "model_2")[1].splitlines()[-1].split()[1:]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(image).read_bytes())))
    code, out, _ = ran("predict", "-", "--store", place, "--model", "model_2")
    assert code == 0
    assert out.splitlines()[-1].split() == ["standard", "input", *known]
    code, _, err = ran("predict", "-", "--store", place, "--model", "model_2")
    assert code == 2 and err.startswith("error: standard input is empty, it has 0 bytes; expected")


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_a_person_who_waits_sees_how_far_it_is(ran, place: str, image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(predict, "PATIENCE", 0)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "stdout", screen)
    ran("predict", image, image, "--store", place, "--model", "model_2")
    assert "0/2 [" in screen.getvalue()
    rows = [line.rpartition("\r")[2] for line in screen.getvalue().split("\n") if TRAINING in line]
    assert rows == [f"model_2, {TRAINING}"]  # not behind the bar


def test_any_name_can_be_shown_anywhere_and_nobody_else_speaks(place: str, image: str, tmp_path: Path) -> None:
    """A real process, whose terminal knows ASCII alone."""
    names = [tmp_path / "é.png", Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")), tmp_path / "a\nb.png"]
    for name in names:
        shutil.copy(image, name)
    ran = subprocess.run(
        [sys.executable, "-m", "charrec", "predict", *names, tmp_path / "ü", "--store", place],
        cwd=ROOT, env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True, text=True,
    )  # fmt: skip
    assert [row.split()[0] for row in ran.stdout.splitlines()[2:]] == [
        f"{tmp_path}/\\xe9.png", f"{tmp_path}/\\xff.png", f"{tmp_path}/a\\nb.png",
    ]  # fmt: skip
    note, *errors = ran.stderr.splitlines()
    assert ran.returncode == 1 and note.startswith("note: ")
    assert errors == [
        f"error: {tmp_path}/\\xfc does not exist; expected an image file. Correct the path.",
        "error: 1 of 4 images could not be read",
    ]


def test_many_images_are_read_in_their_order_some_at_a_time(
    ran, place: str, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [str(tmp_path / f"{number}.png") for number in range(7)]
    for name in (names[0], *names[4:]):  # the middle of them is missing, and a whole batch
        shutil.copy(image, name)
    whole = ran("predict", *names, "--store", place, "--model", "model_2")
    monkeypatch.setattr(reading, "BATCH", 2)
    assert ran("predict", *names, "--store", place, "--model", "model_2") == whole
    assert [row.split()[0] for row in whole[1].splitlines()[2:]] == [names[0], *names[4:]]
    assert whole[2].count(" does not exist; ") == 3
