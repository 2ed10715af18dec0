"""A folder on disk as a source."""

import os
from collections.abc import Iterator
from pathlib import Path

from charrec.data.sources.names import is_litter, shown
from charrec.data.sources.tree import led_astray, walk
from charrec.errors import InputError


def walk_folder(path: Path) -> Iterator[tuple[str, str, os.stat_result]]:
    """(name, true path, status) of every file below the folder. Raises OSError, and InputError for what is refused."""
    root = os.path.realpath(path)

    def children(folder: str, prefix: str) -> Iterator[tuple[str, str, bool]]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_litter(entry.name):
                    continue
                place = _followed(path, root, prefix, entry) if entry.is_symlink() else entry.path
                if not (entry.is_dir() or entry.is_file()):
                    found = f"{path}: {shown(prefix + entry.name)} is a pipe, a socket or a device"
                    raise InputError(found, "files and folders", "Remove it.")
                yield entry.name, place, entry.is_dir()

    for name, place in walk(path, root, children):
        yield name, place, Path(place).stat()


def _followed(path: Path, root: str, prefix: str, entry: "os.DirEntry[str]") -> str:
    """Where a link leads, if that is within the root."""
    target = str(Path(entry.path).readlink())
    try:
        place = os.path.realpath(entry.path, strict=True)
    except FileNotFoundError as error:
        raise led_astray(path, prefix + entry.name, target, "which does not exist") from error
    except OSError as error:  # ELOOP
        raise led_astray(path, prefix + entry.name, target, f"which leads nowhere ({error.strerror})") from error
    if place != root and not place.startswith(root.rstrip("/") + "/"):
        raise led_astray(path, prefix + entry.name, target, "which lies outside of it")
    return place
