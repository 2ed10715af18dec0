"""Every image under a prefix of the store -> the characters that a network reads, as a CSV file."""

import csv
import logging
from io import StringIO
from typing import Any

from charrec.errors import InputError
from charrec.memo.step import Bench, Step
from charrec.results import ReadResult
from charrec.serving.candidate import Trained
from charrec.serving.recognition import Recognition, glyph, recognise
from charrec.storage import Store
from charrec.study import Frozen

log = logging.getLogger(__name__)

HEAD = ("image", "first", "probability", "second", "third", "error")


class Given(Frozen):
    prefix: str
    network: Trained
    images: dict[str, str]  # key -> SHA-256


def images_under(prefix: str, store: Store) -> dict[str, str]:
    """Key -> SHA-256 of each object. Raises InputError where there is none, or a damaged one."""
    keys = [entry.key for entry in store.list(f"{prefix.rstrip('/')}/")]
    if not keys:
        raise InputError(f"{store.url}/{prefix} is empty", "images of one character each", "Upload them there first.")
    return {key: store.sha256(key) or _damaged(key, store) for key in keys}


def _damaged(key: str, store: Store) -> str:
    store.get(key)  # raises, with both digests
    raise InputError(
        f"{store.url}/{key} has no recorded SHA-256", "an object that charrec can verify", "Upload it anew."
    )


def compute(given: Given, bench: Bench) -> ReadResult:
    """An object that is no image becomes a row that says so."""
    glyphs, errors = {}, {}
    for key in given.images:
        try:
            glyphs[key] = glyph(key, bench.store.get(key), given.network.recipe.image_size)
        except InputError as error:
            log.warning("%s", error)
            errors[key] = str(error)
    read = {one.name: one for one in recognise(list(glyphs), list(glyphs.values()), given.network, bench.store, top=3)}
    text = StringIO()
    writer = csv.DictWriter(text, HEAD, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(key, read.get(key), errors.get(key, "")) for key in given.images)
    table = bench.put(f"{READ.key(given)}/read.csv", text.getvalue().encode())
    log.info("%d images under %s, %d of them unreadable: %s", len(given.images), given.prefix, len(errors), table.key)
    return ReadResult(images=len(given.images), unreadable=len(errors), table=table)


def _row(key: str, read: Recognition | None, error: str) -> dict[str, Any]:
    if read is None:
        return dict(zip(HEAD, (key, "", "", "", "", error), strict=True))
    first, second, third = read.top
    values = (key, first.character, round(first.probability, 4), second.character, third.character, "")
    return dict(zip(HEAD, values, strict=True))


READ = Step("read {given.prefix}", "readings/", Given, ReadResult, compute)
