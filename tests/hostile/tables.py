"""Doors: Parquet files, and the NumPy file of augmented images."""

import functools
import io
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from charrec.alphabet import CLASSES
from charrec.data.arrays import Glyphs, Packed, load_arrays
from charrec.data.glyphs import load_columns, load_images
from charrec.data.images import LabelledImages
from charrec.data.packing import pack
from charrec.data.twins import twins
from charrec.data.unavoidable import unavoidable
from charrec.evaluation.tables import as_table, labels_of, read_table
from charrec.serving.calibration import fitted
from charrec.steps.report import augmented_of
from charrec.storage.folder import FolderStore
from tests.hostile.door import MIB, Door
from tests.hostile.mutators import mutated_bytes, mutated_table

N, SIDE = 40, 32
GLYPHS = Glyphs(packed=Packed(digest="d", key="glyphs/glyphs.parquet"), split="font", validation_fraction=0.4, seed=1)
MEMORY = 128 * MIB


@functools.cache
def packed() -> bytes:
    rng = np.random.default_rng(1)
    images = LabelledImages(
        images=rng.integers(0, 256, (N, SIDE, SIDE), np.uint8),
        labels=np.arange(N) % 62,
        fonts=[f"font{n % 5}" for n in range(N)],
        styles=["regular"] * N,
        names=[f"{n}.png" for n in range(N)],
        source="", version="", licence="",
    )  # fmt: skip
    with TemporaryDirectory() as folder:
        pack(images, Path(folder, "x"))
        return Path(folder, "x").read_bytes()


def placed(folder: Path, key: str, data: bytes) -> FolderStore:
    """A store in the folder that holds the bytes, with a record of their SHA-256 that fits."""
    for path, content in ((folder / key, data), (folder / ".sha256" / key, sha256(data).hexdigest().encode() + b"\n")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return FolderStore(folder)


def trained_on(data: bytes, folder: Path) -> None:
    """What a training and a report make of the packed glyphs."""
    store = placed(folder, GLYPHS.packed.key, data)
    load_arrays.__globals__["_arrays"].cache_clear()
    arrays = load_arrays(GLYPHS, 16, store, folder / "cache")
    path = folder / GLYPHS.packed.key
    columns = load_columns(path)
    assert len(arrays.images) == len(arrays.labels) == len(columns) == len(load_images(path))
    assert arrays.labels.min() >= 0 and arrays.labels.max() < len(CLASSES)
    twins(columns, arrays.training, arrays.validation)
    unavoidable(arrays.labels, columns["sha256"].tolist())


def predictions() -> bytes:
    rng = np.random.default_rng(1)
    n = 4 * 62
    shares = rng.dirichlet(np.ones(62), n).astype(np.float32)
    target = io.BytesIO()
    as_table([f"{i}.png" for i in range(n)], np.arange(n) % 62, shares).to_parquet(target, index=False)
    return target.getvalue()


def calibrated(data: bytes, folder: Path) -> None:
    """What reading and the report make of stored predictions."""
    head, probabilities = read_table(data, "predictions/x.parquet")
    labels = labels_of(head)
    assert np.issubdtype(labels.dtype, np.integer) and np.isfinite(probabilities).all()
    assert len(head["name"].tolist()) == len(labels) == len(probabilities)
    if len(head) >= 4 * 62:
        made = fitted(probabilities, labels)
        assert np.isfinite(made.likeness(probabilities)).all()


def augmented() -> bytes:
    target = io.BytesIO()
    np.save(target, np.zeros((4, 6, 32, 32), np.uint8))
    return target.getvalue()


def pictured(data: bytes, _folder: Path) -> None:
    images = augmented_of(data, "augmentations/x.npy")
    assert images.dtype == np.uint8 and images.ndim == 4


DOORS = [
    Door("glyphs.parquet", "table", packed, trained_on, mutated_table, memory=MEMORY),
    Door("predictions, Parquet", "table", functools.cache(predictions), calibrated, mutated_table, memory=MEMORY),
    Door("augmented.npy", "array", augmented, pictured, mutated_bytes),
]
