"""Chars74K gives the same glyphs from every archive format; errors name the invalid file."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from samples import Linked, glyph, listing, nested_tgz, png, write_chars74k, zip_folder

from charrec.data.images import LabelledImages
from charrec.data.sources.chars74k import read_chars74k
from charrec.data.sources.files import open_files
from charrec.errors import InputError

FONTS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chars74k(tmp_path_factory.mktemp("chars74k"), FONTS)


def read(path: Path, fonts: int | None = None) -> LabelledImages:
    with open_files(path) as files:
        return read_chars74k(files, "somewhere", "3", "CC0", fonts)


def test_all_archive_formats_give_the_same_glyphs(folder: Path, tmp_path: Path) -> None:
    unpacked = read(folder)
    for path in (
        zip_folder(folder, tmp_path / "web.zip", top="EnglishFnt/"),
        nested_tgz(folder, tmp_path / "api.zip"),
        folder / "English" / "Fnt",
    ):
        packed = read(path)
        assert np.array_equal(packed.images, unpacked.images)
        assert np.array_equal(packed.labels, unpacked.labels)
        assert (packed.names, packed.fonts, packed.styles) == (
            unpacked.names,
            unpacked.fonts,
            unpacked.styles,
        )


def test_an_archive_in_the_archive_is_pointed_at(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder Sample001, but another archive, a/fonts\.zip"):
        read(listing(tmp_path / "x.zip", {"a/fonts.zip": b"PK"}))


@pytest.mark.parametrize("kind", ["x.zip", "x.tgz"])
@pytest.mark.parametrize(
    "written",
    [
        lambda name: f"./{name}",
        lambda name: name.replace("/", "\\"),
        lambda name: f".\\Neuer Ordner (2)\\{name}".replace("/", "\\"),
        lambda name: f"日本 語/x//{name}",
        lambda name: name.removeprefix("English/Fnt/"),
    ],
)
def test_the_layout_is_found_under_any_names(
    written: Callable[[str], str], kind: str, folder: Path, tmp_path: Path
) -> None:
    content: dict[str, bytes | Linked] = {
        written(path.relative_to(folder).as_posix()): path.read_bytes() for path in folder.rglob("*.png")
    }
    litter = ("Thumbs.db", ".DS_Store", "desktop.ini", "._img001-00001.png", "img001-00001.png:Zone.Identifier")
    content |= {written(f"English/Fnt/Sample001/{name}"): b"litter" for name in litter}
    content[f"__MACOSX/{written('English/Fnt/Sample001/img001-00001.png')}"] = b"litter"
    packed, unpacked = read(listing(tmp_path / kind, content)), read(folder)
    assert packed.names == unpacked.names
    assert np.array_equal(packed.images, unpacked.images)


def test_images_that_are_listed_and_not_used_are_told(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert len(read(copy, 1)) == 62 * 4  # fewer, as asked
    assert caplog.messages == []
    (copy / "English/more").mkdir()
    for name in ("one.png", "two.JPG", "notes.txt"):
        (copy / "English/more" / name).write_bytes(b"")
    total = 62 * 4 * FONTS
    assert len(read(copy)) == total
    (told,) = caplog.messages
    assert f"{copy}: 2 of {total + 2} images are not used" in told
    assert "English/more/one.png" in told


def test_glyphs_are_sorted_by_class_then_by_number(folder: Path) -> None:
    glyphs = read(folder)
    numbers = range(1, 4 * FONTS + 1)
    assert glyphs.names == [f"Sample{c:03d}/img{c:03d}-{n:05d}.png" for c in range(1, 63) for n in numbers]
    assert glyphs.labels.tolist() == [c for c in range(62) for _ in numbers]
    assert np.array_equal(glyphs.images, [glyph(c, n) for c in range(62) for n in numbers])
    assert glyphs.images.dtype == np.uint8
    assert glyphs.labels.dtype == np.int64
    assert (glyphs.source, glyphs.version, glyphs.licence) == ("somewhere", "3", "CC0")


def test_four_consecutive_numbers_are_the_four_styles_of_a_font(folder: Path) -> None:
    glyphs = read(folder)
    assert glyphs.fonts[: 4 * FONTS] == ["font001"] * 4 + ["font002"] * 4 + ["font003"] * 4
    assert glyphs.styles[:4] == glyphs.styles[4:8] == ["regular", "bold", "italic", "bold-italic"]


@pytest.mark.parametrize(("count", "kept"), [(1, ["font001"]), (2, ["font001", "font002"]), (3, None), (9, None)])
def test_a_subset_of_fonts_is_spread_over_the_set(count: int, kept: list[str] | None, folder: Path) -> None:
    everything, some = read(folder), read(folder, count)
    indices = [i for i, font in enumerate(everything.fonts) if kept is None or font in kept]
    assert some.names == [everything.names[i] for i in indices]
    assert np.array_equal(some.images, everything.images[indices])


def test_ten_fonts_of_thirty_are_every_third(tmp_path: Path) -> None:
    write_chars74k(tmp_path, fonts=1)
    for images in (tmp_path / "English" / "Fnt").iterdir():
        for number in range(5, 4 * 30, 4):
            shutil.copy(images / f"img{images.name[-3:]}-00001.png", images / f"img{images.name[-3:]}-{number:05d}.png")
    assert sorted(set(read(tmp_path, 10).fonts)) == [f"font{n:03d}" for n in range(1, 31, 3)]


def test_fonts_outside_the_subset_are_not_read(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "English/Fnt/Sample001/img001-00009.png").write_bytes(b"damaged")
    assert len(read(copy, 2)) == 62 * 2 * 4
    with pytest.raises(InputError, match="img001-00009"):
        read(copy)


def test_classes_may_have_different_fonts(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "English/Fnt/Sample001/img001-00009.png").unlink()
    (copy / "English/Fnt/Sample001/notes.txt").write_text("no image")
    assert np.bincount(read(copy).labels).tolist() == [4 * FONTS - 1] + [4 * FONTS] * 61


def rgb(images: Path) -> None:
    Image.new("RGB", (128, 128), (200, 200, 201)).save(images / "Sample002/img002-00001.png")


def sixteen_bits(images: Path) -> None:
    (images / "Sample002/img002-00001.png").write_bytes(png(np.full((128, 128), 300, np.uint16)))


def small(images: Path) -> None:
    (images / "Sample002/img002-00001.png").write_bytes(png(np.zeros((64, 64), np.uint8)))


def truncated(images: Path) -> None:
    path = images / "Sample002/img002-00001.png"
    path.write_bytes(path.read_bytes()[:-60])


def jpeg(images: Path) -> None:
    Image.new("L", (128, 128)).save(images / "Sample002/img002-00001.png", "JPEG")


def emptied(images: Path) -> None:
    for path in (images / "Sample010").iterdir():
        path.unlink()


def stray(name: str) -> Callable[[Path], object]:
    def put(images: Path) -> None:
        (images / name).parent.mkdir(exist_ok=True)
        shutil.copy(images / "Sample001/img001-00001.png", images / name)

    return put


@pytest.mark.parametrize(
    ("spoil", "message", "remedy"),
    [
        (rgb, "Sample002/img002-00001.png has colours", "remove this file"),
        (sixteen_bits, "Sample002/img002-00001.png has 16-bit greys that 8 bits cannot hold", "remove this file"),
        (small, "Sample002/img002-00001.png has 64x64 pixels", "remove this file"),
        (truncated, "Sample002/img002-00001.png is not a readable PNG", "Download the data again"),
        (jpeg, "Sample002/img002-00001.png is not a readable PNG (it is a JPEG)", "Download the data again"),
        (lambda images: shutil.rmtree(images / "Sample010"), "1 class (English/Fnt/Sample010)", "same layout"),
        (emptied, "Sample010", "same layout"),
        (lambda images: shutil.rmtree(images / "Sample001"), "no folder Sample001", "same layout"),
        (stray("more/Sample001/img001-00001.png"), "2 folders Sample001", "same layout"),
        (stray("Sample001/photo.JPG"), "Sample001/photo.JPG", "Remove this file"),
        (stray("Sample001/img001-00001 (1).png"), "Sample001/img001-00001 (1).png", "Remove this file"),
        (stray("Sample001/img002-00001.png"), "Sample001/img002-00001.png", "Remove this file"),
        (stray("Sample001/img001-00000.png"), "Sample001/img001-00000.png", "Remove this file"),
        (stray("Sample063/img063-00001.png"), "Sample063/img063-00001.png", "Remove this file"),
    ],
)
def test_an_invalid_file_or_folder_is_named(
    spoil: Callable[[Path], object], message: str, remedy: str, folder: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    images = copy / "English" / "Fnt"
    (images / "more").mkdir()
    spoil(images)
    with pytest.raises(InputError) as caught:
        read(copy)
    assert str(copy) in caught.value.found
    assert message in caught.value.found
    assert remedy in caught.value.remedy
    assert caught.value.expected
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
