"""A zip as a source; a tar in it is replaced by its members."""

import stat
import zipfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO

from charrec.data.sources.damage import DAMAGE, reason
from charrec.data.sources.limits import CONTENTS, MEMBERS, NAME, PIECE, SMALL_PIECE, Allowance, too_many
from charrec.data.sources.names import is_litter, plain, shown
from charrec.data.sources.tars import TARS, read_tar
from charrec.data.sources.tree import Entry, Link, Tree
from charrec.errors import InputError

END, END_SIZE = b"PK\5\6", 22  # of a zip: APPNOTE 4.3.16; 4.3.14 and 4.3.15 for more than 65,535 members
END_64, END_64_SIZE, LOCATOR_SIZE = b"PK\6\6", 56, 20
ENCRYPTED = 0x1  # bit of a member's flags
UNIX = 3  # the system whose file kinds a member may state
PLAIN_KINDS = (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)


def read_zip(path: Path, file: IO[bytes], allowance: Allowance, stack: ExitStack) -> dict[str, Entry]:
    """The files of a zip, by name; those of a nested tar are <tar>/<member>.

    Raises the exceptions of DAMAGE, and InputError for what is refused.
    """
    _check_contents(path, file)
    archive = stack.enter_context(zipfile.ZipFile(file))
    tree = Tree(path)
    for info in archive.infolist():
        name = plain(info.filename)
        allowance.list()
        if info.filename.endswith(("/", "\\")):
            continue
        allowance.unpack(info.file_size)
        kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == UNIX else 0
        litter = any(map(is_litter, name.split("/")))  # listed all the same, since a link may lead to it
        if not litter:
            _check_kind(path, name, info, kind)
        if kind == stat.S_IFLNK:
            tree.add(name, Link(_target(archive, info)))
        elif name.lower().endswith(TARS) and not litter:
            for inner_name, entry in _nested(path, archive, info, allowance, stack).items():
                tree.add(f"{name}/{inner_name}", entry)
        else:
            tree.add(name, Entry(info.file_size, partial(_content, archive, info)))
    return tree.files()


def _check_kind(path: Path, name: str, info: zipfile.ZipInfo, kind: int) -> None:
    if info.flag_bits & ENCRYPTED:
        found = f"{path}: {shown(name)} is protected by a password"
        raise InputError(found, "an archive without a password", "Unpack it with its password; pass the folder.")
    if kind not in PLAIN_KINDS:
        found = f"{path}: {shown(name)} is a pipe, a socket or a device"
        raise InputError(found, "plain files and folders", "Pack it again without it.")


def _nested(
    path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, allowance: Allowance, stack: ExitStack
) -> dict[str, Entry]:
    try:
        with archive.open(info) as file:
            return read_tar(path, file, allowance, stack)
    except InputError:
        raise
    except DAMAGE as error:
        raise zipfile.BadZipFile(f"{shown(info.filename)}: {reason(error)}") from error


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The member's bytes, never more than the archive lists for it. Threads may share the archive: it locks."""
    with archive.open(info) as member:
        piece = PIECE if info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) else SMALL_PIECE
        content = b"".join(iter(partial(member.read, piece), b""))
    if len(content) != info.file_size:
        raise zipfile.BadZipFile(f"{len(content):,} bytes of {info.file_size:,}")
    return content


def _target(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    """Where a symbolic link leads: its content."""
    if info.file_size > 4 * NAME:  # UTF-8 takes up to four bytes for a character
        raise zipfile.BadZipFile(f"{shown(info.filename)} is a link of {info.file_size:,} bytes")
    return _content(archive, info).decode("utf-8", "surrogateescape")


def _check_contents(path: Path, file: IO[bytes]) -> None:
    """Raises InputError for a table of contents that is too large to be read whole."""
    length = file.seek(0, 2)
    file.seek(max(0, length - END_SIZE - LOCATOR_SIZE - END_64_SIZE - (1 << 16)))
    tail = file.read()
    place = tail.rfind(END)
    record = tail[place : place + END_SIZE]
    members, size = int.from_bytes(record[10:12], "little"), int.from_bytes(record[12:16], "little")
    large = tail[max(0, place - LOCATOR_SIZE - END_64_SIZE) : place]
    if large.startswith(END_64):
        members, size = int.from_bytes(large[32:40], "little"), int.from_bytes(large[40:48], "little")
    if members > MEMBERS or size > CONTENTS:
        raise too_many(path)
