"""A located source -> `glyphs.parquet`, one row an image."""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from charrec.data.glyphs import FILE
from charrec.data.packing import pack
from charrec.data.sources.damage import scratch
from charrec.data.sources.source import Selection, Source, read
from charrec.memo.step import Bench, Step
from charrec.results import PackResult, Stored
from charrec.study import Frozen


class Given(Frozen):
    source: Source
    selection: Selection


def compute(given: Given, bench: Bench) -> PackResult:
    """Raises InputError for a source that is not as its role expects, and for a full temporary folder."""
    key = f"{PACK.key(given)}/{FILE}"
    images = read(given.source, given.selection)
    with ExitStack() as stack:
        with scratch(f"the packed {given.source.role}"):
            path = Path(stack.enter_context(TemporaryDirectory())) / FILE
            manifest = pack(images, path)
        return PackResult(manifest=manifest, file=Stored(key=key, sha256=bench.store.upload(path, key)))


PACK = Step("pack {given.source.role}", "{given.source.role}/", Given, PackResult, compute)
