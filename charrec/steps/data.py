"""Fetch and pack; load what a training needs."""

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from charrec.data.glyphs import Manifest, load_columns, load_images, pack
from charrec.data.sources import Role, locate, read
from charrec.data.split import split
from charrec.errors import InputError
from charrec.memo.identity import identity
from charrec.memo.outcome import Outcome, remember
from charrec.steps.store import store_of
from charrec.storage import Store, open_store
from charrec.study import Runtime, Study
from charrec.sweep.plan import Sweep
from charrec.training.recipe import Arrays

READERS = {
    ("glyphs", "files"): "charrec.data.sources.chars74k",
    ("letters", "files"): "charrec.data.sources.alphabet_fonts",
    ("digits", "files"): "charrec.data.sources.mnist",
    ("glyphs", "fonts"): "charrec.data.sources.fonts",
    ("letters", "fonts"): "charrec.data.sources.fonts",
    ("digits", "sklearn"): "charrec.data.sources.handwriting",
}


def pack_set(role: Role, study: Study, runtime: Runtime) -> Outcome[Manifest]:
    """The packed set of a role: `glyphs.parquet` and what it holds."""
    source = locate(role, study.data, runtime.cache, runtime.current_data)
    chosen = {
        "glyphs": [study.data.fonts],
        "letters": [study.data.letters_per_class, study.seed],
        "digits": [],
    }[role]
    code = ("charrec.data.glyphs", READERS[role, source.kind])
    key = f"{role}/{identity(source.identity, chosen, code=code)}"
    store = open_store(runtime.store, endpoint=runtime.endpoint)

    def compute() -> Manifest:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "glyphs.parquet"
            manifest = pack(read(source, study.data, study.seed), path)
            store.upload(path, parquet(key))
        return manifest

    return remember(store, key, Manifest, compute)


def parquet(key: str) -> str:
    """Where a packed set lies in the store."""
    return f"{key}/glyphs.parquet"


def local(key: str, runtime: Runtime) -> Path:
    """A verified local file with the packed set."""
    return store_of(runtime).local(parquet(key), runtime.cache)


def halves(study: Study, columns: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the study's training and validation images."""
    return split(columns, study.split, study.validation_fraction, study.seed)


def arrays(study: Study, glyphs: Outcome[Manifest], runtime: Runtime) -> Arrays:
    """Everything that a training reads, resident; a process that trains again on the same keeps it."""
    return _arrays(local(glyphs.key, runtime), study.image_size, study.split, study.validation_fraction, study.seed)


def resident(store: Store, sweep: Sweep, cache: Path) -> Arrays:
    """What the trials of a search train on, for a worker that was told no more than where the search is.

    Raises InputError where the search does not say.
    """
    if sweep.glyphs is None:
        raise InputError(
            f"the search {sweep.key} does not say where its images are",
            "one that a study began",
            "Call charrec.sweep.work with the images.",
        )
    packed = store.local(parquet(sweep.glyphs.key), cache)
    how = sweep.recipe
    return _arrays(packed, how.image_size, sweep.glyphs.split, sweep.glyphs.validation_fraction, how.seed)


@lru_cache(maxsize=1)
def _arrays(path: Path, size: int, kind: str, fraction: float, seed: int) -> Arrays:
    columns = load_columns(path)
    return Arrays(load_images(path, size), columns["label"].to_numpy(np.int64), *split(columns, kind, fraction, seed))
