"""A folder and every archive format read alike; errors name the damaged file and member."""

import hashlib
import os
import tarfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from samples import listing, nested_tgz, tar_folder, zip_folder

from charrec.data.sources.files import fingerprint, open_files
from charrec.errors import InputError

CONTENT = {"a/1.txt": b"one" * 400, "a/2.txt": b"two" * 500, "b.txt": b"", "c d/é.txt": os.urandom(3000)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in CONTENT.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "folder"


def read_all(path: Path) -> dict[str, bytes]:
    with open_files(path) as files:
        return {name: files.read(name) for name in files.names}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("pack", "name", "prefix"),
    [
        (lambda folder, _: folder, "", ""),
        (zip_folder, "x.zip", ""),
        (tar_folder, "x.tar", ""),
        (tar_folder, "x.tgz", ""),
        (tar_folder, "x.txz", ""),
        (tar_folder, "x.tbz2", ""),
        (nested_tgz, "x.zip", "EnglishFnt.tgz/"),
        (lambda folder, path: nested_tgz(folder, path, "inner.tar"), "x.zip", "inner.tar/"),
    ],
)
def test_every_format_holds_the_same_files(
    pack: Callable[[Path, Path], Path], name: str, prefix: str, folder: Path, tmp_path: Path
) -> None:
    path = pack(folder, tmp_path / name)
    assert read_all(path) == {prefix + inner: content for inner, content in CONTENT.items()}
    with open_files(path) as files:
        assert files.names == sorted(files.names)


def test_formats_are_recognised_by_content_not_by_name(folder: Path, tmp_path: Path) -> None:
    assert read_all(tar_folder(folder, tmp_path / "x.tgz").rename(tmp_path / "download.bin")) == CONTENT


def test_threads_may_share_an_open_archive(folder: Path, tmp_path: Path) -> None:
    with open_files(zip_folder(folder, tmp_path / "x.zip")) as files, ThreadPoolExecutor(4) as pool:
        names = files.names * 200
        assert list(pool.map(files.read, names)) == [CONTENT[name] for name in names]


LITTER = (
    ".DS_Store", "a/Thumbs.db", "a/thumbs.db", "a/Desktop.ini", "__MACOSX/a/._1.txt", "a/.hidden/x.txt", "@eaDir/1.png",
    "$RECYCLE.BIN/1.png", "System Volume Information/x", "a/1.txt:Zone.Identifier", "Icon\r",
)  # fmt: skip


def test_operating_system_litter_is_skipped(folder: Path, tmp_path: Path) -> None:
    before = fingerprint(folder)
    for name in LITTER:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"litter")
    assert read_all(folder) == CONTENT
    assert read_all(zip_folder(folder, tmp_path / "x.zip")) == CONTENT
    assert fingerprint(folder) == before


HOSTILE = ("../evil.txt", "/etc/evil.txt", "a/../../evil.txt", "..\\evil.txt", "C:\\evil.txt")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", ["x.zip", "x.tgz"])
def test_a_name_that_leads_outside_is_refused(name: str, kind: str, tmp_path: Path) -> None:
    path = listing(tmp_path / kind, {"good.txt": b"good", name: b"evil"})
    with pytest.raises(InputError, match="leads outside of the archive") as caught:
        read_all(path)
    assert str(path) in caught.value.found
    assert "evil.txt" in caught.value.found
    assert names_in(tmp_path) == [kind]


def test_a_link_to_a_folder_around_it_adds_nothing(folder: Path) -> None:
    (folder / "a" / "up").symlink_to(folder, target_is_directory=True)
    assert read_all(folder) == CONTENT


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def nested_cut(folder: Path, path: Path) -> Path:
    inner = cut(tar_folder(folder, path.with_name("EnglishFnt.tgz")), 0.5)
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("EnglishFnt.tgz", inner.read_bytes())
    inner.unlink()
    return path


