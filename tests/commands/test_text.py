"""`charrec predict --text`: what is printed, the options, and what happens to images that cannot be read."""

import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from charrec.alphabet import CLASSES, DIGITS
from charrec.results import StudyResult
from charrec.storage import open_store
from charrec.study import Kinds
from tests.commands.shelf import REPORT, TRAINING, put_report
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

USED = ("--model", "model_2")


@pytest.fixture
def line(tmp_path: Path) -> str:
    """Three bars of different width, side by side."""
    pixels = np.full((60, 140), 255, np.uint8)
    for left, right in ((20, 26), (60, 72), (100, 124)):
        pixels[10:50, left:right] = 0
    path = tmp_path / "line.png"
    Image.fromarray(pixels).save(path)
    return str(path)


def test_images_are_one_text_in_their_order(ran, place: str, image: str, line: str, tmp_path: Path) -> None:
    other = str(tmp_path / "other.png")
    Image.open(line).crop((90, 0, 140, 60)).save(other)
    code, out, err = ran("predict", "--text", image, other, image, "--store", place, *USED)
    head, titles, text, between, heads, *rows = out.splitlines()
    assert (code, head, between, err) == (0, f"model_2, {TRAINING}", "", "")
    assert titles.split() == ["text", "kind", "glyph", "by", "glyph"]
    found = re.fullmatch(r"(\w{3})  +(digits|capitals|small letters) +(\d+\.\d) %  (\w{3})", text)
    assert found and 33.3 <= float(found[3]) <= 100
    assert heads.split() == ["image", *found[2].split(), "first", "second", "third"]
    alone = [
        row.split()[1:] for row in ran("predict", image, other, image, "--store", place, *USED)[1].splitlines()[2:]
    ]
    assert [row.split() for row in rows] == [
        [name, character, *guesses]
        for name, character, guesses in zip((image, other, image), found[1], alone, strict=True)
    ]
    assert found[4] == "".join(guesses[0] for guesses in alone)


def test_a_single_image_is_a_line(ran, place: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = ran("predict", "--text", line, "--store", place, *USED, "--json")
    told = json.loads(out)
    assert (code, err, told["model"], told["training"], told["failures"]) == (0, "", "model_2", TRAINING, [])
    text = told["text"]
    assert [row["name"] for row in text["glyphs"]] == [f"{line}, character {place}" for place in (1, 2, 3)]
    assert len(text["text"]) == 3 and text["plain"] == "".join(row["top"][0]["character"] for row in text["glyphs"])
    assert list(text["kinds"]) == ["digits", "capitals", "small letters"]
    assert sum(text["kinds"].values()) == pytest.approx(1)
    assert text["kind"] == max(text["kinds"], key=text["kinds"].get)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(line).read_bytes())))
    piped = json.loads(ran("predict", "--text", "-", "--store", place, *USED, "--json")[1])
    named = [{**row, "name": row["name"].replace(line, "standard input")} for row in text["glyphs"]]
    assert piped["text"] == {**text, "glyphs": named}


def test_a_kind_that_is_known_decides_and_a_prior_weighs(ran, place: str, line: str) -> None:
    for kind, classes in (("digits", DIGITS), ("small", range(36, 62))):
        code, out, _ = ran("predict", "--text", line, "--store", place, *USED, "--kind", kind)
        read = out.splitlines()[2].split()
        assert (code, "as told" in out) == (0, True)
        assert {CLASSES.index(character) for character in read[0]} <= set(classes)
    even, weighed = (
        json.loads(ran("predict", "--text", line, "--store", place, *USED, "--json", *more)[1])["text"]["kinds"]
        for more in ((), ("--prior", "digits=3, small=0.5"))
    )
    for kind, weight in (("digits", 3), ("small letters", 0.5)):
        assert weighed[kind] / weighed["capitals"] == pytest.approx(weight * even[kind] / even["capitals"])


