"""`charrec report --compare`: what differs between two studies, and what cannot be compared."""

import re
import shutil
import sys
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel

from charrec.data.glyphs import load_columns
from charrec.evaluation.paired import Answers, figure
from charrec.evaluation.tables import labels_of, read_table
from charrec.report import words
from charrec.report.compared import Side, compare
from charrec.report.comparison import render
from charrec.storage import open_store
from charrec.storage.folder import FolderStore
from charrec.study import Study
from tests.report.stored_study import StoredStudy


@pytest.fixture(autouse=True)
def without_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever imports it now fails."""
    for heavy in ("keras", "tensorflow", "matplotlib"):
        monkeypatch.setitem(sys.modules, heavy, None)


@pytest.fixture
def compared(ran, studies: tuple[StoredStudy, StoredStudy], tmp_path: Path):
    """The page as text, or the error."""

    def compare(a: str, b: str, store: str | None = None) -> str:
        to = tmp_path / "new" / "page.html"
        place = store or studies[0].bench.store.url
        code, out, err = ran("report", "--store", place, "--compare", a, b, "--to", str(to))
        assert (code, out) == ((0, f"{to}\n") if to.exists() else (2, ""))
        return err if code else to.read_text(encoding="utf-8")

    return compare


def text_of(page: str) -> str:
    body = re.sub(r"<(style|script).*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body))).replace(words.NBSP, " ")


def identity(study: StoredStudy) -> str:
    return study.result().identity


def answers(study: StoredStudy, place: int) -> tuple[dict[str, int], dict[str, int]]:
    """Name of a validation image -> its class, and what the network took it for."""
    at = study.branches[place][1].value.tables["validation"].key
    head, probabilities = read_table(study.bench.store.get(at), at)
    names = head["name"].astype(str).tolist()
    return dict(zip(names, labels_of(head), strict=True)), dict(zip(names, probabilities.argmax(axis=1), strict=True))


def test_networks_are_paired_on_the_images_that_both_studies_validated_on(compared, studies) -> None:
    """Half of the images, of which the other study validated on four fifths."""
    page = compared(identity(studies[0]), identity(studies[1]))
    (labels, first), (others, second) = (answers(study, 1) for study in studies)
    shared = sorted(labels.keys() & others.keys())
    columns = load_columns(studies[0].bench.store.local(studies[0].sets["glyphs"].value.file.key, Path()))
    group = dict(zip(columns["name"].astype(str), columns["group"], strict=True))
    read = [np.array([one[name] for name in shared]) for one in (labels, first, second, group)]
    expected = figure("accuracy", Answers(*read), seed=0)
    assert 0 < expected.n < len(others)
    row = re.search(r'data-model="model_2">(.*?)</div>', page)
    assert row and words.points(expected.difference) in row[1]
    ends = [words.points(end).removesuffix(f"{words.NBSP}points") for end in (expected.low, expected.high)]
    assert f"({ends[0]} to {ends[1]})" in row[1]
    assert f"{expected.n} images, {expected.groups} groups" in text_of(page)
    assert "Study B reads" in text_of(page) and "not paired" in text_of(page)  # model 5 is in one alone


def test_copies_lie_where_those_of_studies_do(
    compared, studies, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A folder makes none, so the place is seen where it is named."""
    two = [identity(study) for study in studies]
    places: set[Path] = set()
    local = FolderStore.local

    def noted(store: FolderStore, key: str, cache: Path) -> Path:
        places.add(cache)
        return local(store, key, cache)

    monkeypatch.setattr(FolderStore, "local", noted)
    monkeypatch.setenv("CHARREC_CACHE", str(tmp_path / "copies"))
    compared(*two)
    assert places == {tmp_path / "copies"}


def fields(model: BaseModel) -> int:
    """Those of the models within it too."""
    values = (getattr(model, name) for name in type(model).model_fields)
    return sum(fields(one) if isinstance(one, BaseModel) else 1 for one in values)


def test_the_page_can_open_in_french(ran, studies, tmp_path: Path) -> None:
    to, names = tmp_path / "page.html", map(identity, studies)
    place = studies[0].bench.store.url
    code, out, _ = ran("report", "--store", place, "--compare", *names, "--to", str(to), "--language", "fr")
    assert (code, out) == (0, f"{to}\n")
    text = text_of(to.read_text(encoding="utf-8"))
    assert re.search(r"L’étude B lit \d+,\d\d.points de plus · charrec", text) and "Study" not in text


