"""Inputs made by hand, each to exhaust something: refused, or read, in the memory that is said here."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from charrec.data.foreign import METHODS
from charrec.data.glyphs import load_columns
from charrec.data.sources.files import open_files
from charrec.errors import InputError
from charrec.evaluation.tables import as_table, tables_of
from charrec.results import PredictionResult, Stored
from charrec.serving.champion import history
from charrec.serving.picture import SIDE
from charrec.storage.document import LARGEST, Foreign
from charrec.storage.folder import FolderStore
from charrec.storage.interface import checked
from charrec.sweep.document import parsed
from tests.data.sources.samples import listing
from tests.hostile import archives, images, tables
from tests.hostile.documents import STUDY, outcome, recalled, reported
from tests.hostile.door import MIB, measured


def refused(read: Callable[[], object], match: str) -> Callable[[], None]:
    def action() -> None:
        with pytest.raises(InputError, match=match):
            read()

    return action


BOMB = 16 * MIB


# Images


def png(width: int, height: int, *chunks: tuple[bytes, bytes], depth: int = 8, colours: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    every = [(b"IHDR", header), *chunks, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in every
    )


def zeros(size: int) -> bytes:
    """So many of them, packed a thousand to one."""
    return zlib.compress(bytes(size), 9)


def frames(count: int, kind: str) -> bytes:
    pictures = [images.picture().rotate(n) for n in range(count)]
    pictures[0].save(target := io.BytesIO(), kind, save_all=True, append_images=pictures[1:])
    return target.getvalue()


def bilevel_tiff(side: int) -> bytes:
    """A million pixels in a byte or so."""
    Image.new("1", (side, side), 1).save(target := io.BytesIO(), "TIFF", compression="group4")
    return target.getvalue()


BOMBS: dict[str, tuple[Callable[[], bytes], str, int]] = {
    "a PNG that says 2^31 px a side": (lambda: png(2**31 - 1, 2**31 - 1, (b"IDAT", zeros(9))), "no image", 8),
    "a PNG of 30,000 px a side": (lambda: png(30_000, 30_000, (b"IDAT", zeros(1 << 20))), "no image|30000 x 30000", 8),
    "a PNG of one row of a million": (lambda: png(1 << 20, 1, (b"IDAT", zeros(1 << 20))), "1048576 x 1 px", 8),
    "a PNG with 16 MiB of text": (
        lambda: png(32, 32, (b"zTXt", b"x\0\0" + zeros(BOMB)), (b"IDAT", zeros(32 * 33))), "no image|blank", 8,
    ),
    "a PNG with a colour profile of 16 MiB": (
        lambda: png(32, 32, (b"iCCP", b"x\0\0" + zeros(BOMB)), (b"IDAT", zeros(32 * 33))), "no image|blank", 8,
    ),
    "a PNG whose pixels never end": (lambda: png(32, 32, (b"IDAT", zeros(BOMB))), "no image|blank", 8),
    "a TIFF of 10,000 px a side": (lambda: bilevel_tiff(10_000), "no image|10000 x 10000", 8),
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_picture_that_unpacks_to_far_more_is_refused_in_little_memory(bomb: str, tmp_path: Path) -> None:
    make, match, most = BOMBS[bomb]
    data = make()
    assert measured(refused(lambda: images.predicted(data, tmp_path), match)) < most * MIB


def test_a_profile_that_is_cut_off_behind_the_pixels_is_refused(tmp_path: Path) -> None:
    """Pillow's IndexError: found by `tests.hostile.campaign --door "PNG, animated" --seed 129011327`."""
    data = png(32, 32, (b"IDAT", zeros(32 * 33)), (b"iCCP", b"x\0"))
    refused(lambda: images.predicted(data, tmp_path), "no image that can be read")()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_many_pictures_in_one_file_the_first_is_read(kind: str, tmp_path: Path) -> None:
    data = frames(100, kind)
    assert measured(lambda: images.predicted(data, tmp_path)) < 32 * MIB


