"""A packed set, loaded: its images and what is known of each."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from charrec.errors import InputError

FILE = "glyphs.parquet"  # under the key of the set
LARGEST = 8 << 30  # bytes of pixels, which lie in memory: half a million images of 128x128; checked before any is read


def load_images(path: Path, size: int | None = None) -> np.ndarray:
    """(n, size, size) uint8 in the file's order; `size` divides the packed one: means of blocks are kept."""
    with pq.ParquetFile(path, memory_map=True) as file:
        packed = _side(file)
        size = size or packed
        if packed % size:
            raise ValueError(f"{path} holds images of {packed} px; expected a multiple of {size}")
        if file.metadata.num_rows * packed * packed > LARGEST:
            raise InputError(
                f"{path} says that it holds {file.metadata.num_rows:,} images of {packed}x{packed} pixels",
                f"at most {LARGEST >> 30} GiB of pixels",
                "Delete it and run the study again, with fewer images if they are that many.",
            )
        images = np.empty((file.metadata.num_rows, size, size), np.uint8)
        starts = np.cumsum([0] + [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)])

    def read(group: int) -> None:
        with pq.ParquetFile(path, memory_map=True) as part:
            column = part.read_row_group(group, columns=["image"], use_threads=False)["image"]
        rows = np.frombuffer(column.combine_chunks().buffers()[1], np.uint8)
        block = images[starts[group] : starts[group + 1]]
        block[:] = _shrink(rows[: len(block) * packed * packed].reshape(-1, packed, packed), packed // size)

    with ThreadPoolExecutor() as pool:
        list(pool.map(read, range(len(starts) - 1)))
    return images


def load_columns(path: Path) -> pd.DataFrame:
    """label, font, style, name, sha256 and group of every image, in the file's order."""
    return pd.read_parquet(path, columns=["label", "font", "style", "name", "sha256", "group"])


def _side(file: pq.ParquetFile) -> int:
    return int(file.schema_arrow.field("image").type.byte_width ** 0.5)


def _shrink(images: np.ndarray, factor: int) -> np.ndarray:
    """(n, s, s) -> (n, s / factor, s / factor), each pixel the rounded mean of its block."""
    if factor == 1:
        return images
    total = np.zeros((len(images), images.shape[1] // factor, images.shape[2] // factor), np.uint16)
    for row in range(factor):
        for column in range(factor):
            total += images[:, row::factor, column::factor]
    return ((total + factor * factor // 2) // (factor * factor)).astype(np.uint8)