def test_a_language_without_a_page_is_told(ran, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        ran("report", "--language", "fr")
    assert "--language goes with --compare or --watch" in capsys.readouterr().err


def test_what_differs_is_listed_and_the_rest_is_counted(compared, studies) -> None:
    text = text_of(compared(*(f"reports/{study.undrawn().partition('/')[2]}" for study in studies)))
    part = text[text.index("Settings Setting Study A") : text.index("Code and machine")]
    assert re.search(r"validation_fraction 0.4 0.5 .*epochs_model_1 2 3 ", part) and "epochs_model_2" not in part
    assert f"The same in both: {fields(Study()) - 2} settings." in part
    assert re.search(r"Data Study A Study B Images to train on 893 744 Images to validate on 595 744 $", part)


def test_the_page_is_one_file_that_loads_nothing(compared, studies) -> None:
    page = compared(*map(identity, studies))
    assert not re.search(r"<(link|img|iframe)\b|<script[^>]* src|@import", page)
    assert set(re.findall(r"url\((.{15})", page)) == {"data:font/woff;"}
    assert len(page) < 300_000


def test_other_test_images_leave_the_rates_side_by_side(compared, studies, tmp_path: Path) -> None:
    place, key = copied(studies, tmp_path), studies[1].undrawn()
    result = studies[1].result()
    other = result.model_copy(update={"data": result.data.model_copy(update={"digest": "f" * 64})})
    open_store(str(place)).put(f"{key}/study.json", other.model_dump_json().encode())
    text = text_of(compared(identity(studies[0]), f"{place}/{key}/report.html"))
    assert "No difference on the validation images has an interval: the two studies were tested on different" in text
    assert "Classes that changed most" not in text
    rates = [study.result().evaluations[1].accuracy for study in studies]
    assert all(words.percent(rate.value).replace(words.NBSP, " ") in text for rate in rates)
    assert "1,797 images, each for itself" in text  # the digits are the same, and paired


def copied(studies: tuple[StoredStudy, StoredStudy], tmp_path: Path) -> Path:
    return Path(shutil.copytree(Path(studies[0].bench.store.root), tmp_path / "copy"))  # type: ignore[attr-defined]


def test_predictions_that_are_gone_are_named(compared, ran, studies, tmp_path: Path) -> None:
    place = copied(studies, tmp_path)
    store = open_store(str(place))
    predictions = studies[1].branches[1][1]
    key = predictions.value.tables["validation"].key
    store.delete(key)
    text = text_of(compared(*map(identity, studies), store=str(place)))
    assert "The predictions of model 2 of study B are not in its store." in text
    assert re.search(r"Model 1 .*may be chance", text)
    to = tmp_path / "another.html"
    _, _, err = ran("report", "--store", str(place), "--compare", *map(identity, studies), "--to", str(to))
    assert err == f"note: {key} is gone, so {predictions.key} counts as not stored\n"


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ("{a}", "{a}", r"both are study [0-9a-f]{16} of file:\S+; expected two different studies\. Name another; the"),
        ("{a}", "nowhere", r"there is no store at file:\S+/nowhere; expected one in which a study ran"),
        ("{a}", "0123456789abcdef", r"has no study 0123456789abcdef; expected one of [0-9a-f]{16} \(reports/"),
        ("unfinished", "{a}", r"unfinished has no report yet, only other steps of a study; expected one with a report"),
        ("{a}", "ftp://x/y", r"a store's address of the kind 'ftp'"),
    ],
)
def test_what_is_no_pair_of_finished_studies_is_told(
    a: str, b: str, said: str, compared, studies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("unfinished").put("trainings/model_1-0/progress.json", b"{}")
    error = compared(*(name.format(a=identity(studies[0])) for name in (a, b)))
    assert error.startswith("error: ") and error.count("\n") == 1 and re.search(said, error), error
    assert not (tmp_path / "new").exists()


def test_a_page_that_is_there_is_left_alone(ran, studies, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("mine")
    names = map(identity, studies)
    code, out, err = ran("report", "--store", studies[0].bench.store.url, "--compare", *names, "--to", str(page))
    assert (code, out) == (2, "") and "page.html exists; expected a file to be made" in err
    assert page.read_text() == "mine"


def test_hostile_text_is_escaped(ran, studies, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    sides = []
    for study in studies:
        result = study.result()
        data = result.data.model_copy(update={"source": evil + study.study.data.glyphs})
        sides.append(Side(study.bench.store, study.undrawn(), result.model_copy(update={"data": data, "code": evil})))
    html = render(compare(*sides, tmp_path))
    assert evil in unescape(html) and evil not in html