def test_the_largest_picture_that_is_read_takes_the_memory_that_is_said(tmp_path: Path) -> None:
    pixels = np.full((SIDE, SIDE), 255, np.uint8)
    pixels[SIDE // 4 : SIDE // 2, SIDE // 3 : SIDE // 2] = 0
    Image.fromarray(pixels).save(target := io.BytesIO(), "PNG", compress_level=1)
    assert measured(lambda: images.predicted(target.getvalue(), tmp_path)) < images.MEMORY


# Archives


def overlapping(members: int) -> bytes:
    """David Fifield's bomb (WOOT 2019): every entry of the table of contents is the same file."""
    data = archives.zipped(zipfile.ZIP_DEFLATED, {"Sample001/img001-00001.png": bytes(8 * MIB)})
    start = data.index(b"PK\1\2")
    end = data.index(b"PK\5\6")
    entry, contents = bytearray(data[start:end]), b""
    for number in range(members):
        entry[46 : 46 + 26] = b"Sample001/img001-%05d.png" % (number + 1)
        contents += entry
    tail = bytearray(data[end:])
    tail[8:16] = struct.pack("<HHI", members, members, len(contents))
    return data[:start] + contents + bytes(tail)


@pytest.mark.parametrize(
    ("name", "make", "match"),
    [
        ("a file that a thousand entries share", lambda: overlapping(1000), "unpacks to more than"),
        ("a name of 5,000 characters", lambda: archives.zipped(0, {"n" * 5000: b"x"}), "a name of 5,000 characters"),
        ("an absolute name", lambda: archives.zipped(0, {"/etc/passwd": b"x"}), "leads outside of the archive"),
        ("a name with ..", lambda: archives.zipped(0, {"a/../../x": b"x"}), "leads outside of the archive"),
        ("a zip in a zip", lambda: archives.zipped(0, {"x.zip": archives.zipped(0, {})}), "another archive, x.zip"),
        ("nothing", lambda: b"", "is an empty file"),
        ("a zip of nothing", lambda: archives.zipped(0, {}), "no folder Sample001"),
        ("a Parquet file", tables.packed, "is a Parquet file"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_an_archive_made_to_harm_is_refused(name: str, make: Callable[[], bytes], match: str, tmp_path: Path) -> None:
    data = make()
    assert measured(refused(lambda: archives.reading("glyphs", data, tmp_path), match)) < 64 * MIB
    assert {path.name for path in tmp_path.iterdir()} == {"data"}, f"{name}: something was unpacked"


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    data = bytearray(archives.zipped(0, {"Sample001/img001-00001.png": b"x"}))
    for magic, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(magic) + flags] |= 1
    refused(lambda: archives.reading("glyphs", bytes(data), tmp_path), "is protected by a password")()


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    path = listing(tmp_path / "x.zip", {"a.png": b"1", "b.png": b"2"})
    path.write_bytes(path.read_bytes().replace(b"b.png", b"a.png"))
    with pytest.raises(InputError, match="holds a.png twice"), open_files(path):
        pass


# Parquet


def rewritten(change: Callable[[pa.Table], pa.Table], path: Path, **options: object) -> Path:
    pq.write_table(change(pq.read_table(io.BytesIO(tables.packed()))), path, **options)
    return path


def no_utf8(table: pa.Table) -> pa.Table:
    """A name of bytes that are no text, which Arrow stores and reads unseen."""
    ends = pa.py_buffer(np.arange(tables.N + 1, dtype=np.int32))
    names = pa.StringArray.from_buffers(tables.N, ends, pa.py_buffer(b"\xe3" * tables.N))
    return table.set_column(table.column_names.index("name"), "name", names)


def column(name: str, values: list[object], kind: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.column_names.index(name), name, pa.array(values, kind))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda table: table.drop(["group"]), "'group' as nothing, not as int32"),
        (lambda table: table.append_column("label", table["label"]), "'label' as int16 and int16, not as int16"),
        (column("label", [0.5] * tables.N, pa.float64()), "'label' as double, not as int16"),
        (column("label", [62] * tables.N, pa.int16()), "a label that is none of 0 to 61"),
        (column("label", [-1] * tables.N, pa.int16()), "a label that is none of 0 to 61"),
        (column("name", [None] * tables.N, pa.string()), "rows without 'name'"),
        (no_utf8, "no such table"),
        (column("group", [2**31 - 1] * tables.N, pa.int32()), "a font group of a number that no group has"),
    ],
)
def test_columns_that_charrec_did_not_write_are_refused(
    change: Callable[[pa.Table], pa.Table], match: str, tmp_path: Path
) -> None:
    path = rewritten(change, tmp_path / "glyphs.parquet")
    assert measured(refused(lambda: load_columns(path), match)) < 32 * MIB


