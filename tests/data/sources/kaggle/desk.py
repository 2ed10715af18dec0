"""One user's machine before a server that speaks Kaggle's protocol."""

import base64
import io
import zipfile
from pathlib import Path
from typing import Any

from charrec.data.sources.kaggle import Download, download
from tests.data.sources.kaggle.server import KEY, SIGNATURE, TOKEN, USERNAME, Kaggle


def archive(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr("glyphs.bin", content)
    return target.getvalue()


OLD, NEW = archive(b"old" * 1000), archive(b"new" * 1000)
CORRUPT = NEW.replace(b"new", b"NEW")  # no longer matches its CRC
CACHED = ["kaggle/owner/fonts/3/fonts.zip", "kaggle/owner/fonts/3/manifest.json"]  # of the newest version


class Clock:
    """A fake clock; sleeping advances it without waiting."""

    def __init__(self) -> None:
        self.time, self.slept = 1_700_000_000.0, list[float]()

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class Desk:
    """One user's machine: a home folder, a cache, a clock."""

    def __init__(self, kaggle: Kaggle, folder: Path) -> None:
        self.kaggle, self.home, self.cache, self.clock = kaggle, folder / "home", folder / "cache", Clock()
        self.home.mkdir()
        self.environ = kaggle.environ(self.home)

    def download(self, dataset: str = "owner/fonts", **more: Any) -> Download:
        defaults = {"environ": self.environ, "sleep": self.clock.sleep, "now": self.clock.now}
        return download(dataset, self.cache, **defaults | more)

    def files(self) -> list[str]:
        """The files in the cache, except the lock."""
        paths = [path for path in self.cache.rglob("*") if path.is_file() and path.name != ".lock"]
        return sorted(path.relative_to(self.cache).as_posix() for path in paths)


def hold_no_secret(text: str) -> None:
    for secret in (KEY, TOKEN, SIGNATURE, base64.b64encode(f"{USERNAME}:{KEY}".encode()).decode()):
        assert secret not in text
