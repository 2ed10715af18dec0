"""What a file system refuses, told with the path and with what was to lie there."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charrec.errors import InputError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # EFBIG: a limit of the process (ulimit -f), or of the file system
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
LIMITED = (errno.EMFILE, errno.ENFILE)  # of the process; of the machine
IMPOSSIBLE = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.EINVAL)


class DiskError(OSError):
    """A full disk, or one that fails. Not the user's mistake: the same command resumes once there is room."""

    def __str__(self) -> str:
        return str(self.strerror)  # without "[Errno 28]"


@contextmanager
def told(path: Path, what: str) -> Iterator[None]:
    """Raise a DiskError or an InputError in place of a file system's own error; `what` is as in "the store /a/b"."""
    try:
        yield
    except (DiskError, ConnectionError, TimeoutError):  # a lock that is held for too long is another matter
        raise
    except OSError as error:
        raise explained(path, what, error) from error


def explained(path: Path, what: str, error: OSError) -> Exception:
    """The error in words: path, what it belongs to, the file system's reason, and the remedy."""
    reason = error.strerror or str(error)
    where = error.filename or path
    if error.errno in FORBIDDEN:
        return InputError(
            f"{where} may not be used by this user ({reason})",
            f"{what} that this user may read and write",
            "Correct its owner or its rights, or choose another place.",
        )
    if error.errno in IMPOSSIBLE:
        return InputError(
            f"{where} cannot be used for {what} ({reason})",
            "a folder, and names that its file system allows",
            "Correct the path.",
        )
    if error.errno in FULL:
        text = f"{path} cannot be written: {reason} ({what}). What is stored there is whole; make room, and run again."
    elif error.errno in LIMITED:
        text = f"{path} cannot be opened: {reason} ({what}). Raise the limit of open files (ulimit -n), and run again."
    else:
        text = f"{path} cannot be read or written: {reason} ({what}). Look after the disk, and run again."
    return DiskError(error.errno, text)
