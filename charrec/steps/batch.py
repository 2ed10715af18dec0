"""Every image under a prefix of the store -> what a network takes it for."""

import csv
import logging
from hashlib import sha256
from io import StringIO
from typing import Any

from charrec.commands.predict import in_use, named
from charrec.errors import InputError
from charrec.memo.identity import identity
from charrec.serving.recognition import Recognition, glyph, recognise
from charrec.storage import open_store
from charrec.study import Runtime

log = logging.getLogger(__name__)

HEAD = ("image", "first", "probability", "second", "third", "error")


def predict_under(prefix: str, model: str | None, runtime: Runtime) -> tuple[str, list[dict[str, Any]]]:
    """The key of the CSV with all rows, and the rows. The same images and network give the same key.

    Raises InputError where nothing lies under the prefix.
    """
    store = open_store(runtime.store, endpoint=runtime.endpoint)
    network = named(store, model) if model else in_use(store)[1]
    keys = sorted(entry.key for entry in store.list(f"{prefix.rstrip('/')}/"))
    if not keys:
        raise InputError(f"{store.url}/{prefix} is empty", "images of one character each", "Upload them there first.")
    digests, glyphs, errors = {}, {}, {}
    for key in keys:
        content = store.get(key)
        digests[key] = sha256(content).hexdigest()
        try:
            glyphs[key] = glyph(key, content, network.recipe.image_size)
        except InputError as error:
            log.warning("%s", error)
            errors[key] = str(error)
    read = {one.name: one for one in recognise(list(glyphs), list(glyphs.values()), network, store, top=3)}
    rows = [_row(key, read.get(key), errors.get(key, "")) for key in keys]
    name = f"predictions/{prefix.strip('/')}-{identity(digests, network.weights_sha256)}.csv"
    text = StringIO()
    writer = csv.DictWriter(text, HEAD, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    store.put(name, text.getvalue().encode())
    log.info(
        "%d images under %s, %d of them no images: %s", len(rows), prefix, sum(bool(r["error"]) for r in rows), name
    )
    return name, rows


def _row(key: str, read: Recognition | None, error: str) -> dict[str, Any]:
    if read is None:
        return dict(zip(HEAD, (key, "", "", "", "", error), strict=True))
    first, second, third = read.top
    values = (key, first.character, round(first.probability, 4), second.character, third.character, "")
    return dict(zip(HEAD, values, strict=True))
