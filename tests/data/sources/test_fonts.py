"""The embedded data set looks like Chars74K and shares no family with the new data."""

from collections import Counter
from types import SimpleNamespace

import fontpkg
import numpy as np
import pytest
from fontTools import subset
from fontTools.ttLib import TTFont

from charrec.alphabet import CLASSES, INDEX
from charrec.data.images import LabelledImages
from charrec.data.sources import fonts
from charrec.errors import InputError

KINDS = {"DISPLAY", "HANDWRITING", "MONOSPACE", "SANS_SERIF", "SERIF"}


@pytest.fixture(scope="module")
def glyphs() -> LabelledImages:
    return fonts.render_glyphs(families=5)


def of(glyphs: LabelledImages, style: str, character: str) -> np.ndarray:
    """(families, 128, 128) images of one class in one style, synthetic or not, family by family."""
    chosen = [
        label == INDEX[character] and name.removesuffix(" (synthetic)") == style
        for label, name in zip(glyphs.labels, glyphs.styles, strict=True)
    ]
    return glyphs.images[chosen]


def test_each_class_is_drawn_once_per_family_and_style(glyphs):
    seen = Counter(zip(glyphs.labels.tolist(), glyphs.fonts, glyphs.styles, strict=True))
    assert len(seen) == len(glyphs) == 62 * 5 * 4
    assert set(seen.values()) == {1}
    assert {style.removesuffix(" (synthetic)") for style in glyphs.styles} == set(fonts.STYLES)
    assert glyphs.images.shape == (62 * 5 * 4, 128, 128)


def test_names_and_order_are_those_of_chars74k(glyphs):
    assert glyphs.names[0] == "Sample001/img001-00001.png"
    assert glyphs.names[-1] == "Sample062/img062-00020.png"
    assert glyphs.names == sorted(glyphs.names)
    assert glyphs.labels[0] == INDEX["0"] and glyphs.labels[-1] == INDEX["z"]


def test_glyphs_are_black_on_white_97_px_and_centred(glyphs):
    assert (glyphs.images[:, 0] == 255).all() and (glyphs.images[:, :, 0] == 255).all()
    assert (glyphs.images.min((1, 2)) < 64).all()
    ink = glyphs.images < 240  # the tip of a script's hairline is fainter than half
    margins = []
    for across in (ink.any(1), ink.any(2)):
        margins.append((across.argmax(1), across[:, ::-1].argmax(1)))
    sides = np.stack([128 - before - after for before, after in margins])
    assert np.abs(sides.max(0) - 97).max() <= 1
    assert max(np.abs(before - after).max() for before, after in margins) <= 2  # 1 px off the middle


def test_the_aspect_is_kept(glyphs):
    width = (of(glyphs, "regular", "l") < 128).any(1).sum(1)
    assert (width < 60).all()  # a stretched l would be 97 wide


def test_bold_is_heavier(glyphs):
    stems = [np.median((of(glyphs, style, "l") < 128).sum(2).clip(1), axis=1) for style in ("regular", "bold")]
    assert (stems[1] > stems[0]).all()


def test_italic_slants_to_the_right(glyphs):
    def lean(images: np.ndarray) -> np.ndarray:
        ink = images < 128
        columns = np.arange(128)
        top, foot = ink[:, 20:50].sum(1), ink[:, 78:108].sum(1)  # ink per column above and below the middle
        return (top * columns).sum(1) / top.sum(1) - (foot * columns).sum(1) / foot.sum(1)

    assert (lean(of(glyphs, "italic", "H")) > lean(of(glyphs, "regular", "H")) + 4).all()


def test_rendering_is_deterministic_to_the_bit(glyphs):
    again = fonts.render_glyphs(families=5)
    assert np.array_equal(again.images, glyphs.images)
    assert (again.names, again.fonts, again.version) == (glyphs.names, glyphs.fonts, glyphs.version)


def test_at_least_64_families_of_every_kind_train_and_none_of_them_is_held_out():
    trained = fonts.training_families()
    assert len(trained) >= 64
    assert {fonts.kind(slug) for slug in trained} == KINDS
    assert not set(trained) & set(fonts.HELD_OUT)
    assert {fonts.kind(slug) for slug in fonts.HELD_OUT} == KINDS
    assert all(len(fonts.family_faces(slug)) == 4 for slug in trained)


