"""`python -m charrec.report STORE`: a finished study's report again, an unfinished one's as far as it is."""

import json
import os
import re
import shutil
import sys
from html import unescape
from pathlib import Path

import pytest

from charrec.commands.standing import Standing, standing
from charrec.errors import InputError
from charrec.report import early, words
from charrec.report.__main__ import main
from charrec.report.page import render
from charrec.report.stored import result_of
from charrec.steps.report import images_of, outcomes_of, pictures_of
from charrec.storage import Store, open_store
from charrec.sweep.plan import PLAN
from tests.report.stored_study import StoredStudy


@pytest.fixture(autouse=True)
def without_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever imports it now fails."""
    for heavy in ("keras", "tensorflow"):
        monkeypatch.setitem(sys.modules, heavy, None)


def seen(store: Store) -> dict[str, int]:
    """Every file of the store, hidden ones too, and when it was written."""
    root = Path(store.root)  # type: ignore[attr-defined]
    return {path.relative_to(root).as_posix(): path.stat().st_mtime_ns for path in root.rglob("*")}


def page_of(now: Standing) -> str:
    assert now.pictures
    page = unescape(render(now.result, now.pictures, [], now.missing))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)))


def test_a_half_finished_study_shows_what_there_is_and_names_what_is_missing(half: Store, studies, tmp_path) -> None:
    before = seen(half)
    now = standing(half, tmp_path)
    assert [sentence().replace(words.NBSP, " ") for sentence in now.missing] == [
        "Model 2 is not trained to its end: 1 epoch so far.",
        "Nothing of model 3 is stored yet.",
        "Model 4 waits for the search.",
        "Nothing of model 5 is stored; a study may go without it.",
        "The search is not finished: 2 of its 5 trials have ended.",
    ]
    whole = studies[0].result()
    assert now.result.evaluations == whole.evaluations[:1] and now.result.data == whole.data
    assert [(one.model, len(one.epochs)) for one in now.result.trainings] == [("model_1", 2), ("model_2", 1)]
    assert [one.state for one in now.result.search.trials] == ["COMPLETED", "FAILED"]
    text = page_of(now)
    assert "This study is not finished." in text and "2 of its 5 trials have ended" in text
    assert "2 trials of 2 configurations" in text.replace(words.NBSP, " ")
    assert "what its steps have not stored yet is shown as in the full study" in text
    assert seen(half) == before


@pytest.mark.long
def test_an_evaluation_of_another_version_is_made_anew(half: Store, studies, tmp_path: Path) -> None:
    (entry,) = half.list("evaluations/model_1-")
    half.put(entry.key.replace("result-", "result-0"), half.get(entry.key))
    half.delete(entry.key)
    now = standing(half, tmp_path)
    assert now.result.evaluations == studies[0].result().evaluations[:1]
    assert any("it was made for this page" in sentence() for sentence in now.missing)


def test_before_the_first_evaluation_there_are_curves_and_trials(half: Store, tmp_path: Path, capsys) -> None:
    for entry in half.list("predictions/"):
        half.delete(entry.key)
    before = seen(half)
    folder = tmp_path / "new" / "here"
    assert main([str(Path(half.root)), "--to", str(folder)]) == 0  # type: ignore[attr-defined]
    said = capsys.readouterr()
    assert said.out == f"{folder}/report.html\n"
    assert "note: Model 1 is trained and not yet tested on other images.\n" in said.err
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count('class="plot history"') == 4 and 'id="learning"' in page
    assert "2 trials ended so far" in page.replace(words.NBSP, " ")
    assert not re.search(r"<link|<img|(src|href)=\"(?!data:|#)", page)
    assert [path.name for path in folder.iterdir()] == ["report.html"] and list((tmp_path / "new").iterdir()) == [
        folder
    ]
    assert seen(half) == before


def test_before_the_first_evaluation_the_page_is_french_too(half: Store, tmp_path: Path, capsys) -> None:
    """What is printed stays English."""
    for entry in half.list("predictions/"):
        half.delete(entry.key)
    folder = tmp_path / "rapport"
    assert main([str(Path(half.root)), "--to", str(folder), "--language", "fr"]) == 0  # type: ignore[attr-defined]
    said = capsys.readouterr()
    assert said.out == f"{folder}/report.html\n" and "note: Model 4 waits for the search.\n" in said.err
    shown = (folder / "report.html").read_text(encoding="utf-8").partition('id="other-language"')[0]
    assert "<li data-l>Le modèle\u00a04 attend la recherche.</li>" in shown
    assert "Le modèle\u00a02 n’est pas entraîné jusqu’au bout\u00a0: 1\u00a0époque jusqu’ici." in shown


def test_a_running_search_shows_who_works(half: Store, tmp_path: Path) -> None:
    """A worker was lost with the trial that another one has now."""
    key = "sweeps/0123456789abcdef"
    document = json.loads(half.get(f"{key}/oracle.json"))
    lost = {"worker": "a", "begun": 1e9, "ended": 1e9 + 30, "how": "lost", "epochs": 0}
    document["trials"]["0002"] |= {"status": "RUNNING", "stretches": [lost]}
    document |= {"waiting": [], "leases": {"0002": {"worker": "b", "token": 5, "begun": 1e9 + 90}}, "token": 5}
    half.put(f"{key}/oracle.json", json.dumps(document).encode())
    half.put(f"{key}/workers/b", b"")
    now = standing(half, tmp_path)
    assert now.result.timeline
    gone, running = now.result.timeline.stretches
    assert (gone.how, gone.begin, gone.end, running.how, running.begin) == ("lost", 0.0, 30.0, "running", 90.0)
    assert running.end and running.end > 1e8  # its last sign of life, which was just now
    assert "Two workers had trials for" in page_of(now)
    page = early.render(now.result, now.missing)
    assert page.count('class="b0 lost"') == page.count('class="b0 running"') == 1


def test_a_search_of_another_version_is_named_and_the_rest_is_shown(half: Store, tmp_path: Path) -> None:
    half.put("sweeps/0123456789abcdef/oracle.json", b'{"version": 99}')
    now = standing(half, tmp_path)
    assert any(re.match("The search cannot be read: .*version 99", one()) for one in now.missing)
    assert [one.model for one in now.result.trainings] == ["model_1", "model_2"]
    assert now.pictures and not now.result.search.trials
    assert now.result.evaluations and not any("are shown once" in one() for one in now.missing)


def test_readings_wait_for_a_search_that_says_which_study_they_are_of(half: Store, tmp_path: Path) -> None:
    half.put(f"sweeps/0123456789abcdef{PLAN}", b'{"version": 99}')
    now = standing(half, tmp_path)
    *_, unread, hidden = (one().replace(words.NBSP, " ") for one in now.missing)
    assert unread.startswith("The search cannot be read: ")
    assert hidden == "The readings of model 1 are shown once the search can be read."
    assert not now.pictures and not now.result.evaluations and not now.result.texts
    assert hidden in early.render(now.result, now.missing).replace(words.NBSP, " ")


def test_a_finished_study_is_as_its_step_tells_it(studies, tmp_path: Path) -> None:
    store, latest = studies[0].bench.store, studies[1]
    now = standing(store, tmp_path)
    assert now.missing == () and now.result == result_of(store, latest.undrawn())
    outcomes = outcomes_of(latest.reporting(None), latest.bench)
    images = images_of(latest.study, outcomes, latest.bench)
    expected = pictures_of(latest.study, outcomes, images, latest.bench)
    assert now.pictures and now.pictures.mistake_captions == expected.mistake_captions
    assert (now.pictures.samples == expected.samples).all() and (now.pictures.mistakes == expected.mistakes).all()


def test_a_finished_study_stays_one_in_a_copy_with_other_times(studies, tmp_path: Path) -> None:
    root = Path(shutil.copytree(Path(studies[0].bench.store.root), tmp_path / "copy"))  # type: ignore[attr-defined]
    for number, page in enumerate(sorted(root.glob("reports/*/report.html"))):
        os.utime(page, (number, number))
    now = standing(open_store(str(root)), tmp_path)
    assert now.missing == () and now.result.identity in {one.result().identity for one in studies}


@pytest.mark.long
def test_the_report_made_anew_has_the_same_bytes(studies, tmp_path: Path) -> None:
    root = Path(shutil.copytree(Path(studies[0].bench.store.root), tmp_path / "copy"))  # type: ignore[attr-defined]
    study = StoredStudy(studies[0].bench.__class__(open_store(str(root)), tmp_path), studies[1].study)
    study.__dict__.update({name: getattr(studies[1], name) for name in ("sets", "precision", "augmented", "branches")})
    open_store(str(root)).delete(f"{studies[1].undrawn()}/result-01234567.json")
    key = study.report()
    assert main([str(root), "--to", str(tmp_path / "again")]) == 0
    for name in ("report.html", "study.json", "tables/models.csv", "figures/confusion.png"):
        assert (tmp_path / "again" / name).read_bytes() == (root / key / name).read_bytes(), name


def test_an_older_result_that_names_less_is_shown_as_long_as_nothing_is_in_doubt(studies, tmp_path: Path) -> None:
    root = Path(shutil.copytree(Path(studies[0].bench.store.root), tmp_path / "copy"))  # type: ignore[attr-defined]
    store, key = open_store(str(root)), studies[1].undrawn()
    result = result_of(store, key)
    older = result.data.model_copy(update={"letters_digest": "", "digits_digest": ""})
    older_result = result.model_copy(update={"data": older, "predictions": {}, "gains": ()})
    store.put(f"{key}/study.json", older_result.model_dump_json().encode())
    now = standing(store, tmp_path)
    assert now.missing == () and now.pictures and [one.before for one in result.gains] == ["model_1", "model_2"]
    assert now.result == older_result.model_copy(update={"gains": result.gains})
    twin = studies[1].branches[0][1]
    for entry in store.list(f"{twin.key}/result-"):
        name, copy = entry.key.rpartition("/")[2], f"predictions/{studies[1].branches[0][0].value.model}-another"
        store.put(f"{copy}/{name}", store.get(entry.key).replace(twin.key.encode(), copy.encode(), 1))
    with pytest.raises(InputError, match="has no predictions of model_1"):
        standing(store, tmp_path)


def test_what_a_finished_study_has_lost_is_named(studies, tmp_path: Path, capsys) -> None:
    root = Path(shutil.copytree(Path(studies[0].bench.store.root), tmp_path / "copy"))  # type: ignore[attr-defined]
    open_store(str(root)).delete(studies[1].sets["digits"].value.file.key)
    assert main([str(root), "--to", str(tmp_path / "again")]) == 2
    said = capsys.readouterr()
    assert re.search(r"error: \S+ has no packed digits of SHA-256 [0-9a-f]{16}; expected all that the study", said.err)
    assert not (tmp_path / "again").exists()


def test_a_scripts_search_is_no_study(tmp_path: Path, capsys) -> None:
    store = open_store(str(tmp_path / "store"))
    store.put(f"sweeps/search{PLAN}", b'{"search": {"objective": "val_accuracy"}}')
    assert main([store.url, "--to", str(tmp_path / "out")]) == 2
    assert "has a search, and nothing else of a study; expected a store in which a study ran" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_store_without_a_study_is_told(tmp_path: Path, capsys) -> None:
    for name in ("none", "empty"):
        if name == "empty":
            (tmp_path / name).mkdir()
        assert main([str(tmp_path / name), "--to", str(tmp_path / "out")]) == 2
        said = capsys.readouterr()
        assert re.match(r"error: (there is no store at|file:\S+ holds nothing of a study)", said.err), said.err
    assert not (tmp_path / "out").exists()
