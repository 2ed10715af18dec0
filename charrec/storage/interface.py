"""What a store promises; the folder and S3 keep it, one contract suite holds them to it."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol
from uuid import uuid4

from charrec.errors import InputError

SHOWN = 300  # characters of a key in an error
CHUNK = 1 << 20  # bytes held in memory of a large file
SEGMENT = (
    r"[A-Za-z0-9_][A-Za-z0-9_.=+,@-]{0,254}"  # names that start with a dot are the store's own; Linux has 255 bytes
)
KEY = re.compile(rf"(?!.{{901}}){SEGMENT}(/{SEGMENT})*")  # S3 ends at 1,024 bytes with its prefix
PREFIX = re.compile(rf"({SEGMENT}/)*({SEGMENT})?")


class NotFound(KeyError):
    """No object has this key."""

    def __str__(self) -> str:
        return f"the store has no {self.args[0]!r}"  # KeyError's own shows the bare key


class Conflict(Exception):
    """Another writer was first: read again, decide again, write again."""


class Corrupt(InputError):
    """An object is not what was written: found and expected SHA-256."""


class Unrecorded(InputError):
    """Nobody recorded the SHA-256 of an object, so nothing tells whether it is what was written."""


class Seen(NamedTuple):
    """An object as it lies there, whatever was recorded about it."""

    sha256: str  # of its bytes
    recorded: tuple[str, ...]  # the digests that it may have by the store's own record; none: nobody recorded any
    version: str

    @property
    def whole(self) -> bool:
        return self.sha256 in self.recorded


class Entry(NamedTuple):
    """One object in a list."""

    key: str
    size: int  # bytes
    modified: datetime  # UTC
    age: float  # seconds since then by the store's own clock, so that workers need not agree on the time


class Store(Protocol):
    """Objects of bytes under relative posix keys; every read is checked against the SHA-256 of the write.

    A version names the content (a SHA-256, an ETag), so it comes back when the content does. That is harmless here:
    `swap` promises that what it replaces is what the caller has read, not that nothing happened in between.
    A key is never also a folder of another key. Raises ConnectionError where the store cannot be reached, DiskError
    where a disk is full or fails, and InputError for an address, credentials or rights that do not serve. Reading
    raises Corrupt for other bytes than were written, Unrecorded where nobody recorded what was.
    """

    @property
    def url(self) -> str:
        """The address to open it again, without secrets."""

    def get(self, key: str) -> bytes:
        """The whole object. Raises NotFound, Corrupt, Unrecorded."""

    def read(self, key: str) -> tuple[bytes, str]:
        """The whole object and its version. Raises NotFound, Corrupt, Unrecorded."""

    def put(self, key: str, data: bytes) -> str:
        """Write or overwrite, all or nothing; returns the version."""

    def create(self, key: str, data: bytes) -> str:
        """Write where nothing is yet; returns the version. Raises Conflict."""

    def swap(self, key: str, data: bytes, version: str) -> str:
        """Overwrite exactly this version; returns the new one. Raises Conflict if it changed or vanished."""

    def exists(self, key: str) -> bool:
        """Whether there is such an object; reads none of it."""

    def sha256(self, key: str) -> str | None:
        """The SHA-256 that was written, by one HEAD; a folder reads the object. None: it is gone, or damaged.

        Raises Unrecorded.
        """

    def seen(self, key: str, sink: BinaryIO | None = None) -> Seen:
        """Read the object as it is, into the sink if there is one, and judge nothing. Raises NotFound."""

    def record(self, key: str, seen: Seen) -> None:
        """Record the SHA-256 of the bytes that were seen. Raises Conflict where the object has changed since."""

    def list(self, prefix: str = "") -> list[Entry]:
        """The complete objects whose keys start so, sorted by key."""

    def now(self) -> float | None:
        """Seconds since 1970 by the clock that ages are told by. Asks nothing; None: the store has not told it yet."""

    def delete(self, key: str) -> None:
        """Remove the object; fine if there is none."""

    def upload(self, path: Path, key: str) -> str:
        """Write or overwrite from a file of any size; returns its SHA-256."""

    def download(self, key: str, path: Path) -> None:
        """Write the object to a file, verified before it gets its name. Raises NotFound, Corrupt."""

    def local(self, key: str, cache: Path) -> Path:
        """A verified file with an object that never changes: the folder's own, or a copy in `cache`."""


def checked(key: str) -> str:
    """The key, if it means the same in every store; raises InputError."""
    if not KEY.fullmatch(key):
        raise InputError(
            f"a store's key is {key[:SHOWN]!r}{'...' * (len(key) > SHOWN)}",
            "names of letters, digits and _.=+,@- with single slashes between, none starting with . = + , @ or -",
            "Rename it.",
        )
    return key


def checked_prefix(prefix: str) -> str:
    """The prefix, if a key can start so; raises InputError."""
    if not PREFIX.fullmatch(prefix):
        raise InputError(
            f"a prefix of store keys is {prefix[:SHOWN]!r}{'...' * (len(prefix) > SHOWN)}",
            "the start of a key, or nothing",
            "Correct it.",
        )
    return prefix


def corrupt(where: str, found: str, expected: str) -> Corrupt:
    """The error for an object whose bytes are not those that were written."""
    remedy = "Delete it and run again: whatever made it makes it anew."
    return Corrupt(f"{where} has SHA-256 {found}", expected, remedy)


def unrecorded(where: str, why: str, store: str) -> Unrecorded:
    """The error for an object that may be whole; `store` is the store as the command line names it."""
    return Unrecorded(
        f"{where} has no recorded SHA-256{why}",
        "an object that charrec wrote",
        f"Delete nothing: `charrec store check --store {store}` compares every object with what results record, and"
        " with --write records the SHA-256 of those that agree.",
    )


def lost(store: Store, key: str, sha256: str) -> str | None:
    """Why the object with this SHA-256 is not there: "is gone", "is damaged"; None: it is there.

    Raises Unrecorded where the bytes are the right ones and nobody recorded it: that is mended without new work.
    """
    try:
        digest = store.sha256(key)
    except Unrecorded:
        if store.seen(key).sha256 == sha256:
            raise
        return "is damaged"
    return None if digest == sha256 else "is gone" if digest is None else "is damaged"


def pour(chunks: Iterable[bytes], sink: BinaryIO | None) -> str:
    """Fill the sink anew from the start (None: only look); returns the SHA-256."""
    if sink:
        sink.seek(0)
        sink.truncate()
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        if sink:
            sink.write(chunk)
    return digest.hexdigest()


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    """The rest of the file, piece by piece."""
    while chunk := file.read(CHUNK):
        yield chunk


@contextmanager
def staged(folder: Path) -> Iterator[BinaryIO]:
    """A temporary file in the folder for `settle` to give a name; without one it is gone at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".{uuid4().hex}.tmp"
    try:
        with path.open("xb") as file:
            yield file
    finally:
        path.unlink(missing_ok=True)


def settle(file: BinaryIO, path: Path) -> None:
    """Give a staged file its name: after a crash at any moment there is the whole old file or the whole new one."""
    file.flush()
    os.fsync(file.fileno())
    lasting(path.parent)
    Path(file.name).replace(path)
    sync(path.parent)


def lasting(folder: Path) -> None:
    """Make the folder, and its name in the one above, outlive a power cut."""
    if not folder.is_dir():
        lasting(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def sync(folder: Path) -> None:
    """Have the names in the folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
