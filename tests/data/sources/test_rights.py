"""Paths, rights and disks that fail are one clear error each."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError
from samples import listing, tar_folder

from charrec.data.sources import Role, locate
from charrec.data.sources.damage import scratch
from charrec.data.sources.files import fingerprint, open_files
from charrec.errors import InputError
from charrec.study import Data

NOBODY = 65534


@contextmanager
def as_nobody() -> Iterator[None]:
    """As a user who is not root, to whom rights do not apply."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def archive(folder: Path) -> tuple[Path, Path]:
    path = listing(folder / "x.zip", {"a.png": b"one"})
    return path, path


def whole_folder(folder: Path) -> tuple[Path, Path]:
    (folder / "set").mkdir()
    return folder / "set", folder / "set"


def inner_folder(folder: Path) -> tuple[Path, Path]:
    (folder / "set/a").mkdir(parents=True)
    return folder / "set", folder / "set/a"


@pytest.mark.parametrize("make", [archive, whole_folder, inner_folder])
def test_what_this_user_may_not_read_is_named(make: Callable[[Path], tuple[Path, Path]], public: Path) -> None:
    path, locked = make(public)
    locked.chmod(0)
    try:
        for use in (lambda: open_files(path).__enter__(), lambda: fingerprint(path)):
            with as_nobody(), pytest.raises(InputError, match="permission denied") as caught:
                use()
            assert str(locked) in caught.value.found
            assert "chmod" in caught.value.remedy
    finally:
        locked.chmod(0o755)


def test_one_file_that_this_user_may_not_read_is_named(public: Path) -> None:
    (public / "a.png").write_bytes(b"one")
    (public / "a.png").chmod(0)
    with (
        as_nobody(),
        open_files(public) as files,
        pytest.raises(InputError, match=r"a\.png cannot be read: permission"),
    ):
        files.read("a.png")


def test_a_folder_that_this_user_may_not_enter_is_told_where_the_study_is_planned(public: Path) -> None:
    path, _ = archive(public)
    public.chmod(0)
    try:
        with as_nobody(), pytest.raises(InputError, match="permission denied"):
            locate("glyphs", Data(glyphs=str(path)), public)
    finally:
        public.chmod(0o755)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("  ", "'  '; expected"),
        ("a" * 256, "File name too long"),
        ("/x" + "/." * 2000, "expected kaggle:owner"),
        ("a" * 3000, "File name too long"),
        ("a\udcffb", "not UTF-8"),
        ("nowhere\n.zip", r"nowhere\\\\n.zip"),
    ],
)
def test_a_path_to_nothing_is_refused(text: str, why: str, tmp_path: Path) -> None:
    for role in ("glyphs", "letters", "digits"):
        with pytest.raises(InputError, match=why) as caught:
            locate(role, Data(**{role: text}), tmp_path)
        assert caught.value.found.startswith(role)
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize("text", ["", "a\0b", "a/" * 5000, "~nobody-of-that-name/x.zip"])
def test_a_path_that_is_none_is_refused_with_the_settings(text: str) -> None:
    for role in ("glyphs", "letters", "digits"):
        with pytest.raises(ValidationError, match="expected"):
            Data(**{role: text})


def test_a_tilde_is_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = listing(tmp_path / "x.zip", {"a.png": b"one"})
    role: Role = "glyphs"
    assert locate(role, Data(glyphs="~/x.zip"), tmp_path).path == path


def test_a_full_temporary_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.png").write_bytes(os.urandom(100_000))
    path = tar_folder(folder, tmp_path / "x.tgz")

    def full() -> object:
        return Path("/dev/full").open("r+b", buffering=0)

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(InputError, match=r"the temporary folder .* is full; expected room for") as caught:
        open_files(path).__enter__()
    assert "x.tgz" in caught.value.expected
    assert "TMPDIR" in caught.value.remedy


def test_a_missing_temporary_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"), scratch("the glyphs"):
        tempfile.TemporaryFile(dir=tmp_path / "none")  # noqa: SIM115 - none is made
    with pytest.raises(OSError, match="of the device"), scratch("the glyphs"):  # another fault is not the folder's
        raise OSError(errno.EIO, "of the device")
