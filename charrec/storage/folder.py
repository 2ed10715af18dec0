"""A store in a folder, on one machine or shared by several."""

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from charrec.storage.backoff import waits
from charrec.storage.interface import (
    Conflict,
    Corrupt,
    Entry,
    NotFound,
    checked,
    checked_prefix,
    chunks_of,
    corrupt,
    pour,
    settle,
    staged,
)

LOOKS = 8  # in 0.25 s, at an object that does not fit its digest: it may just be changing
STALE = 24 * 3600  # seconds after which a temporary file belongs to a dead writer
MISSING = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class FolderStore:
    """Objects are plain files `<root>/<key>`, for people to open; beside them lie names that start with a dot.

    `.sha256/<key>` holds the digests that the object may have. A writer holds a lock and goes in three steps, each
    of them atomic and on the disk before the next: admit the new digest beside the old, rename the data, admit the
    new digest alone. Readers take no lock. A version is the SHA-256 of the content. Ages trust this machine's clock.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._swept = False

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
        return (self.root / checked(key)).is_file()

    def sha256(self, key: str) -> str | None:
        try:
            return self._fetch(key, None)
        except (NotFound, Corrupt):
            return None

    def list(self, prefix: str = "") -> list[Entry]:
        entries, now = [], time.time()
        for folder, folders, files in os.walk(self.root / checked_prefix(prefix).rpartition("/")[0]):
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
                entries.append(Entry(key, stat.st_size, modified, now - stat.st_mtime))
        return sorted(entries)

    def delete(self, key: str) -> None:
        path = self.root / checked(key)
        if not path.exists():
            return
        with self._lock(key):
            path.unlink(missing_ok=True)
            self._sidecar(key).unlink(missing_ok=True)  # last: a digest without data says nothing

    def upload(self, path: Path, key: str) -> str:
        with path.open("rb") as file:
            return self._write(key, file, lambda: None)

    def download(self, key: str, path: Path) -> None:
        with staged(path.parent) as file:
            self._fetch(key, file)
            settle(file, path)

    def local(self, key: str, cache: Path) -> Path:
        self._fetch(key, None)
        return self.root / key

    def _fetch(self, key: str, sink: BinaryIO | None) -> str:
        """Copy the object into the sink and return its verified SHA-256.

        The digests are read before and after the data: a reader is fooled only where two whole writes pass by in
        between, and then looks again.
        """
        path = self.root / checked(key)
        admitted: tuple[str, ...] = ()
        for look, wait in enumerate((*waits(0.002, 0.25, tries=LOOKS), None)):
            admitted = self._admitted(key)
            try:
                with path.open("rb") as file:
                    found = pour(chunks_of(file), sink)
            except MISSING:
                raise NotFound(key) from None
            if found in admitted or found in (admitted := self._admitted(key)):
                return found
            if wait is None or (not admitted and look > 2):  # nobody is writing it: it was put there by other means
                break
            time.sleep(wait)
        raise corrupt(str(path), found, " or ".join(admitted) or None)

    def _write(self, key: str, source: BinaryIO, allowed: Callable[[], None]) -> str:
        """Stage the bytes, then put them in their place if `allowed` does not raise under the lock."""
        path, sidecar = self.root / checked(key), self._sidecar(key)
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
        """The digests that the data may have now."""
        try:
            return tuple(self._sidecar(key).read_text().split())
        except MISSING:
            return ()

    def _admit(self, sidecar: Path, digests: tuple[str, ...]) -> None:
        with staged(self.root / ".tmp") as file:
            file.write("".join(f"{digest}\n" for digest in dict.fromkeys(digests)).encode())
            settle(file, sidecar)

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
