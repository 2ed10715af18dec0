"""Every image under a prefix of the store -> the characters that a network reads, as a CSV file."""

import csv
import logging
from functools import partial
from io import BytesIO, StringIO
from typing import Any

from charrec.errors import InputError
from charrec.memo.step import Bench, Step
from charrec.results import ReadResult
from charrec.serving.candidate import Trained
from charrec.serving.files import BYTES, File, bounded
from charrec.serving.reading import Failure, read_each
from charrec.serving.recognition import Recognition
from charrec.storage import NotFound, Store, Unrecorded
from charrec.storage.interface import corrupt
from charrec.study import Frozen

log = logging.getLogger(__name__)

HEAD = ("image", "first", "probability", "second", "third", "likeness", "stranger", "error")


class Given(Frozen):
    prefix: str
    network: Trained
    images: dict[str, str]  # key -> SHA-256


def images_under(prefix: str, store: Store) -> dict[str, str]:
    """Key -> SHA-256 of each object. Raises InputError where there is none, or a damaged one."""
    keys = [entry.key for entry in store.list(f"{prefix.rstrip('/')}/")]
    if not keys:
        raise InputError(f"{store.url}/{prefix} is empty", "images of one character each", "Upload them there first.")
    return {key: _digest(key, store) for key in keys}


def _digest(key: str, store: Store) -> str:
    """As it was recorded; of the bytes themselves where another tool uploaded them, which recorded nothing."""
    try:
        if digest := store.sha256(key):
            return digest
    except Unrecorded:
        return store.seen(key).sha256
    store.get(key)  # raises, with both digests
    return _digest(key, store)  # it was written anew at this very moment


def compute(given: Given, bench: Bench) -> ReadResult:
    """An object that is no image, or is too large for one, becomes a row that says so."""
    sizes = {entry.key: entry.size for entry in bench.store.list(f"{given.prefix.rstrip('/')}/")}
    files = [
        File(key, partial(_content, key, digest, sizes.get(key, 0), bench.store))
        for key, digest in given.images.items()
    ]
    unreadable = 0
    text = StringIO()
    writer = csv.DictWriter(text, HEAD, lineterminator="\n")
    writer.writeheader()
    for one in read_each(files, given.network, bench.store, top=3):
        if isinstance(one, Failure):
            unreadable += 1
            log.warning("%s", one.error)
        writer.writerow(_row(one))
    table = bench.put(f"{READ.key(given)}/read.csv", text.getvalue().encode())
    log.info("%d images under %s, %d of them unreadable: %s", len(files), given.prefix, unreadable, table.key)
    return ReadResult(images=len(files), unreadable=unreadable, table=table)


def _content(key: str, digest: str, size: int, store: Store) -> bytes:
    """The bytes that were listed. Raises InputError where they are too many, gone, or others by now."""
    if size > BYTES:
        return bounded(key, None, size)
    content = BytesIO()
    try:
        found = store.seen(key, content).sha256
    except NotFound:
        raise InputError(f"{store.url}/{key} is gone", "the image that was listed", "Upload it again.") from None
    if found != digest:
        raise corrupt(f"{store.url}/{key}", found, digest)
    return bounded(key, content.getvalue(), size)


def _row(one: Recognition | Failure) -> dict[str, Any]:
    if isinstance(one, Failure):
        return dict(zip(HEAD, (one.name, "", "", "", "", "", "", one.error), strict=True))
    first, second, third = one.top
    characters = (first.character, round(first.probability, 4), second.character, third.character)
    likeness = "" if one.likeness is None else round(one.likeness, 4)
    stranger = "" if one.likeness is None else ("yes" if one.stranger else "no")
    return dict(zip(HEAD, (one.name, *characters, likeness, stranger, ""), strict=True))


READ = Step("read {given.prefix}", "readings/", Given, ReadResult, compute)
