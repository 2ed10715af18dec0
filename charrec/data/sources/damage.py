"""What goes wrong when files and archives are read, in words."""

import errno
import gzip
import lzma
import os
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from charrec.errors import InputError

# The standard library's exceptions for damaged archives; MemoryError for sizes that only damage asks for.
DAMAGE = (
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    IndexError,
    MemoryError,
    OverflowError,
    ValueError,
    RuntimeError,
)
FETCH_AGAIN = "Download it again, or unpack it and pass the folder."
ODD = (None, errno.EINVAL, errno.EOVERFLOW)  # an OSError of bz2, or of a seek to where a damaged header points
FULL = (errno.ENOSPC, errno.EDQUOT)


def unreadable(what: str, error: BaseException, expected: str, remedy: str = FETCH_AGAIN) -> InputError:
    """The error for `what` that could not be read: a right that is missing, a disk, or damage."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EACCES, errno.EPERM):
        right = "Ask its owner, or give yourself the right (chmod -R u+rX)."
        return InputError(f"{what} cannot be read: permission denied", "data that this user may read", right)
    if number not in ODD:
        assert number is not None
        return InputError(
            f"{what} cannot be read ({os.strerror(number)})", expected, "Check the path and the disk that it lies on."
        )
    return InputError(f"{what} is damaged or not an archive ({reason(error)})", expected, remedy)


def reason(error: BaseException) -> str:
    """What an exception says, or its name if it says nothing; one short line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:197]}..."


@contextmanager
def scratch(what: str) -> Iterator[None]:
    """Around writing `what` to a temporary file. Raises InputError where there is no room or no such folder."""
    try:
        yield
    except OSError as error:
        if error.errno not in (*FULL, errno.ENOENT, errno.EACCES, errno.EROFS, errno.EFBIG):
            raise
        place = tempfile.tempdir or os.environ.get("TMPDIR") or "/tmp"
        why = "is full" if error.errno in FULL else f"cannot be written ({os.strerror(error.errno)})"
        remedy = "Free some of it, or set TMPDIR to a folder on another disk."
        raise InputError(f"the temporary folder {place} {why}", f"room for {what}", remedy) from error