def test_few_bytes_that_are_the_text_of_many_rows_fill_no_memory(tmp_path: Path) -> None:
    """One name of 1 MiB, 16,384 times: a dictionary of one, a run of one number."""
    rows, path = 1 << 14, tmp_path / "glyphs.parquet"
    names = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array(["n" * MIB]))
    whole = pq.read_table(io.BytesIO(tables.packed())).drop(["image"])
    first = {name: pa.repeat(whole[name][0], rows) for name in whole.column_names}
    pq.write_table(pa.table({**first, "name": names}), path, compression="zstd")
    assert path.stat().st_size < MIB
    assert measured(refused(lambda: load_columns(path), "bytes of 'name'")) < 128 * MIB


def test_a_thousand_groups_of_one_row_are_read(tmp_path: Path) -> None:
    path = rewritten(lambda table: pa.concat_tables([table] * 25), tmp_path / "glyphs.parquet", row_group_size=1)
    assert measured(lambda: load_columns(path)) < 64 * MIB


def predicted(rows: int, *missing: str) -> tuple[PredictionResult, dict[str, bytes]]:
    """A network's tables, of so many images; and where they lie."""
    target = io.BytesIO()
    as_table(["x"] * rows, np.zeros(rows, int), np.full((rows, 62), 1 / 62, np.float32)).to_parquet(target, index=False)
    names = {"validation", *(f"{role} {method}" for role in ("letters", "digits") for method in METHODS)} - {*missing}
    stored = {name: Stored(key=f"predictions/{name.replace(' ', '-')}", sha256="0" * 64) for name in names}
    return PredictionResult(tables=stored), {each.key: target.getvalue() for each in stored.values()}


@pytest.mark.parametrize(
    ("rows", "missing", "match"),
    [(9, (), "9 images"), (8, ("digits prepared",), "no table 'digits prepared'")],
)
def test_predictions_of_other_images_are_refused(
    rows: int, missing: tuple[str, ...], match: str, tmp_path: Path
) -> None:
    result, objects = predicted(rows, *missing)
    for key, data in objects.items():
        tables.placed(tmp_path, key, data)
    refused(lambda: tables_of(result, FolderStore(tmp_path), validation=8), match)()


# Documents


@pytest.mark.parametrize("depth", [*range(900, 1000, 9), 5000, 1_000_000])
def test_lists_in_lists_are_refused_at_any_depth(depth: int, tmp_path: Path) -> None:
    """Python reads some depths that it cannot print."""
    deep = b'{"version": ' + b"[" * depth + b"]" * depth + b"}"
    store = tables.placed(tmp_path, "champion.json", deep)
    refused(lambda: history(store), "champion.json holds ")()
    refused(lambda: parsed(deep, "oracle.json"), "oracle.json holds ")()


def test_a_document_larger_than_any_is_not_parsed(tmp_path: Path) -> None:
    """Of lists in a list Python and pydantic would make sixty times their bytes."""
    data = b"[" + b"[]," * (LARGEST // 3) + b"[]]"
    assert len(data) > LARGEST
    for read, match in (
        (lambda: reported(data, tmp_path), "study.json holds .* bytes, more than"),
        (lambda: history(tables.placed(tmp_path, "champion.json", data)), "champion.json holds .* bytes, more than"),
        (lambda: parsed(data, "oracle.json"), "oracle.json holds .* bytes, more than"),
    ):
        assert measured(refused(read, match)) < 48 * MIB


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_cannot_be_written_again_is_refused(number: str, tmp_path: Path) -> None:
    """It would be written as null, and the document be lost with the next change."""
    seconds = json.dumps(STUDY.trainings[0].epochs[0].seconds)
    data = STUDY.model_dump_json().replace(seconds, number, 1).encode()
    with pytest.raises(Foreign):
        reported(data, tmp_path)


def test_a_key_that_no_store_can_have_makes_a_result_none(tmp_path: Path) -> None:
    """Longer than S3 or Linux take it: the result is computed again, where an error would end the study."""
    for key in ("x" * 256, "/".join(["x"] * 451)):
        data = outcome("augment").replace(b"objects/x", key.encode())
        with pytest.raises(Exception, match="^$"):
            recalled("augment", data, tmp_path)
        refused(lambda: checked(key), "a store's key is")()  # noqa: B023 - called at once
