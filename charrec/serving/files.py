"""Image files, folders of them and standard input: each a name and a way to its bytes, of which there is a bound."""

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from charrec.errors import InputError

BYTES = 192 << 20  # of one image; 4096 x 4096 px of four 16-bit channels, not compressed, take 128 MiB
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")  # that a folder is searched for
INPUT = "-"
EXPECTED = "an image file"
NO_PATH = (errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL)


class File(NamedTuple):
    """`content` returns the bytes, and raises InputError that names what cannot be read."""

    name: str  # as a person reads it: bytes that are not UTF-8 are escaped
    content: Callable[[], bytes]


def files_of(words: Iterable[str], recursive: bool) -> tuple[list[File], int]:
    """What was named, `-` for standard input; with `recursive` the images below each folder.

    Also the number of files below them that were left out: hidden, a link to a folder, or not named as an image.
    """
    found: list[File] = []
    left_out = 0
    for word in words:
        if word == INPUT:
            found.append(File("standard input", _standard_input))
        elif not word:
            nameless = InputError("a file is given without a name", EXPECTED, "Look for an empty variable.")
            found.append(File("", partial(_raise, nameless)))
        elif recursive:
            below, others = _below(Path(word))
            found += below
            left_out += others
        else:
            found.append(_file(Path(word)))
    return found, left_out


def bounded(name: str, content: bytes | None, size: int) -> bytes:
    """The content, if it can be an image. `size` may be all that is known of what is too large. Raises InputError."""
    if size > BYTES or content is None:
        raise InputError(
            f"{name} has more than {BYTES >> 20} MiB",
            f"{EXPECTED} of at most that size",
            "Cut the character out, or save it compressed, as a PNG.",
        )
    if not content:
        raise InputError(f"{name} is empty, it has 0 bytes", EXPECTED, "Save or copy the image again.")
    return content


def _below(folder: Path) -> tuple[list[File], int]:
    """Files first, by name; then folder by folder."""
    found, left_out, waiting = [], 0, [folder]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except (NotADirectoryError, FileNotFoundError):
            found.append(_file(here))
            continue
        except OSError as error:
            found.append(File(_name(here), partial(_refuse, here, error)))
            continue
        folders = [one for one in entries if one.is_dir(follow_symlinks=False) and not one.name.startswith(".")]
        waiting += [Path(one) for one in reversed(folders)]
        images = [one for one in entries if _is_image(one)]
        found += [_file(Path(one)) for one in images]
        left_out += sum(not one.is_dir(follow_symlinks=False) for one in entries) - len(images)
    if not found:
        names = ", ".join(SUFFIXES)
        nothing = InputError(f"{_name(folder)} has no images", f"files named {names} in it", "Correct the path.")
        found.append(File(_name(folder), partial(_raise, nothing)))
    return found, left_out


def _is_image(entry: "os.DirEntry[str]") -> bool:
    """Also a link to a file, and one that leads nowhere, which is then named."""
    named = not entry.name.startswith(".") and entry.name.lower().endswith(SUFFIXES)
    try:
        return named and not entry.is_dir()
    except OSError:  # a circle of links
        return named


def _file(path: Path) -> File:
    return File(_name(path), partial(_read, path))


def _name(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _read(path: Path) -> bytes:
    name = _name(path)
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            regular = stat.S_ISREG(about.st_mode)
            if regular and about.st_size > BYTES:
                return bounded(name, None, about.st_size)
            return _whole(name, file, about.st_size if regular else BYTES)
    except OSError as error:
        return _refuse(path, error)


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise InputError("standard input is closed", "the bytes of one image", "Name a file, or pipe one in.")
    try:
        return _whole("standard input", sys.stdin.buffer, BYTES)
    except OSError as error:
        raise InputError(
            f"standard input cannot be read ({error.strerror})", "the bytes of one image", "Name a file."
        ) from None


def _whole(name: str, file: BinaryIO, size: int) -> bytes:
    content = file.read(size + 1)
    return bounded(name, content, len(content))


def _raise(error: InputError) -> bytes:
    raise error


def _refuse(path: Path, error: OSError) -> bytes:
    """Raises InputError: what the file system says of the path, and its remedy."""
    name, why = _name(path), error.strerror or type(error).__name__
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        raise InputError(f"{name} does not exist", EXPECTED, "Correct the path.")
    if isinstance(error, IsADirectoryError):
        raise InputError(f"{name} is a folder", EXPECTED, "Add --recursive to read the images in it.")
    if isinstance(error, PermissionError):
        raise InputError(
            f"{name} may not be read by this user ({why})",
            EXPECTED,
            "Correct its rights, as with chmod u+r.",
        )
    if error.errno in NO_PATH:
        raise InputError(f"{name[:200]} is no path that can be opened ({why})", EXPECTED, "Correct the path.")
    raise InputError(f"{name} cannot be read ({why})", EXPECTED, "Copy it again, or look after its disk.")
