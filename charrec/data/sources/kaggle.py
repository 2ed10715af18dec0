"""Kaggle data sets in a cache that holds whole, checked archives or nothing.

cache/kaggle/OWNER/SLUG/VERSION/ holds SLUG.zip and manifest.json; it appears by one rename.
"""

import json
import logging
import os
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as package_version
from pathlib import Path

from filelock import FileLock, Timeout

from charrec.data.sources.files import DAMAGE, fingerprint
from charrec.data.sources.kaggle_calls import Client, Fetched, credentials_found
from charrec.errors import InputError

__all__ = ["Download", "credentials_found", "download"]

logger = logging.getLogger(__name__)

NAME = re.compile(r"([A-Za-z0-9][\w-]*/[A-Za-z0-9][\w-]*)(?:/([1-9]\d*))?", re.ASCII)
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Download:
    """A whole archive in the cache."""

    path: Path
    dataset: str  # owner/slug
    version: int
    licence: str  # as Kaggle names it, "" if it names none
    sha256: str


def download(
    dataset: str,
    cache: Path,
    *,
    current: bool = False,
    deadline: float = 1800,
    attempts: int = 5,
    environ: Mapping[str, str] = os.environ,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.time,
) -> Download:
    """The archive of `owner/slug` or `owner/slug/VERSION`: from the cache, else from Kaggle.

    Without a version, the newest one in the cache is taken, and only if there is none, or if `current` asks for it,
    Kaggle's current one. A damaged copy is fetched again. Raises InputError for what waiting cannot mend, else
    ConnectionError after `attempts` failures or TimeoutError after `deadline` seconds; a part that arrived is kept and
    completed by the next call.
    """
    match = NAME.fullmatch(dataset)
    if not match:
        raise InputError(f"Kaggle data set {dataset!r}", "owner/slug or owner/slug/version", "Check the name.")
    name, pinned = match[1], int(match[2] or 0) or None
    shelf = cache / "kaggle" / name
    client = Client(environ, now() + deadline, attempts, sleep, now)
    if current and not pinned:
        client.require_credentials(name)
        pinned = client.current(name)
    kept = _kept(shelf, name, pinned or _newest(shelf))
    if kept:
        return kept
    client.require_credentials(name)
    shelf.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(shelf / ".lock", timeout=deadline):
            version = pinned or _newest(shelf)
            return _kept(shelf, name, version) or _fetch(shelf, name, version, client)
    except Timeout as error:
        raise TimeoutError(f"{name}: another process has been fetching it for {deadline:.0f} s") from error


def _newest(shelf: Path) -> int | None:
    """The highest version in the cache."""
    return max((int(folder.name) for folder in shelf.glob("[1-9]*") if folder.name.isdecimal()), default=None)


def _kept(shelf: Path, name: str, version: int | None) -> Download | None:
    """The copy in the cache if it is there and has the SHA-256 of its manifest."""
    folder = shelf / str(version)
    if version is None or not folder.is_dir():
        return None
    with suppress(OSError, ValueError, KeyError, TypeError):  # whichever it is: damaged
        known = json.loads((folder / MANIFEST).read_text())
        path = folder / known["file"]
        if fingerprint(path) == known["sha256"]:
            logger.info("%s, version %d, is in the cache", name, version)
            return Download(path, name, version, known["licence"], known["sha256"])
    logger.warning("%s is damaged", folder)
    return None


def _fetch(shelf: Path, name: str, version: int | None, client: Client) -> Download:
    """Into a folder of its own, checked, then in place at once. A corrupt archive is fetched once more."""
    staging = shelf / ".staging"
    flaw = ""
    try:
        for _ in range(2):
            fetched = client.fetch(name, version, staging)
            version = fetched.version
            archive = staging / str(version) / f"{name.split('/')[1]}.zip"
            flaw = _flaw(archive)
            if not flaw:
                return _keep(shelf, name, archive, fetched, client.now())
            logger.warning("%s, version %d: the archive is corrupt (%s)", name, version, flaw)
            shutil.rmtree(staging)
        found = f"Kaggle's archive of {name}, version {version}, is corrupt, twice ({flaw})"
        raise InputError(found, "a whole zip", "Try again later, or pin another version: owner/slug/version.")
    except InputError:
        shutil.rmtree(staging, ignore_errors=True)  # but a part of a good archive stays, to be completed
        raise


def _flaw(archive: Path) -> str:
    """What is wrong with a zip, every member read; "" if nothing."""
    try:
        with zipfile.ZipFile(archive) as content:
            member = content.testzip()
    except (OSError, *DAMAGE) as error:
        return str(error)
    return f"bad CRC-32 in {member}" if member else ""


def _keep(shelf: Path, name: str, archive: Path, fetched: Fetched, now: float) -> Download:
    place = shelf / str(fetched.version)
    kept = Download(place / archive.name, name, fetched.version, fetched.licence, fingerprint(archive))
    manifest = {
        "file": archive.name,
        "bytes": archive.stat().st_size,
        "sha256": kept.sha256,
        "dataset": name,
        "version": kept.version,
        "licence": kept.licence,
        "source": f"https://www.kaggle.com/datasets/{name}/versions/{kept.version}",
        "fetched": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        "client": f"kaggle {package_version('kaggle')}",
    }
    for other in set(archive.parent.iterdir()) - {archive}:
        other.unlink()  # the client's notes
    (archive.parent / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    shutil.rmtree(place, ignore_errors=True)  # a damaged copy
    archive.parent.rename(place)
    shutil.rmtree(archive.parent.parent)
    logger.info("%s, version %d, is now in the cache", name, fetched.version)
    return kept
