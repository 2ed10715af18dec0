"""Kaggle data sets in a cache that holds complete, verified archives only.

cache/kaggle/OWNER/SLUG/VERSION/ holds SLUG.zip and manifest.json; one rename puts both in place.
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
from charrec.data.sources.kaggle_calls import Client, Fetched
from charrec.data.sources.kaggle_credentials import credentials_found
from charrec.errors import InputError

__all__ = ["Download", "credentials_found", "download"]

logger = logging.getLogger(__name__)

NAME = re.compile(r"([A-Za-z0-9][\w-]*/[A-Za-z0-9][\w-]*)(?:/([1-9]\d*))?", re.ASCII)
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Download:
    """A complete archive in the cache."""

    path: Path
    dataset: str  # owner/slug
    version: int
    licence: str  # quoted from Kaggle, "" if it states none
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
    pace: float = 10.0,
) -> Download:
    """The archive of `owner/slug` or `owner/slug/VERSION`: from the cache, else from Kaggle.

    Without a version, it takes the newest one in the cache; if the cache has none, or with `current`, it takes Kaggle's
    current one. A damaged copy is downloaded again. Raises InputError for a permanent failure, ConnectionError after
    `attempts` transient ones in a row that fetched nothing, DiskError for a full disk, TimeoutError after `deadline`
    seconds; the next call resumes a partial download. Every `pace` seconds it logs how much there is.
    """
    match = NAME.fullmatch(dataset)
    if not match:
        raise InputError(f"Kaggle data set {dataset!r}", "owner/slug or owner/slug/version", "Check the name.")
    name, pinned = match[1], int(match[2] or 0) or None
    shelf = cache / "kaggle" / name
    client = Client(environ, now() + deadline, attempts, sleep, now, pace)
    if current and not pinned:
        client.require_credentials(name)
        pinned = client.current(name)
    kept = _cached(shelf, name, pinned or _newest(shelf))
    if kept:
        return kept
    client.require_credentials(name)
    shelf.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(shelf / ".lock", timeout=deadline):
            version = pinned or _newest(shelf)
            return _cached(shelf, name, version) or _fetch(shelf, name, version, client)
    except Timeout as error:
        raise TimeoutError(f"{name}: another process has been downloading it for {deadline:.0f} s") from error


def _newest(shelf: Path) -> int | None:
    """The highest version in the cache."""
    return max((int(folder.name) for folder in shelf.glob("[1-9]*") if folder.name.isdecimal()), default=None)


def _cached(shelf: Path, name: str, version: int | None) -> Download | None:
    """The cached copy, if it exists and matches the SHA-256 in its manifest."""
    folder = shelf / str(version)
    if version is None or not folder.is_dir():
        return None
    with suppress(OSError, ValueError, KeyError, TypeError):  # any of these means a damaged copy
        manifest = json.loads((folder / MANIFEST).read_text())
        path = folder / manifest["file"]
        if fingerprint(path) == manifest["sha256"]:
            logger.info("%s, version %d, is in the cache", name, version)
            return Download(path, name, version, manifest["licence"], manifest["sha256"])
    logger.warning("%s is damaged", folder)
    return None


def _fetch(shelf: Path, name: str, version: int | None, client: Client) -> Download:
    """Download to a staging folder, verify, then move into place. A corrupt archive is downloaded once more."""
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
        found = f"Kaggle's archive of {name}, version {version}, was corrupt twice ({flaw})"
        raise InputError(found, "a complete zip", "Try again later, or pin another version: owner/slug/version.")
    except InputError:
        if not any(staging.glob("*/*.zip")):  # a partial download stays for the next call to resume
            shutil.rmtree(staging, ignore_errors=True)
        raise


def _flaw(archive: Path) -> str:
    """A zip's first defect, found by reading every member; "" if there is none."""
    try:
        with zipfile.ZipFile(archive) as content:
            member = content.testzip()
    except (OSError, *DAMAGE) as error:
        return str(error)
    return f"bad CRC-32 in {member}" if member else ""


def _keep(shelf: Path, name: str, archive: Path, fetched: Fetched, now: float) -> Download:
    folder = shelf / str(fetched.version)
    kept = Download(folder / archive.name, name, fetched.version, fetched.licence, fingerprint(archive))
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
        other.unlink()  # the client's bookkeeping
    (archive.parent / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    shutil.rmtree(folder, ignore_errors=True)  # a damaged copy
    archive.parent.rename(folder)
    shutil.rmtree(archive.parent.parent)
    logger.info("%s, version %d, is now in the cache", name, fetched.version)
    return kept
