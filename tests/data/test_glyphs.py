"""Packed images: round trip, digest, font groups, unavoidable errors."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from charrec.data import packing
from charrec.data.glyphs import LARGEST, load_columns, load_images
from charrec.data.images import LabelledImages
from charrec.data.packing import font_groups, pack, pixel_digests
from charrec.data.unavoidable import unavoidable
from charrec.errors import InputError
from charrec.results import Manifest

pytestmark = pytest.mark.filterwarnings("error")

SIZE = 128


@pytest.fixture(scope="module")
def images() -> LabelledImages:
    """24 images of noise: 3 classes x 4 fonts x 2 styles, 3 of them copies of the previous image."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (24, SIZE, SIZE), np.uint8)
    pixels[1] = pixels[0]  # two styles of a font
    pixels[3] = pixels[2]  # two styles of a font
    pixels[8] = pixels[7]  # the last of class 0 and the first of class 1
    return LabelledImages(
        images=pixels,
        labels=np.repeat([0, 24, 50], 8),
        fonts=[f"font{i // 2 % 4}" for i in range(24)],
        styles=["regular", "bold"] * 12,
        names=[f"image-{i:02d}.png" for i in range(24)],
        source="noise",
        version="1",
        licence="none",
    )


@pytest.fixture(scope="module")
def packed(images: LabelledImages, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    path = tmp_path_factory.mktemp("packed") / "glyphs.parquet"
    return path, pack(images, path)


def test_loading_returns_the_packed_images(images: LabelledImages, packed: tuple[Path, Manifest]) -> None:
    loaded = load_images(packed[0])
    assert loaded.dtype == np.uint8
    assert np.array_equal(loaded, images.images)


@pytest.mark.parametrize("group", [1, 7, 24, 1000])
def test_images_keep_their_order_for_any_row_group_size(
    group: int, images: LabelledImages, packed: tuple[Path, Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "ROW_GROUP", group)
    manifest = pack(images, tmp_path / "glyphs.parquet")
    assert pq.read_metadata(tmp_path / "glyphs.parquet").num_row_groups == -(-24 // group)
    assert np.array_equal(load_images(tmp_path / "glyphs.parquet"), images.images)
    assert manifest == packed[1]


def test_a_strided_view_is_packed_correctly(images: LabelledImages, tmp_path: Path) -> None:
    turned = replace(images, images=images.images.transpose(0, 2, 1))
    pack(turned, tmp_path / "glyphs.parquet")
    assert np.array_equal(load_images(tmp_path / "glyphs.parquet"), turned.images)


def test_the_columns_are_the_documented_ones(images: LabelledImages, packed: tuple[Path, Manifest]) -> None:
    columns = load_columns(packed[0])
    assert list(columns) == ["label", "font", "style", "name", "sha256", "group"]
    assert columns["label"].tolist() == images.labels.tolist()
    assert columns["font"].tolist() == images.fonts
    assert columns["style"].tolist() == images.styles
    assert columns["name"].tolist() == images.names
    assert columns["sha256"].tolist() == pixel_digests(images.images)
    assert columns["group"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3] * 3
    schema = pq.read_schema(packed[0])
    assert schema.field("image").type.byte_width == SIZE * SIZE
    assert pq.read_metadata(packed[0]).row_group(0).column(0).compression == "ZSTD"


def test_the_manifest_counts_the_images(packed: tuple[Path, Manifest]) -> None:
    assert packed[1].model_dump(exclude={"digest"}) == {
        "images": 24,
        "size": SIZE,
        "classes": 3,
        "fonts": 4,
        "groups": 4,
        "distinct": 21,
        "unavoidable": 1,
        "source": "noise",
        "version": "1",
        "licence": "none",
    }


def changed(images: LabelledImages, field: str) -> LabelledImages:
    if field == "pixel":
        pixels = images.images.copy()
        pixels[5, 100, 100] ^= 1
        return replace(images, images=pixels)
    if field == "label":
        labels = images.labels.copy()
        labels[5] += 1
        return replace(images, labels=labels)
    if field == "order":
        back = slice(None, None, -1)
        return LabelledImages(
            images.images[back], images.labels[back], images.fonts[back], images.styles[back], images.names[back],
            images.source, images.version, images.licence,
        )  # fmt: skip
    other: dict[str, Any] = {field: ["another", *getattr(images, field)[1:]]}
    return replace(images, **other)


@pytest.mark.parametrize("field", ["pixel", "label", "fonts", "styles", "names", "order"])
def test_the_digest_changes_with_the_content(
    field: str, images: LabelledImages, packed: tuple[Path, Manifest], tmp_path: Path
) -> None:
    assert pack(changed(images, field), tmp_path / "glyphs.parquet").digest != packed[1].digest


@pytest.mark.parametrize("field", ["source", "version", "licence"])
def test_the_digest_ignores_provenance(
    field: str, images: LabelledImages, packed: tuple[Path, Manifest], tmp_path: Path
) -> None:
    elsewhere: dict[str, Any] = {field: "another"}
    assert pack(replace(images, **elsewhere), tmp_path / "glyphs.parquet").digest == packed[1].digest


@pytest.mark.parametrize("size", [64, 32])
def test_a_smaller_size_is_the_rounded_mean_of_blocks(
    size: int, images: LabelledImages, packed: tuple[Path, Manifest]
) -> None:
    factor = SIZE // size
    means = images.images.reshape(24, size, factor, size, factor).mean(axis=(2, 4))
    assert np.array_equal(load_images(packed[0], size), np.floor(means + 0.5).astype(np.uint8))


@pytest.mark.parametrize("value", [0, 1, 254, 255])
def test_a_uniform_image_stays_uniform_when_it_shrinks(value: int, images: LabelledImages, tmp_path: Path) -> None:
    pack(replace(images, images=np.full((24, SIZE, SIZE), value, np.uint8)), tmp_path / "glyphs.parquet")
    assert (load_images(tmp_path / "glyphs.parquet", 32) == value).all()


def test_a_size_that_does_not_divide_is_refused(packed: tuple[Path, Manifest]) -> None:
    with pytest.raises(ValueError, match=r"holds images of 128 px; expected a multiple of 48"):
        load_images(packed[0], 48)


def test_a_small_file_of_more_images_than_memory_holds_is_not_read(tmp_path: Path) -> None:
    path, rows = tmp_path / "glyphs.parquet", 1000
    blank = pa.table({"image": pa.nulls(rows, pa.binary(128 * 128))})
    with pq.ParquetWriter(path, blank.schema) as writer:
        for _ in range(LARGEST // (rows * 128 * 128) + 1):
            writer.write_table(blank)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(InputError, match=r"525,000 images of 128x128 pixels; expected at most 8 GiB"):
        load_images(path)


def test_pixel_digests_depend_on_the_pixels_only() -> None:
    black = np.zeros((2, 2), np.uint8)
    one, same, other = pixel_digests(np.stack([black, black, black + 1]))
    assert one == same != other
    assert one == "df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119"  # of four zero bytes


# (class, font, picture) of each image, and its group
GROUPS = {
    "nothing shared": ([(0, "a", "1"), (0, "b", "2"), (1, "a", "3"), (1, "b", "4")], [0, 1, 0, 1]),
    "one image shared": ([(0, "a", "1"), (0, "b", "1"), (1, "a", "3"), (1, "b", "4")], [0, 0, 0, 0]),
    "joined through a third": (
        [(0, "a", "1"), (0, "b", "1"), (1, "b", "2"), (1, "c", "2"), (0, "d", "9")],
        [0, 0, 0, 0, 1],
    ),
    "joined late": (
        [(0, "a", "1"), (0, "b", "2"), (0, "c", "3"), (1, "c", "4"), (1, "a", "4")],
        [0, 1, 0, 0, 0],
    ),
    "two pairs": ([(0, "a", "1"), (0, "d", "1"), (0, "b", "2"), (0, "c", "2")], [0, 0, 1, 1]),
    "the same picture in two classes": ([(24, "a", "1"), (0, "b", "1")], [0, 1]),
}


@pytest.mark.parametrize("case", GROUPS)
def test_fonts_that_share_an_image_of_a_class_form_one_group(case: str) -> None:
    images, groups = GROUPS[case]
    labels, fonts, pictures = zip(*images, strict=True)
    assert font_groups(np.array(labels), fonts, pictures).tolist() == groups


def test_groups_are_the_smallest_that_keep_twins_together(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(20):
        labels, fonts, pictures = rng.integers(0, 3, 60), rng.integers(0, 15, 60), rng.integers(0, 60, 60)
        groups = font_groups(labels, [f"{font:02d}" for font in fonts], [str(picture) for picture in pictures])
        reach = np.arange(15)  # the lowest font connected to each, propagated to a fixed point
        for _ in range(15):
            for label, picture in {*zip(labels.tolist(), pictures.tolist(), strict=True)}:
                shared = np.isin(reach, reach[fonts[(labels == label) & (pictures == picture)]])
                reach[shared] = reach[shared].min()
        expected = np.unique(reach[fonts], return_inverse=True)[1]
        assert np.array_equal(groups, expected)


@pytest.mark.parametrize(
    ("labels", "pictures", "wrong"),
    [
        ([0, 1, 2], "abc", []),
        ([0, 0, 0], "aaa", []),
        ([24, 24, 0], "aaa", [2]),  # O is more frequent than 0
        ([0, 24, 24], "aaa", [0]),
        ([24, 0], "aa", [0]),  # a tie: the first class wins
        ([0, 24, 50, 24, 50], "aaaaa", [0, 2, 4]),
        ([0, 24, 24, 24], "abab", [2]),
    ],
)
def test_an_error_is_unavoidable_if_another_label_is_more_frequent_for_the_picture(
    labels: list[int], pictures: str, wrong: list[int]
) -> None:
    assert np.flatnonzero(unavoidable(np.array(labels), list(pictures))).tolist() == wrong


def test_no_classifier_makes_fewer_errors_than_the_unavoidable(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, pictures = rng.integers(0, 3, 40), [str(picture) for picture in rng.integers(0, 12, 40)]
    fewest = sum(
        min(int(sum(labels[i] != read for i in range(40) if pictures[i] == picture)) for read in range(3))
        for picture in set(pictures)
    )
    assert unavoidable(labels, pictures).sum() == fewest
