"""One interface to the files of a folder, a .zip, a .tar, a .tgz or a zip of tars.

Nothing is written under a name from an archive, so hostile names do no harm; they are skipped.
"""

import gzip
import hashlib
import io
import mmap
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from charrec.errors import InputError

Read = Callable[[], bytes]

ARCHIVE = "a folder, or a complete .zip, .tar or .tgz archive"
FETCH_AGAIN = "Download it again, or unpack it and pass the folder."
TARS = (".tar", ".tar.gz", ".tgz")
# The standard library's exceptions for damaged archives; RuntimeError is for encrypted ones.
DAMAGE = (
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    ValueError,
    RuntimeError,
)
LITTER = {"Thumbs.db", "desktop.ini", "__MACOSX"}  # besides hidden names such as .DS_Store


class Files:
    """A source's files by POSIX name, sorted; `read` is thread-safe."""

    def __init__(self, path: Path, members: Mapping[str, Read]) -> None:
        self.path = path
        self.names = sorted(members)
        self._members = members

    def read(self, name: str) -> bytes:
        """The file's bytes, checked against the archive's CRC if it has one; InputError names archive and member."""
        try:
            return self._members[name]()
        except (OSError, *DAMAGE) as error:
            found = f"{self.path}: {name} cannot be read ({error})"
            raise InputError(found, "an undamaged file", FETCH_AGAIN) from error


@contextmanager
def open_files(path: Path) -> Iterator[Files]:
    """Opens a source for reading; a compressed tar is unpacked to an anonymous temporary file first."""
    with ExitStack() as stack:
        if path.is_dir():
            members: dict[str, Read] = {name: partial((path / name).read_bytes) for name, _ in _walk(path)}
        elif path.is_file():
            members = _archive(path, stack)
        else:
            raise InputError(f"{path} does not exist", ARCHIVE, "Check the path.")
        yield Files(path, members)


def fingerprint(path: Path) -> str:
    """Identity without decoding images: SHA-256 of an archive, or of a folder's names, sizes and times."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if not path.is_dir():
        raise InputError(f"{path} does not exist", ARCHIVE, "Check the path.")
    digest = hashlib.sha256()
    for name, status in sorted(_walk(path)):
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Every file under the folder; links to folders are not followed, so the walk ends."""
    for entry in os.scandir(folder):
        if not _is_wanted(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            for name, status in _walk(Path(entry.path)):
                yield f"{entry.name}/{name}", status
        elif entry.is_file():
            yield entry.name, entry.stat()


def _is_wanted(name: str) -> bool:
    """Whether the name is a plain relative path and not operating-system litter."""
    return not any(part in LITTER or part.startswith(".") or not part for part in name.split("/"))


def _archive(path: Path, stack: ExitStack) -> dict[str, Read]:
    file = stack.enter_context(path.open("rb"))
    try:
        is_zip = zipfile.is_zipfile(file)
        file.seek(0)
        return _zip(file, stack) if is_zip else _tar(file, stack)
    except DAMAGE as error:
        raise InputError(f"{path} is damaged or not an archive ({error})", ARCHIVE, FETCH_AGAIN) from error


def _zip(file: IO[bytes], stack: ExitStack) -> dict[str, Read]:
    """Members of a zip; a nested tar is replaced by its members, named <tar>/<member>."""
    members: dict[str, Read] = {}
    archive = stack.enter_context(zipfile.ZipFile(file))
    for info in archive.infolist():
        name = info.filename
        if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16) or not _is_wanted(name):
            continue
        if name.endswith(TARS):
            try:
                inner = _tar(archive.open(info), stack)
            except DAMAGE as error:
                raise zipfile.BadZipFile(f"{name}: {error}") from error
            members.update({f"{name}/{inner_name}": read for inner_name, read in inner.items()})
        else:
            members[name] = partial(archive.read, info)  # locks the file, so threads may share it
    return members


def _tar(file: IO[bytes], stack: ExitStack) -> dict[str, Read]:
    """Regular members of a tar or .tgz; links and devices are skipped.

    A gzipped tar has no random access, so it is unpacked once to an anonymous temporary file.
    """
    start = file.read(2)
    file.seek(0)
    if start == b"\x1f\x8b" or not isinstance(file, io.BufferedReader):
        plain = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        shutil.copyfileobj(gzip.GzipFile(fileobj=file) if start == b"\x1f\x8b" else file, plain, 1 << 20)
        plain.seek(0)
        file = plain
    with tarfile.open(fileobj=file, mode="r:") as archive:
        members = [m for m in archive if m.isreg() and not m.issparse()]
        end = archive.offset
    buffer = _mapped(file, stack)
    # tarfile mistakes a damaged header, or the file's end, for the end of the archive.
    if buffer[end : end + tarfile.BLOCKSIZE] != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError(f"the archive ends early, at byte {end}")
    named = {member.name.removeprefix("./"): member for member in members}
    return {n: partial(_slice, buffer, m.offset_data, m.size) for n, m in named.items() if _is_wanted(n)}


def _slice(buffer: mmap.mmap, start: int, size: int) -> bytes:
    return buffer[start : start + size]


def _mapped(file: IO[bytes], stack: ExitStack) -> mmap.mmap:
    file.flush()
    return stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
