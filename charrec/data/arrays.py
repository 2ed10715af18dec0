"""Everything that a training reads, resident in memory."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd

from charrec.data.glyphs import load_columns, load_images
from charrec.data.split import split
from charrec.results import PackResult
from charrec.storage import Store
from charrec.study import UNCOUNTED, Frozen, Study


class Packed(Frozen):
    """A packed set as later steps are given it: its content counts, not where it lies."""

    digest: str  # of the manifest
    key: Annotated[str, UNCOUNTED]  # of its file in the store

    @classmethod
    def of(cls, result: PackResult) -> "Packed":
        return cls(digest=result.manifest.digest, key=result.file.key)

    def local(self, store: Store, cache: Path) -> Path:
        """A verified local file of the set."""
        return store.local(self.key, cache)


class Glyphs(Frozen):
    """A packed set and its split into training and validation."""

    packed: Packed
    split: Literal["random", "font"]
    validation_fraction: float
    seed: int  # of the split

    @classmethod
    def of(cls, study: Study, result: PackResult) -> "Glyphs":
        """The set as a study splits it."""
        return cls(
            packed=Packed.of(result),
            split=study.split,
            validation_fraction=study.validation_fraction,
            seed=study.seed,
        )

    def halves(self, columns: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the training and of the validation images."""
        return split(columns, self.split, self.validation_fraction, self.seed)


@dataclass(frozen=True)
class Arrays:
    """The images, resident, and which of them train and validate; nothing is read or decoded later."""

    images: np.ndarray  # (n, size, size) uint8
    labels: np.ndarray  # (n,) int64
    training: np.ndarray  # (k,) int64, positions in images
    validation: np.ndarray  # (m,) int64


def load_arrays(glyphs: Glyphs, size: int, store: Store, cache: Path) -> Arrays:
    """The set at `size` px; a process that trains again on the same set keeps it."""
    return _arrays(glyphs.packed.local(store, cache), glyphs, size)


@lru_cache(maxsize=1)
def _arrays(path: Path, glyphs: Glyphs, size: int) -> Arrays:
    columns = load_columns(path)
    return Arrays(load_images(path, size), columns["label"].to_numpy(np.int64), *glyphs.halves(columns))
