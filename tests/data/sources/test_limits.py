"""Bombs are refused before they are read, and within little memory."""

import bz2
import gzip
import lzma
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from samples import listing

from charrec.data.sources.files import open_files
from charrec.data.sources.limits import DEPTH, HEADER, MEMBERS, NAME, RATIO, SMALL, Allowance
from charrec.data.sources.mnist import read_mnist_test
from charrec.errors import InputError

BLANK = bytes(SMALL + 1)


def zipped(path: Path, method: int) -> None:
    with zipfile.ZipFile(path, "w", method) as target:
        target.writestr("Sample001/img001-00001.png", BLANK)


def nested(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("x.tgz", gzip.compress(BLANK, 1))


@pytest.mark.parametrize(
    "make",
    [
        lambda path: zipped(path, zipfile.ZIP_DEFLATED),
        lambda path: zipped(path, zipfile.ZIP_LZMA),
        lambda path: zipped(path, zipfile.ZIP_BZIP2),
        lambda path: path.write_bytes(gzip.compress(BLANK, 1)),
        lambda path: path.write_bytes(lzma.compress(BLANK, preset=0)),
        lambda path: path.write_bytes(bz2.compress(BLANK, 1)),
        nested,
    ],
)
def test_an_archive_that_unpacks_to_far_more_than_it_has_is_refused(
    make: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "bomb"
    make(path)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=f"unpacks to more than.*at most {RATIO} times"), open_files(path):
            pass
        assert tracemalloc.get_traced_memory()[1] < SMALL // 4
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_lies_about_its_size_is_never_unpacked(method: int, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    zipped(path, method)
    path.write_bytes(path.read_bytes().replace(len(BLANK).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    tracemalloc.start()
    try:
        with open_files(path) as files, pytest.raises(InputError, match="img001-00001.png is damaged"):
            files.read("Sample001/img001-00001.png")
        assert tracemalloc.get_traced_memory()[1] < (SMALL // 4 if method == zipfile.ZIP_DEFLATED else 3 * SMALL)
    finally:
        tracemalloc.stop()


def test_a_table_of_contents_of_too_many_files_is_not_read(tmp_path: Path) -> None:
    path = listing(tmp_path / "x.zip", {"a.png": b"one"})
    content = bytearray(path.read_bytes())
    end = content.rfind(b"PK\5\6")
    content[end + 12 : end + 16] = (1 << 30).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"lists more than {MEMBERS:,} files"), open_files(path):
        pass
    with pytest.raises(InputError, match=f"lists more than {MEMBERS:,} files"):
        Allowance(path, 1).list(MEMBERS + 1)


@pytest.mark.parametrize("kind", ["x.zip", "x.tgz"])
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("d/" * DEPTH + "1.png", f"{DEPTH + 1} folders in folders"),
        ("d/" * 20_000 + "1.png", "a name of 40,005 characters"),
        ("1" * (NAME + 1), f"a name of {NAME + 1:,} characters"),
    ],
)
def test_a_name_too_long_or_too_deep_is_refused_and_shown_in_short(
    name: str, what: str, kind: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=what) as caught, open_files(listing(tmp_path / kind, {name: b"one"})):
        pass
    assert len(str(caught.value)) < 500


def test_a_very_deep_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / ("d/" * (DEPTH + 1))).mkdir(parents=True)
    with pytest.raises(InputError, match=f"{DEPTH + 1} folders in folders"), open_files(tmp_path):
        pass


def test_a_tar_header_without_bound_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as target:
        target.addfile(tarfile.TarInfo("n" * (HEADER + 1)))
    with pytest.raises(InputError, match=r"a header of [0-9,]+ bytes"), open_files(path):
        pass


@pytest.mark.parametrize("packed", [False, True])
def test_an_idx_file_is_read_no_further_than_the_set_can_be(packed: bool, tmp_path: Path) -> None:
    name = "t10k-images.idx3-ubyte"
    with (tmp_path / name).open("wb") as file:
        file.truncate(1 << 32)  # no room is taken
    if packed:
        (tmp_path / name).unlink()
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(BLANK, 1))
    with open_files(tmp_path) as files, pytest.raises(InputError, match=r"images.idx3-ubyte.* has [0-9,]+ bytes"):
        read_mnist_test(files, "", "", "")


def test_a_png_larger_than_any_is_not_read(tmp_path: Path) -> None:
    from charrec.data.sources.png import decode

    with (tmp_path / "1.png").open("wb") as file:
        file.truncate(1 << 40)
    with open_files(tmp_path) as files, pytest.raises(InputError, match=r"1\.png has 1,099,511,627,776 bytes"):
        decode(files, ["1.png"], 128)
