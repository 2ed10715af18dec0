"""A packed set, loaded: its images and what is known of each."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from charrec.alphabet import CLASSES
from charrec.data.parquet import Kind, columns, reading, texts
from charrec.errors import InputError
from charrec.storage.document import foreign

FILE = "glyphs.parquet"  # under the key of the set
LARGEST = 8 << 30  # bytes of pixels, which lie in memory: half a million images of 128x128; checked before any is read
COLUMNS: dict[str, Kind] = {
    "label": "int16", "font": "text", "style": "text", "name": "text", "sha256": "text", "group": "int32",
}  # fmt: skip


def load_images(path: Path, size: int | None = None) -> np.ndarray:
    """(n, size, size) uint8 in the file's order; `size` divides the packed one: means of blocks are kept.

    Raises Foreign for a file that charrec did not pack, InputError for one that is too large.
    """
    with reading(str(path)):
        return _load_images(path, size)


def _load_images(path: Path, size: int | None) -> np.ndarray:
    with pq.ParquetFile(path, memory_map=True) as file:
        packed, rows = _side(file, path), file.metadata.num_rows
        size = size or packed
        if packed % size:
            found = f"{path} holds images of {packed} px"
            raise InputError(found, f"a multiple of {size}", "Choose an image size that divides it.")
        if rows * packed * packed > LARGEST:
            raise InputError(
                f"{path} says that it holds {rows:,} images of {packed}x{packed} pixels",
                f"at most {LARGEST >> 30} GiB of pixels",
                "Delete it and run the study again, with fewer images if they are that many.",
            )
        lengths = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    if min([rows, *lengths]) < 0 or sum(lengths) != rows:
        raise foreign(str(path), f"{rows:,} images, and {sum(lengths):,} in groups")
    images = np.empty((rows, size, size), np.uint8)
    starts = np.cumsum([0, *lengths])

    def read(group: int) -> None:
        with pq.ParquetFile(path, memory_map=True) as part:
            column = part.read_row_group(group, columns=["image"], use_threads=False)["image"].combine_chunks()
        if len(column) != lengths[group] or column.null_count:
            raise foreign(str(path), f"{len(column):,} images in a group of {lengths[group]:,}, or one without pixels")
        block = images[starts[group] : starts[group + 1]]
        if len(block):
            pixels = np.frombuffer(column.buffers()[1], np.uint8, len(block) * packed * packed)
            block[:] = _shrink(pixels.reshape(-1, packed, packed), packed // size)

    with ThreadPoolExecutor() as pool:
        list(pool.map(read, range(len(lengths))))
    return images


def load_columns(path: Path) -> pd.DataFrame:
    """label, font, style, name, sha256 and group of every image, in the file's order. Raises Foreign."""
    where = str(path)
    with reading(where), pq.ParquetFile(path, memory_map=True, read_dictionary=texts(COLUMNS)) as file:
        table: pd.DataFrame = columns(file, COLUMNS, where).to_pandas(ignore_metadata=True)
    labels, groups = table["label"], table["group"]
    if not labels.between(0, len(CLASSES) - 1).all():
        raise foreign(where, f"a label that is none of 0 to {len(CLASSES) - 1}")
    if not groups.between(0, len(table) - 1).all():
        raise foreign(where, "a font group of a number that no group has")
    return table


def _side(file: pq.ParquetFile, path: Path) -> int:
    schema = file.schema_arrow
    found = [schema.field(place).type for place in schema.get_all_field_indices("image")]
    width = found[0].byte_width if len(found) == 1 and pa.types.is_fixed_size_binary(found[0]) else 0
    if not width or math.isqrt(width) ** 2 != width:
        raise foreign(str(path), f"images as {' and '.join(map(str, found)) or 'nothing'}, not as squares of bytes")
    return math.isqrt(width)


def _shrink(images: np.ndarray, factor: int) -> np.ndarray:
    """(n, s, s) -> (n, s / factor, s / factor), each pixel the rounded mean of its block."""
    if factor == 1:
        return images
    total = np.zeros((len(images), images.shape[1] // factor, images.shape[2] // factor), np.uint16)
    for row in range(factor):
        for column in range(factor):
            total += images[:, row::factor, column::factor]
    return ((total + factor * factor // 2) // (factor * factor)).astype(np.uint8)
