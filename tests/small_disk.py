"""A disk that is really full: a tmpfs of a few kilobytes, which only root can mount."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import pytest


@dataclass(frozen=True)
class SmallDisk:
    path: Path

    def enlarge(self, size: str) -> None:
        """As in "8m"."""
        _ran("mount", "-o", f"remount,size={size}", str(self.path))

    def fill(self) -> None:
        """Leave no byte."""
        full = pytest.raises(OSError, match="No space left")
        with (self.path / "ballast").open("ab", buffering=0) as ballast, full:
            all(map(ballast.write, repeat(bytes(4096))))

    def clear(self) -> None:
        (self.path / "ballast").unlink(missing_ok=True)


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[SmallDisk]:
    """A disk of this size, as in "64k", at this folder. Skips the test where none can be mounted."""
    path.mkdir()
    try:
        _ran("mount", "-t", "tmpfs", "-o", f"size={size}", "charrec-test", str(path))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"only root may mount a small disk ({getattr(error, 'stderr', None) or error})")
    try:
        yield SmallDisk(path)
    finally:
        _ran("umount", "--lazy", str(path))


def _ran(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