def tar_without_end(folder: Path, path: Path) -> Path:
    """Cut exactly after a member, which tarfile itself does not notice."""
    with tarfile.open(tar_folder(folder, path)) as archive:
        second = archive.getmembers()[2].offset
    path.write_bytes(path.read_bytes()[:second])
    return path


def text(_: Path, path: Path) -> Path:
    path.write_text("<html>Please log in</html>")
    return path


def empty(_: Path, path: Path) -> Path:
    path.touch()
    return path


@pytest.mark.parametrize(
    ("start", "kind", "remedy"),
    [
        (b"", "an empty file", "Download it again"),
        (b"<!DOCTYPE html>\n<html>Please log in</html>", "a web page", "Download it again"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer", "Download it again"),
        (b"7z\xbc\xaf'\x1c\0\4", "a 7z archive", "Unpack it and pass the folder"),
        (b"Rar!\x1a\7\1\0", "a RAR archive", "Unpack it and pass the folder"),
        (b"PAR1\x15\4", "a Parquet file", "Download it again"),
    ],
)
def test_a_file_of_another_kind_is_called_by_its_name(start: bytes, kind: str, remedy: str, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(start)
    with pytest.raises(InputError) as caught, open_files(tmp_path / "x.zip"):
        pass
    assert f"{tmp_path / 'x.zip'} is {kind}" in caught.value.found
    assert remedy in caught.value.remedy


def test_a_password_is_told_as_one_not_as_damage(tmp_path: Path) -> None:
    path = listing(tmp_path / "x.zip", {"a/1.png": b"one"})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1  # its flag in the table of contents
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a/1\.png is protected by a password") as caught, open_files(path):
        pass
    assert "again" not in caught.value.remedy


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (text, "data.zip", "data.zip"),
        (empty, "data.zip", "data.zip"),
        (empty, "data.tgz", "data.tgz"),
        (lambda folder, path: cut(zip_folder(folder, path), 0.9), "data.zip", "data.zip"),
        (lambda folder, path: cut(tar_folder(folder, path), 0.7), "data.tgz", "data.tgz"),
        (lambda folder, path: cut(tar_folder(folder, path), 0.3), "data.tar", "data.tar"),
        (tar_without_end, "data.tar", "ends early"),
        (nested_cut, "data.zip", "EnglishFnt.tgz"),
    ],
)
def test_an_incomplete_archive_is_refused_by_name(
    make: Callable[[Path, Path], Path], name: str, message: str, folder: Path, tmp_path: Path
) -> None:
    path = make(folder, tmp_path / name)
    with pytest.raises(InputError) as caught, open_files(path):
        pass
    assert str(path) in caught.value.found
    assert message in caught.value.found
    assert "Download it again" in caught.value.remedy
    assert names_in(tmp_path) == sorted([name, "folder"])


def test_a_bad_crc_names_archive_and_member(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("a/1.txt", b"some content")
    path.write_bytes(path.read_bytes().replace(b"some content", b"same content"))
    with open_files(path) as files, pytest.raises(InputError) as caught:
        files.read("a/1.txt")
    assert str(path) in caught.value.found
    assert "a/1.txt" in caught.value.found


def test_a_missing_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"), open_files(tmp_path / "none.zip"):
        pass
    with pytest.raises(InputError, match="does not exist"):
        fingerprint(tmp_path / "none.zip")


def test_the_fingerprint_of_an_archive_is_its_sha256(folder: Path, tmp_path: Path) -> None:
    path = zip_folder(folder, tmp_path / "x.zip")
    assert fingerprint(path) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "new.txt").touch(),
        lambda folder: (folder / "b.txt").unlink(),
        lambda folder: (folder / "b.txt").rename(folder / "c.txt"),
        lambda folder: os.utime(folder / "b.txt", ns=(0, 1)),
        lambda folder: (folder / "b.txt").write_bytes(b"longer"),
    ],
)
def test_the_fingerprint_of_a_folder_changes_with_every_file(change: Callable[[Path], object], folder: Path) -> None:
    before = fingerprint(folder)
    assert fingerprint(folder) == before
    change(folder)
    assert fingerprint(folder) != before
