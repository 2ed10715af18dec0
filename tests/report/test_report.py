"""The report's content, and its safety: self-contained, escaped, deterministic."""

import base64
import io
import re
import tempfile
from contextlib import ExitStack
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
import sample_board
import sample_result as sample
from PIL import Image

from charrec import reference
from charrec.data.font_kinds import EMBEDDED
from charrec.errors import InputError
from charrec.report import rows, search_rows, sentences, words, write_report
from charrec.report.cells import Table
from charrec.report.page import render
from charrec.results import StudyResult
from charrec.steps.report import drawn
from charrec.study import FULL, QUICK
from tests import thorough
from tests.small_disk import small_disk

TABLES = (
    "models", "histories", "trials", "search_curves", "timeline", "importance", "confusion", "classes", "pairs",
    "slices", "reliability", "external", "texts", "text_rates",
)  # fmt: skip


class Page(HTMLParser):
    """A page's addresses, ids, tag names and visible text with normalised spaces."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.tags = [""]
        self.words: list[str] = []
        self.feed(html)
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.tags.append(tag)
        self.addresses += [values[name] or "" for name in ("src", "href", "srcset", "action", "data") if name in values]
        self.ids += [values["id"] or ""] if "id" in values else []

    def handle_data(self, data: str) -> None:
        if self.tags[-1] not in ("style", "script"):
            self.words.append(data)


def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def plain(text: str) -> str:
    return text.replace(words.NBSP, " ")


@pytest.mark.parametrize("which", ["folder", "tiny"])
def test_the_page_is_self_contained(which, request):
    folder = request.getfixturevalue(which)
    parsed = page(folder)
    for address in parsed.addresses:
        if address.startswith("#"):
            assert address[1:] in parsed.ids
        elif not address.startswith("data:image/png;base64,"):
            assert (folder / address).is_file(), address[:80]
    assert "link" not in parsed.tags and "iframe" not in parsed.tags
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert set(re.findall(r"url\((.{15})", html.partition("<script>")[0])) == {"data:font/woff;"}
    assert not re.search(r"@import|https?://", re.sub(r"base64,[^\")]*", "", html))


def test_every_embedded_picture_can_be_decoded(folder):
    pictures = [a for a in page(folder).addresses if a.startswith("data:")]
    assert len(pictures) > 62 + 24 + 18
    for uri in pictures:
        Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).verify()


def test_figures_have_a_high_resolution_and_no_software_version(folder):
    for path in (folder / "figures").glob("*.png"):
        with Image.open(path) as image:
            assert image.info["dpi"][0] >= 150, path.name
            assert "Software" not in image.info


@pytest.mark.parametrize("model", list(sample.MODELS))
def test_each_accuracy_is_next_to_the_references(model, full, folder):
    html = unescape((folder / "report.html").read_text(encoding="utf-8"))
    ours = next(e.accuracy for e in full.evaluations if e.model == model)
    row = html[html.index(f'data-model="{model}"') :][:400]
    assert words.percent(ours.value) in row and words.interval(ours) in row
    assert words.percent(reference.MODELS[model].val_accuracy) in row


def row_of(table: Table, name: str) -> list[tuple[str, ...]]:
    (row,) = (cells for cells in table.rows if cells[0].text == name)
    return [tuple(plain(f"{cell.text}\n{cell.note}").split("\n")) for cell in row[1:]]


def test_each_network_is_beside_the_one_before(full, folder):
    shown, bold = row_of(rows.comparison(full), "Against the network before"), set()
    assert shown[0] == (words.NONE, "") and len(shown) == 4
    for cell, gain, last in zip(
        shown[1:], full.gains, ["against model 1", "against model 2", "against model 3"], strict=True
    ):
        low, high = (plain(words.points(end)).partition(" ")[0] for end in (gain.low, gain.high))
        assert cell == (plain(words.points(gain.difference)), f"({low} to {high})", last)
        bold |= {gain.model} if gain.low > 0 or gain.high < 0 else set()
    assert bold == {"model_2"} and (folder / "report.html").read_text(encoding="utf-8").count('class="num sure"') == 1
    assert "Against the network before" not in page_text(full.model_copy(update={"gains": ()}))  # an older result


def test_each_figure_that_the_deck_has_stands_beside_this_studys_with_the_difference(full):
    training = full.trainings[0].model_copy(update={"best_epoch": 9})
    epochs = tuple(
        row.model_copy(update={"seconds": 81.2, "val_loss": 0.2736 if row.epoch == 7 else 0.4})
        for row in training.epochs
    )
    result = full.model_copy(update={"trainings": (training.model_copy(update={"epochs": epochs}),)})
    table = rows.comparison(result)
    assert row_of(table, "Parameters") == [("829,758", "ref. 830,334", "−576")]
    assert row_of(table, "Best epoch") == [("9 of 15", "ref. 5", "+4")]
    assert row_of(table, "Lowest validation loss") == [("0.2736", "epoch 7", "ref. 0.3226, epoch 4", "−0.0490")]
    assert row_of(table, "Time per epoch, median") == [("1 min 21 s", "ref. 28–31 s", "+50 to +53 s")]
    assert row_of(table, "Validation loss")[0][1] == ""  # the deck's is its lowest
    four = row_of(rows.comparison(full), "Lowest validation loss")[3]
    assert four[2] == "ref. 0.2488"  # of which the deck does not say the epoch
    search = search_rows.chosen(full)
    assert row_of(search, "Trials")[1:] == [("30", ""), ("30", ""), ("0", "")]
    assert row_of(search, "Time")[1:] == [("25 min 23 s", ""), ("1 h 11 min 26 s", ""), ("−46 min 3 s", "")]
    assert row_of(search, "dropout")[1:] == [("0.6", ""), ("0.6", ""), ("0", "")]


def test_other_data_have_no_difference_from_the_reference():
    result = sample.tiny_result()
    table = rows.comparison(result)
    assert row_of(table, "Best epoch")[0] == ("2 of 2", "ref. 5")
    assert row_of(table, "Time per epoch, median")[0] == ("27 s", "ref. 28–31 s")
    assert search_rows.chosen(result).head[-1] == "Reference"


def page_text(result: StudyResult) -> str:
    return Page(render(result, sample.pictures(result.study, 0), [])).text


def test_the_readings_and_the_references_readings_are_shown(full, folder):
    text = re.sub(r"\s", "", page(folder).text)
    for reading in full.texts:
        assert reading.read in text
    for read in reference.READ_AS.values():
        assert f"readbythereferencerunas“{read}”" in text


def test_the_first_overfitting_epoch_is_stated(full, folder):
    start = next(t.overfits_from for t in full.trainings if t.model == "model_1")
    assert start is not None
    assert f"Model 1 overfits from epoch {start}:" in page(folder).text
    assert "No overfitting was found in model 2" in page(folder).text


@pytest.mark.parametrize(
    ("source", "study", "note"),
    [
        (sample.CHARS74K, FULL, ""),
        ("Fnt", FULL, ""),  # a folder, recognised by its 62,992 images
        ("letters.zip", QUICK, "Nothing identifies this study’s data as Chars74K"),
        (EMBEDDED, sample.TINY, "did not use Chars74K"),
        ("fonts after chars74k", sample.TINY, "did not use Chars74K"),
    ],
)
def test_only_data_other_than_chars74k_are_called_not_comparable(source, study, note):
    result = sample.study_result(study, source)
    parsed = Page(render(result, sample.pictures(study, 0), []))
    assert source in parsed.text
    assert ("not-comparable" in parsed.ids) == bool(note)
    assert ("not comparable" in parsed.text) == bool(note)
    assert ("Against the reference:" in parsed.text) != bool(note)
    assert note in parsed.text


def test_a_network_that_the_deck_has_not_has_a_section_and_no_reference():
    result = sample.study_result()
    own = {"model": "model_5", "network": {}}
    result = result.model_copy(
        update={
            "trainings": (*result.trainings, result.trainings[0].model_copy(update=own)),
            "evaluations": (*result.evaluations, result.evaluations[0].model_copy(update={"model": "model_5"})),
        }
    )
    pages = [render(each, sample.pictures(FULL, 0), []) for each in (result, sample.study_result())]
    text, four = (plain(Page(page).text) for page in pages)
    assert "Five networks compared" in text and "Four networks compared" in four
    assert "Model 5, this project’s own, after the deck" in text and "Model 5" not in four
    row = unescape(pages[0])[unescape(pages[0]).index('data-reference="model_5"') :][:40]
    assert words.NONE in row


def test_layers_are_shown_where_they_have_the_parameters_that_were_trained(full):
    text = plain(Page(render(full, sample.pictures(FULL, 0), [])).text)
    assert "Its 10 layers, 829,758 parameters" in text  # model 1
    assert "convolution 3×3, ReLU 126 × 126 × 32 320" in text
    assert "3,690,110 parameters" not in text  # the sample's model 4 is invented


def test_differences_from_the_references_setup_are_listed():
    result = sample.study_result(FULL.model_copy(update={"image_size": 32, "epochs_model_4": 2, "epochs_model_5": 0}))
    assert [plain(text) for text in sentences.differences(result)] == [
        "images of 32 px instead of 128 px",
        "2 epochs for model 4 instead of 20",
        "no model 5",
    ]


def test_each_set_is_named_with_its_version_its_licence_and_its_digest(full, folder):
    text = page(folder).text
    story = text[text.index("Glyphs Source") : text.index("One training image per class")]
    for source, version, licence, digest, images in (
        (full.data.source, "1", "CC BY-NC 4.0", full.data.digest, "62,992"),
        (full.data.letters_source, "1", "Apache 2.0", full.data.letters_digest, "2,600"),
        (full.data.digits_source, "1", "none is stated", full.data.digits_digest, "10,000"),
    ):
        said = (
            f"Source {source}, version {version} Licence {licence} Images {images} SHA-256 of the packed set {digest}"
        )
        assert said in plain(story)
    assert "not of the file that was downloaded" in story


@pytest.mark.parametrize("source", ["Kaggle owner/fonts", "Kaggle owner/fonts, version 7"])  # older studies say both
def test_a_version_is_said_once(source, full):
    data = full.data.model_copy(update={"source": source, "version": "7"})
    html = unescape(render(full.model_copy(update={"data": data}), sample.pictures(), []))
    assert "Data: Kaggle owner/fonts, version 7</strong>. 62,992 images" in html.replace(words.NBSP, " ")
    assert "version 7, version 7" not in html and "version 7 , version 7" not in html


def test_a_result_of_before_does_not_say_what_the_new_sets_were(full):
    plainer = {f"{role}_{what}": "" for role in words.SETS for what in ("version", "licence", "digest")}
    result = full.model_copy(update={"data": full.data.model_copy(update=plainer)})
    assert Page(render(result, sample.pictures(), [])).text.count("SHA-256 of the packed set") == 1


def test_tables_agree_with_the_result(full, folder):
    tables = {path.stem: pd.read_csv(path, keep_default_na=False) for path in (folder / "tables").glob("*.csv")}
    models = tables["models"].set_index("model")
    assert models.loc["model_3", "accuracy"] == full.evaluations[2].accuracy.value
    assert models.loc["model_3", "reference_val_accuracy"] == 0.9095
    for gain in full.gains:
        numbers = models.loc[gain.model, ["before", "gain", "gain_low", "gain_high"]].tolist()
        assert [numbers[0], *map(float, numbers[1:])] == [gain.before, gain.difference, gain.low, gain.high]
    assert len(full.gains) == 3 and models.loc["model_1", "gain"] == ""
    assert len(tables["histories"]) == sum(len(t.epochs) for t in full.trainings)
    assert tables["histories"]["val_loss"].tolist() == [e.val_loss for t in full.trainings for e in t.epochs]
    assert tables["trials"]["trial"].astype(int).tolist() == [int(t.trial) for t in full.search.trials]
    assert tables["trials"]["units"].tolist() == [t.network["units"] for t in full.search.trials]
    assert tables["confusion"]["count"].sum() == sum(e.accuracy.n for e in full.evaluations)
    assert len(tables["classes"]) == 4 * 62
    assert len(tables["pairs"]) == sum(len(e.pairs) for e in full.evaluations)
    assert tables["external"]["accuracy_within"].tolist() == [x.accuracy_within.value for x in full.external]
    assert "".join(tables["texts"]["top_1"].astype(str)) == "".join(text.read for text in full.texts)


def test_study_json_round_trips(full, folder):
    assert StudyResult.model_validate_json((folder / "study.json").read_bytes()) == full


def test_every_field_of_the_study_is_shown(full, folder):
    text = page(folder).text
    for name in type(full.study).model_fields:
        assert re.search(rf"\b{name}\b", text), name


def test_hostile_text_is_escaped(full):
    evil = '<script>alert("x")</script>'
    data = full.data.model_copy(update={"source": evil, "licence": evil, "letters_source": evil, "version": evil})
    machine = full.machine.model_copy(update={"cpu": evil, "versions": {evil: evil}})
    result = full.model_copy(update={"data": data, "machine": machine, "code": evil, "started": evil})
    pictures = sample.pictures()
    pictures.mistake_captions[0] = evil
    html = render(result, pictures, [])
    assert evil in unescape(html)
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL)
    assert len(scripts) == html.count("<script") == 4
    assert [kind for kind, text in scripts if "alert(" in text] == [' type="application/json" id="other-language"']


def test_a_tiny_study_states_what_it_lacks(tiny):
    text = page(tiny).text
    assert "There are none to show." in text
    assert "not measured in this study" in text
    assert "10 trials of 8 configurations" in text
    assert text.count("No overfitting was found") == 4
    assert "nan" not in text.lower().split() and "None" not in text.split()


@thorough.drawn(sample.DRAWN[0], sample.DRAWN)
def test_the_same_result_gives_the_same_bytes(full, folder, tmp_path):
    written = write_report(full, sample.pictures(board=sample_board.board()), tmp_path)
    assert sorted(written) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert {path.stem for path in written if path.suffix == ".csv"} == set(TABLES)
    for path in written:
        assert path.read_bytes() == (folder / path.relative_to(tmp_path)).read_bytes(), path.name


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.26, "0.3 s"),
        (27.4, "27 s"),
        (60, "1 min"),
        (4286, "1 h 11 min 26 s"),
        (3599.7, "1 h"),
        (59.7, "1 min"),
        (86_399.6, "1 d"),
        (3 * 86_400 + 3 * 3600 + 89, "3 d 3 h 1 min"),
        (1e7, "115 d 17 h 47 min"),
    ],
)
def test_durations_are_readable(seconds, text):
    assert plain(words.duration(seconds)) == text


@thorough.drawn(sample.DRAWN[1], sample.DRAWN)
def test_a_temporary_folder_without_room_is_told(tmp_path, monkeypatch):
    result = sample.tiny_result()
    pictures = sample.pictures(result.study, mistakes=0)
    with small_disk(tmp_path / "disk", "64k") as disk, ExitStack() as stack:
        monkeypatch.setattr(tempfile, "tempdir", str(disk.path))
        with pytest.raises(InputError, match=r"the temporary folder .*/disk is full; expected room for the report's"):
            drawn(result, pictures, stack)


def test_the_package_contains_its_templates_and_style():
    import charrec.report

    names = {path.name for path in Path(charrec.report.__file__).parent.iterdir()}
    assert {
        "report.html.j2",
        "macros.html.j2",
        "sections.html.j2",
        "search.html.j2",
        "errors.html.j2",
        "provenance.html.j2",
        "report.css",
        "explore.js",
    } <= names
