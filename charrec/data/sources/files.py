"""One interface to the files of a folder, a zip, a tar (plain, gz, xz or bz2) or a zip of tars.

Nothing is written under a name from an archive, so hostile names do no harm; they are refused by name.
"""

import hashlib
import logging
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from charrec.data.sources.damage import DAMAGE, FETCH_AGAIN, unreadable
from charrec.data.sources.folders import walk_folder
from charrec.data.sources.limits import Allowance
from charrec.data.sources.names import plain, shown, twice
from charrec.data.sources.tars import read_tar
from charrec.data.sources.tree import Entry
from charrec.data.sources.zips import read_zip
from charrec.errors import InputError

log = logging.getLogger(__name__)

ARCHIVE = "a folder, or a complete .zip, .tar, .tgz, .tar.xz or .tar.bz2 archive"
FOREIGN = {
    b"": "an empty file", b"7z\xbc\xaf\x27\x1c": "a 7z archive", b"Rar!": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive", b"PAR1": "a Parquet file",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself",
    b"<!DOCTYPE": "a web page", b"<html": "a web page",
}  # fmt: skip
INNER = (".zip", ".7z", ".rar", ".gz", ".zst")
PICTURE = re.compile(r".*\.(png|jpe?g|bmp|gif|tiff?|webp)", re.IGNORECASE | re.DOTALL)


class Files:
    """A source's files by POSIX name, sorted; `read` is thread-safe."""

    def __init__(self, path: Path, members: Mapping[str, Entry]) -> None:
        self.path = path
        self.names = sorted(members)
        self._members = members

    def read(self, name: str, most: int | None = None) -> bytes:
        """The file's bytes, checked against the archive's CRC if it has one; InputError names archive and member.

        A file of more than `most` bytes is refused before it is read.
        """
        entry = self._members[name]
        if most is not None and entry.size > most:
            found = f"{self.path}: {shown(name)} has {entry.size:,} bytes"
            raise InputError(found, f"at most {most:,}", "Pass the data set as published, or remove this file.")
        try:
            return entry.read()
        except InputError:
            raise
        except (OSError, *DAMAGE) as error:
            raise unreadable(f"{self.path}: {shown(name)}", error, "an undamaged file") from error

    def unopened(self) -> str:
        """In an error: the archive in this one that may hold what is missed."""
        inner = [name for name in self.names if name.lower().endswith(INNER)]
        return f", but another archive, {shown(inner[0])}" if inner else ""

    def say_unused(self, used: Collection[str]) -> None:
        """Warn of images that are listed but lie elsewhere than the layout has them: fewer are used than there are."""
        unused = [name for name in self.names if name not in used and PICTURE.fullmatch(name)]
        if unused:
            log.warning(
                "%s: %d of %d images are not used, since they lie outside of the layout, such as %s",
                self.path, len(unused), len(unused) + len(used), shown(unused[0]),
            )  # fmt: skip


@contextmanager
def open_files(path: Path) -> Iterator[Files]:
    """Opens a source for reading; a compressed tar is unpacked to an anonymous temporary file first.

    Raises InputError for a source that cannot be read whole, and for more than the limits allow.
    """
    with ExitStack() as stack:
        try:
            members = _folder(path) if path.is_dir() else _archive(path, stack)
        except InputError:
            raise
        except (OSError, *DAMAGE) as error:
            raise _unreadable(path, error) from error
        yield Files(path, members)


def fingerprint(path: Path) -> str:
    """Identity without decoding images: SHA-256 of an archive, or of a folder's names, sizes and times.

    Raises InputError for what cannot be read.
    """
    try:
        if not path.is_dir():
            _require_file(path)
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha256()
        for name, _, status in sorted(walk_folder(path)):
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: BaseException) -> InputError:
    if isinstance(error, FileNotFoundError) and not path.exists():
        return InputError(f"{path} does not exist", ARCHIVE, "Check the path.")
    place = shown(error.filename) if isinstance(error, OSError) and isinstance(error.filename, str) else str(path)
    return unreadable(place, error, ARCHIVE)


def _require_file(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(path)
    if not path.is_file():
        raise InputError(f"{path} is a pipe, a socket or a device", ARCHIVE, "Check the path.")


def _folder(path: Path) -> dict[str, Entry]:
    members = {}
    for disk_name, place, status in walk_folder(path):
        name = plain(disk_name)  # a tool may have unpacked a Windows archive to names with backslashes
        if name in members:
            raise twice(path, name)
        members[name] = Entry(status.st_size, partial(_bounded, place, status.st_size))
    return members


def _bounded(place: str, size: int) -> bytes:
    """The file's bytes; ValueError where it has grown since it was listed, perhaps without end."""
    with Path(place).open("rb") as file:
        content = file.read(size + 1)
    if len(content) > size:
        raise ValueError(f"it has grown beyond {size:,} bytes while it was read")
    return content


def _archive(path: Path, stack: ExitStack) -> dict[str, Entry]:
    _require_file(path)
    file = stack.enter_context(path.open("rb"))
    allowance = Allowance(path, path.stat().st_size)
    is_zip = zipfile.is_zipfile(file)
    file.seek(0)
    if is_zip:
        return read_zip(path, file, allowance, stack)
    start = file.peek(32)
    for magic, kind in FOREIGN.items():
        if start.startswith(magic) if magic else not start:
            remedy = "Unpack it and pass the folder." if "archive" in kind else FETCH_AGAIN
            raise InputError(f"{path} is {kind}", ARCHIVE, remedy)
    return read_tar(path, file, allowance, stack)


__all__ = ["ARCHIVE", "DAMAGE", "FETCH_AGAIN", "Files", "fingerprint", "open_files"]