def test_five_families_span_several_kinds_and_state_version_and_licence(glyphs):
    assert len({fonts.kind(slug) for slug in glyphs.fonts}) >= 4
    assert len(glyphs.version.split()) == 5 and all("==" in package for package in glyphs.version.split())
    assert glyphs.licence == "OFL-1.1 (5 families); see each package"


@pytest.mark.parametrize("count", [0, 1000])
def test_an_impossible_number_of_families_is_refused(count):
    with pytest.raises(InputError, match=f"families={count}; expected 1 to 64"):
        fonts.render_glyphs(families=count)


@pytest.mark.parametrize(
    ("slug", "synthetic"),
    [("lora", set()), ("caveat", {"italic", "bold-italic"}), ("changa-one", {"bold", "bold-italic"}),
     ("anton", {"bold", "italic", "bold-italic"})],
)  # fmt: skip
def test_a_style_that_the_family_lacks_is_marked_synthetic(slug, synthetic):
    marked = {face.style for face in fonts.family_faces(slug) if face.style.endswith(" (synthetic)")}
    assert marked == {f"{style} (synthetic)" for style in synthetic}
    for face in fonts.family_faces(slug):
        assert (face.slanted or face.emboldened) == face.style.endswith(" (synthetic)")


@pytest.fixture
def arvo_without(tmp_path, monkeypatch):
    """Replaces one file of the family arvo by a copy without its Q."""

    def remove(style: str, weight: int) -> None:
        whole = fontpkg.family("arvo")
        files = list(whole.files)
        index = next(k for k, file in enumerate(files) if (file.style, file.weight) == (style, weight))
        font = TTFont(files[index].path)
        fewer = subset.Subsetter()
        fewer.populate(text=CLASSES.replace("Q", ""))
        fewer.subset(font)
        font.save(tmp_path / "no-q.ttf")
        files[index] = fontpkg.FontFile(tmp_path / "no-q.ttf", style, weight, variable=False)
        family = SimpleNamespace(files=tuple(files), license=whole.license)
        monkeypatch.setattr(fontpkg, "families", lambda: {"arvo": family})

    return remove


def test_a_face_that_lacks_a_glyph_is_replaced_by_a_synthetic_one(arvo_without):
    arvo_without("italic", 400)
    styles = [face.style for face in fonts.family_faces("arvo")]
    assert styles == ["regular", "bold", "italic (synthetic)", "bold-italic"]
    assert all(face.path.name != "no-q.ttf" for face in fonts.family_faces("arvo"))


def test_a_family_whose_regular_lacks_a_glyph_is_skipped(arvo_without):
    arvo_without("normal", 400)
    assert fonts.family_faces("arvo") == []


def test_missing_font_packages_are_an_error_with_a_remedy(monkeypatch):
    monkeypatch.setattr(fontpkg, "families", dict)
    with pytest.raises(
        InputError, match="0 font families are installed; expected at least 64 for training.*make install"
    ):
        fonts.render_glyphs()


def test_letters_are_white_on_black_capitals_of_the_held_out_families():
    letters = fonts.render_letters()
    assert set(letters.fonts) == set(fonts.HELD_OUT)
    assert Counter(letters.labels.tolist()) == {INDEX[c]: 24 for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    assert letters.images.shape == (26 * 24, 32, 32)
    assert (letters.images[:, 0] == 0).all() and (letters.images.max((1, 2)) > 240).all()
    assert len(set(letters.names)) == len(letters)


def test_the_sample_of_letters_depends_on_the_seed_only():
    first, again, other = (fonts.render_letters(fonts.HELD_OUT, 5, seed).names for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 26 * 5


def test_the_fingerprint_changes_with_the_families(monkeypatch):
    before = fonts.fingerprint()
    assert before == fonts.fingerprint()
    fewer = dict(list(fontpkg.families().items())[1:])
    monkeypatch.setattr(fontpkg, "families", lambda: fewer)
    assert fonts.fingerprint() != before


def test_both_cases_of_a_caps_only_font_are_the_same_picture():
    face = fonts.family_faces("bebas-neue")[0]
    capital, small = fonts.draw(face, "Aa", 128, 97)
    assert np.array_equal(capital, small)
