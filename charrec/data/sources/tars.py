"""A tar, plain or compressed, as a source."""

import bz2
import gzip
import io
import lzma
import mmap
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from charrec.data.sources.damage import scratch
from charrec.data.sources.limits import HEADER, PIECE, SMALL_PIECE, Allowance
from charrec.data.sources.names import is_litter, plain, shown
from charrec.data.sources.tree import Entry, Link, Tree
from charrec.errors import InputError

TARS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz", ".tbz2")
COMPRESSED: dict[bytes, Callable[[Any], IO[bytes]]] = {
    b"\x1f\x8b": lambda file: cast(IO[bytes], gzip.GzipFile(fileobj=file)),
    b"BZh": lambda file: cast(IO[bytes], bz2.BZ2File(file)),
    b"\xfd7zXZ\0": lambda file: cast(IO[bytes], lzma.LZMAFile(file)),  # noqa: SIM115 - as long as its file
}


def read_tar(path: Path, file: IO[bytes], allowance: Allowance, stack: ExitStack) -> dict[str, Entry]:
    """The files of a tar, by name. Raises the exceptions of DAMAGE, and InputError for what is refused.

    A compressed tar has no random access, so it is unpacked once to an anonymous temporary file.
    """
    start = cast(io.BufferedReader, file).peek(6)
    unpack = next((unpack for magic, unpack in COMPRESSED.items() if start.startswith(magic)), None)
    if unpack or not isinstance(file, io.BufferedReader):
        file = _unpacked(path, unpack(file) if unpack else file, allowance, stack)
    buffer = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    tree = Tree(path)
    for member in _members(buffer):
        allowance.list()
        if member.issym() or member.islnk():
            tree.add(member.name, Link(member.linkname, hard=member.islnk()))
        elif member.isreg() and not member.issparse():
            tree.add(member.name, Entry(member.size, partial(_slice, buffer, member.offset_data, member.size)))
        elif not member.isdir() and not any(map(is_litter, plain(member.name).split("/"))):
            kind = "a sparse file" if member.issparse() else "a pipe, a device or of an unknown kind"
            found = f"{path}: {shown(plain(member.name))} is {kind}"
            raise InputError(found, "plain files and folders", "Pack it again without it.")
    return tree.files()


def _unpacked(path: Path, stream: IO[bytes], allowance: Allowance, stack: ExitStack) -> IO[bytes]:
    with scratch(f"{path}, unpacked"):
        plain_file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    piece = SMALL_PIECE if isinstance(stream, zipfile.ZipExtFile) else PIECE
    while part := stream.read(piece):
        allowance.unpack(len(part))
        with scratch(f"{path}, unpacked"):
            plain_file.write(part)
    with scratch(f"{path}, unpacked"):
        plain_file.flush()
    return cast(IO[bytes], plain_file)


def _members(buffer: mmap.mmap) -> Iterator[tarfile.TarInfo]:
    """Every member, in order; raises ReadError where the archive ends without its end."""
    with tarfile.open(fileobj=cast(IO[bytes], _Headers(buffer)), mode="r:") as archive:
        last = -1
        while member := archive.next():
            if member.size < 0 or archive.offset <= last:  # a damaged size leads back, and round for ever
                raise tarfile.ReadError(f"a member at byte {member.offset} has an impossible size")
            last = archive.offset
            archive.members.clear()  # type: ignore[attr-defined]  # they are ours now; with their headers they could fill the memory
            yield member
        end = archive.offset
    # tarfile mistakes a damaged header, or the file's end, for the end of the archive.
    if buffer[end : end + tarfile.BLOCKSIZE] != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError(f"the archive ends early, at byte {end}")


class _Headers:
    """The archive as tarfile reads it: headers only, so whatever is larger is damaged or hostile."""

    def __init__(self, buffer: mmap.mmap) -> None:
        self.buffer = buffer
        self.tell, self.close = buffer.tell, lambda: None

    def seek(self, position: int) -> None:
        if not 0 <= position <= len(self.buffer):
            raise tarfile.ReadError("the archive ends early, in a member")
        self.buffer.seek(position)

    def read(self, size: int) -> bytes:
        if not 0 <= size <= HEADER:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return self.buffer.read(size)


def _slice(buffer: mmap.mmap, start: int, size: int) -> bytes:
    content = buffer[start : start + size]
    if len(content) != size:
        raise EOFError("the archive ends early")
    return content