def test_a_text_is_weighed_as_the_networks_study_does_and_told_weights_replace_its_weights_alone(
    ran, place: str, line: str, result: StudyResult
) -> None:
    def kinds(*more: str) -> dict[str, float]:
        told: dict[str, float] = json.loads(ran("predict", "--text", line, "--store", place, *USED, "--json", *more)[1])
        return told["text"]["kinds"]  # type: ignore[return-value, index]

    def odds(told: dict[str, float]) -> float:
        return told["digits"] / told["capitals"]

    even = kinds()
    for weights in (Kinds(digits=5), Kinds(temperature=2)):
        study = result.study.model_copy(update={"kinds": weights})
        put_report(open_store(place), REPORT, result.model_copy(update={"study": study}))
        if weights.temperature is None:
            assert odds(kinds()) == pytest.approx(5 * odds(even))
            assert kinds("--prior", "digits=1") == pytest.approx(even)
        else:
            assert kinds() != pytest.approx(even)
            assert odds(kinds("--prior", "digits=3")) == pytest.approx(3 * odds(kinds()))


def test_with_shears_the_same_images_are_read_slanted_too(ran, place: str, line: str, image: str) -> None:
    for words in (("--text", line), (image,)):
        plain, slanted = (
            ran("predict", *words, "--store", place, *USED, "--json", *more) for more in ((), ("--shears",))
        )
        assert (slanted[0], slanted[2]) == (0, "")
        assert json.loads(slanted[1]).keys() == json.loads(plain[1]).keys() and slanted[1] != plain[1]


WRONG = {
    "a prior without a text": (["--prior", "digits=4"], "--prior without --text; expected images of one text"),
    "a kind without a text": (["--kind", "digits"], "--kind without --text; expected images of one text"),
    "folders": (["--text", "--recursive"], "--text with --recursive; expected images in the order of the text"),
    "both": (["--text", "--kind", "digits", "--prior", "digits=4"], "--prior with --kind; expected one of them"),
    "another kind": (["--text", "--kind", "roman"], "--kind roman; expected one of digits, capitals, small"),
    "another name": (["--text", "--prior", "roman=4"], "(no kind is called 'roman'); expected a weight above 0"),
    "the name of another option": (["--text", "--prior", "temperature=4"], "(no kind is called 'temperature')"),
    "nothing": (["--text", "--prior", ""], "--prior '' (no kind is called '')"),
    "twice": (["--text", "--prior", "digits=4,digits=1"], "(a kind is named twice)"),
    "no number": (["--text", "--prior", "digits=2,small=many"], "(small is 'many'); expected a weight above 0"),
    "zero": (["--text", "--prior", "digits=0"], "(digits is '0'); expected a weight above 0"),
    "infinite": (["--text", "--prior", "digits=inf"], "(digits is 'inf')"),
    "no weight": (["--text", "--prior", "digits"], "(digits is '')"),
}


@pytest.mark.parametrize("what", WRONG)
def test_options_that_make_no_sense_are_one_error(what: str, ran, place: str, image: str) -> None:
    words, said = WRONG[what]
    code, out, err = ran("predict", image, image, "--store", place, *USED, *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_what_cannot_be_read_leaves_a_gap_and_nothing_is_wrong_input(
    ran, place: str, image: str, line: str, tmp_path: Path
) -> None:
    none = str(tmp_path / "none.png")
    code, out, err = ran("predict", "--text", image, none, image, "--store", place, *USED)
    assert code == 1 and re.fullmatch(r"\w\?\w", out.splitlines()[2].split()[0])
    assert err.splitlines() == [
        f"error: {none} does not exist; expected an image file. Correct the path.",
        "error: 1 of 3 images could not be read",
    ]
    touching = str(tmp_path / "touching.png")
    pixels = np.asarray(Image.open(line)).copy()
    pixels[20:24, 4:136] = 0
    Image.fromarray(pixels).save(touching)
    pixels[:] = 255
    blank = str(tmp_path / "blank.png")
    Image.fromarray(pixels).save(blank)
    for path, said in ((none, "does not exist"), (touching, "touch: part 1 of 1"), (blank, "is blank")):
        code, out, err = ran("predict", "--text", path, "--store", place, *USED)
        assert (code, out, err.count("\n")) == (2, "", 1) and said in err
    told = json.loads(ran("predict", "--text", none, none, "--store", place, *USED, "--json")[1])
    assert told["text"] is None and [row["name"] for row in told["failures"]] == [none, none]
