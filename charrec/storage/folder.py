"""A store in a folder, on one machine or shared by several."""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from errno import ENOTDIR
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from charrec.storage.backoff import waits
from charrec.storage.disk import FULL, told
from charrec.storage.interface import (
    Conflict,
    Corrupt,
    Entry,
    NotFound,
    Seen,
    checked,
    checked_prefix,
    chunks_of,
    corrupt,
    pour,
    settle,
    staged,
    unrecorded,
)

LOOKS = 8  # in 0.25 s, at an object that does not fit its digest: it may just be changing
STALE = 24 * 3600  # seconds after which a temporary file belongs to a dead writer
MISSING = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
DIGEST = re.compile(rb"\b[0-9a-f]{64}\b")
DIGESTS = 1 << 16  # bytes read of a file of digests; charrec writes two of 65 at most


class FolderStore:
    """Objects are plain files `<root>/<key>`, for people to open; beside them lie names that start with a dot.

    `.sha256/<key>` holds the digests that the object may have. A writer holds a lock and goes in three steps, each
    of them atomic and on the disk before the next: admit the new digest beside the old, rename the data, admit the
    new digest alone. Readers take no lock. A version is the SHA-256 of the content. Ages trust this machine's clock.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._swept = False
        with self._told(self.root):
            if self.root.exists() and not self.root.is_dir():
                raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR))

    @property
    def url(self) -> str:
        return self.root.as_uri()

    def get(self, key: str) -> bytes:
        return self.read(key)[0]

    def read(self, key: str) -> tuple[bytes, str]:
        sink = BytesIO()
        version = self._fetch(key, sink)
        return sink.getvalue(), version

    def put(self, key: str, data: bytes) -> str:
        return self._write(key, BytesIO(data), lambda: None)

    def create(self, key: str, data: bytes) -> str:
        def absent() -> None:
            if self.exists(key):
                raise Conflict(f"{key} exists already")

        return self._write(key, BytesIO(data), absent)

    def swap(self, key: str, data: bytes, version: str) -> str:
        def unchanged() -> None:
            try:
                found = self._fetch(key, None)
            except NotFound:
                found = None
            if found != version:
                raise Conflict(f"{key} has changed or vanished since it was read")

        return self._write(key, BytesIO(data), unchanged)

    def exists(self, key: str) -> bool:
        path = self.root / checked(key)
        with self._told(path):
            return path.is_file()

    def sha256(self, key: str) -> str | None:
        try:
            return self._fetch(key, None)
        except (NotFound, Corrupt):
            return None

    def seen(self, key: str, sink: BinaryIO | None = None) -> Seen:
        found, admitted = self._seen(key, sink)
        return Seen(found, admitted, found)

    def record(self, key: str, seen: Seen) -> None:
        with self._told(self._sidecar(checked(key))), self._lock(key):
            if self._seen(key, None)[0] != seen.sha256:
                raise Conflict(f"{key} has changed since it was read")
            self._admit(self._sidecar(key), (seen.sha256,))

    def list(self, prefix: str = "") -> list[Entry]:
        top = self.root / checked_prefix(prefix).rpartition("/")[0]
        with self._told(top):
            return sorted(self._entries(prefix, top))

    def _entries(self, prefix: str, top: Path) -> Iterator[Entry]:
        now = time.time()
        for folder, folders, files in os.walk(top, onerror=_unless_missing):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                path = Path(folder, name)
                key = path.relative_to(self.root).as_posix()
                if name.startswith(".") or not key.startswith(prefix):
                    continue
                try:
                    stat = path.stat()
                except FileNotFoundError:  # deleted since the folder was read
                    continue
                modified = datetime.fromtimestamp(stat.st_mtime, UTC)
                yield Entry(key, stat.st_size, modified, now - stat.st_mtime)

    def now(self) -> float | None:
        return time.time()

    def delete(self, key: str) -> None:
        path = self.root / checked(key)
        with self._told(path):
            if not path.exists():
                return
        with self._told(path), self._lock(key):
            path.unlink(missing_ok=True)
            self._sidecar(key).unlink(missing_ok=True)  # last: a digest without data says nothing

    def upload(self, path: Path, key: str) -> str:
        with path.open("rb") as file:
            return self._write(key, file, lambda: None)

    def download(self, key: str, path: Path) -> None:
        with told(path, f"a copy from {self.url}"), staged(path.parent) as file:
            self._fetch(key, file)
            settle(file, path)

    def local(self, key: str, cache: Path) -> Path:
        self._fetch(key, None)
        return self.root / key

    def _fetch(self, key: str, sink: BinaryIO | None) -> str:
        """Copy the object into the sink and return its verified SHA-256."""
        found, admitted = self._seen(key, sink)
        if found in admitted:
            return found
        path = self.root / key
        if admitted:
            raise corrupt(str(path), found, " or ".join(admitted))
        hidden = self.root / ".sha256"
        why = "" if hidden.is_dir() else f": the hidden folder {hidden} is missing, as after a copy of {self.root}/*"
        raise unrecorded(str(path), why, str(self.root))

    def _seen(self, key: str, sink: BinaryIO | None) -> tuple[str, tuple[str, ...]]:
        """Copy the object into the sink; its SHA-256, and the digests that it may have.

        The digests are read before and after the data: a reader is fooled only where two whole writes pass by in
        between, and then looks again.
        """
        path = self.root / checked(key)
        admitted: tuple[str, ...] = ()
        found = ""
        for look, wait in enumerate((*waits(0.002, 0.25, tries=LOOKS), None)):
            admitted = self._admitted(key)
            found = self._poured(path, key, sink)
            if found in admitted or found in (admitted := self._admitted(key)):
                break
            if wait is None or (not admitted and look > 2):  # nobody is writing it: it was put there by other means
                break
            time.sleep(wait)
        return found, admitted

    def _poured(self, path: Path, key: str, sink: BinaryIO | None) -> str:
        try:
            with path.open("rb") as file:
                return pour(chunks_of(file), sink)
        except MISSING:
            raise NotFound(key) from None
        except OSError as error:
            if error.errno in FULL:  # the sink's, for to read takes no room
                raise
            with self._told(path):
                raise

    def _write(self, key: str, source: BinaryIO, allowed: Callable[[], None]) -> str:
        """Stage the bytes, then put them in their place if `allowed` does not raise under the lock."""
        path, sidecar = self.root / checked(key), self._sidecar(key)
        with self._told(path):
            self._sweep()
            with staged(self.root / ".tmp") as file:
                digest = pour(chunks_of(source), file)
                file.flush()
                os.fsync(file.fileno())  # the long one, before the lock
                with self._lock(key):
                    allowed()
                    admitted = self._admitted(key) if path.exists() else ()
                    self._admit(sidecar, (*admitted, digest))
                    settle(file, path)
                    if admitted:
                        self._admit(sidecar, (digest,))
        return digest

    def _admitted(self, key: str) -> tuple[str, ...]:
        """The digests that the data may have now; whatever else a file of digests holds is nobody's record."""
        sidecar = self._sidecar(key)
        try:
            with sidecar.open("rb") as file:
                return tuple(digest.decode() for digest in DIGEST.findall(file.read(DIGESTS)))
        except MISSING:
            return ()
        except OSError:
            with self._told(sidecar):
                raise

    def _admit(self, sidecar: Path, digests: tuple[str, ...]) -> None:
        with staged(self.root / ".tmp") as file:
            file.write("".join(f"{digest}\n" for digest in dict.fromkeys(digests)).encode())
            settle(file, sidecar)

    def _told(self, path: Path) -> AbstractContextManager[None]:
        return told(path, f"the store {self.root}")

    def _sidecar(self, key: str) -> Path:
        return self.root / ".sha256" / key

    def _lock(self, key: str) -> AbstractContextManager[object]:
        """One of 256 locks; the kernel frees it when its holder dies. Raises TimeoutError after a minute."""
        from filelock import FileLock  # 0.1 s to import

        path = self.root / ".locks" / hashlib.sha256(key.encode()).hexdigest()[:2]
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path, timeout=60, poll_interval=0.005)

    def _sweep(self) -> None:
        """Once, before the first write: remove what killed writers left behind."""
        if not self._swept:
            self._swept = True
            for path in (self.root / ".tmp").glob("*"):
                with suppress(FileNotFoundError):  # another worker's, which has its name by now
                    if time.time() - path.stat().st_mtime > STALE:
                        path.unlink()


def _unless_missing(error: OSError) -> None:
    """A folder that cannot be read is an error; one that is not there, or was just deleted, is empty."""
    if not isinstance(error, MISSING):
        raise error
