"""A store that waits out an outage: what a worker uses that nobody watches."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from charrec.storage.backoff import retried, waits
from charrec.storage.interface import Entry, Seen, Store

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)

LONGEST = 15.0  # seconds between two tries


class PatientStore:
    """The same store, but a ConnectionError or TimeoutError counts only after `seconds` of them.

    A `create` or `swap` whose reply was lost may have happened and then ends in Conflict: whoever calls them
    looks whether what it finds is its own, as it must anyway.
    """

    def __init__(self, store: Store, seconds: float) -> None:
        self.store, self.seconds = store, seconds

    @property
    def url(self) -> str:
        return self.store.url

    def get(self, key: str) -> bytes:
        return self._patiently(lambda: self.store.get(key))

    def read(self, key: str) -> tuple[bytes, str]:
        return self._patiently(lambda: self.store.read(key))

    def put(self, key: str, data: bytes) -> str:
        return self._patiently(lambda: self.store.put(key, data))

    def create(self, key: str, data: bytes) -> str:
        return self._patiently(lambda: self.store.create(key, data))

    def swap(self, key: str, data: bytes, version: str) -> str:
        return self._patiently(lambda: self.store.swap(key, data, version))

    def exists(self, key: str) -> bool:
        return self._patiently(lambda: self.store.exists(key))

    def sha256(self, key: str) -> str | None:
        return self._patiently(lambda: self.store.sha256(key))

    def seen(self, key: str, sink: BinaryIO | None = None) -> Seen:
        return self._patiently(lambda: self.store.seen(key, sink))

    def record(self, key: str, seen: Seen) -> None:
        self._patiently(lambda: self.store.record(key, seen))

    def list(self, prefix: str = "") -> list[Entry]:
        return self._patiently(lambda: self.store.list(prefix))

    def now(self) -> float | None:
        return self.store.now()

    def delete(self, key: str) -> None:
        self._patiently(lambda: self.store.delete(key))

    def upload(self, path: Path, key: str) -> str:
        return self._patiently(lambda: self.store.upload(path, key))

    def download(self, key: str, path: Path) -> None:
        self._patiently(lambda: self.store.download(key, path))

    def local(self, key: str, cache: Path) -> Path:
        return self._patiently(lambda: self.store.local(key, cache))

    def _patiently(self, call: Callable[[], Answer]) -> Answer:
        return retried(call, _outage, waits(1.0, LONGEST, total=self.seconds))


def _outage(error: Exception) -> bool:
    if not isinstance(error, ConnectionError | TimeoutError):
        return False
    log.warning("%s; trying again", error)
    return True
