"""Glyphs packed once: `glyphs.parquet` with one row an image, and a manifest that says what it holds."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from charrec.data.images import LabelledImages
from charrec.study import Frozen

ROW_GROUP = 1024  # images: 16 MiB of 128x128 pixels, the unit of decompression


class Manifest(Frozen):
    """What a packed file holds; `digest` is of the pixels and what is known of them, not of the packing."""

    digest: str
    images: int
    size: int  # px, square
    classes: int
    fonts: int
    groups: int
    distinct: int  # different pictures
    unavoidable: int  # images that no classifier can get right: the same picture bears another label too
    source: str
    version: str
    licence: str


def pack(images: LabelledImages, path: Path) -> Manifest:
    """Write the images to `path` and say what was written.

    Columns: image (size * size bytes, row by row), label, font, style, name, sha256 (of the pixels), group
    (of fonts that are joined by identical images).
    """
    size = images.images.shape[1]
    sha256 = pixel_digests(images.images)
    group = font_groups(images.labels, images.fonts, sha256)
    table = pa.table(
        {
            "image": _as_rows(images.images),
            "label": pa.array(images.labels, pa.int16()),
            "font": pa.array(images.fonts, pa.string()),
            "style": pa.array(images.styles, pa.string()),
            "name": pa.array(images.names, pa.string()),
            "sha256": pa.array(sha256, pa.string()),
            "group": pa.array(group, pa.int32()),
        }
    )
    pq.write_table(
        table,
        path,
        compression="zstd",
        row_group_size=ROW_GROUP,
        use_dictionary=["font", "style"],
        write_statistics=False,
    )
    columns = zip(images.labels.tolist(), images.fonts, images.styles, images.names, sha256, strict=True)
    return Manifest(
        digest=hashlib.sha256(repr(list(columns)).encode()).hexdigest(),
        images=len(images),
        size=size,
        classes=len(set(images.labels.tolist())),
        fonts=len(set(images.fonts)),
        groups=len(set(group.tolist())),
        distinct=len(set(sha256)),
        unavoidable=int(unavoidable(images.labels, sha256).sum()),
        source=images.source,
        version=images.version,
        licence=images.licence,
    )


def load_images(path: Path, size: int | None = None) -> np.ndarray:
    """(n, size, size) uint8 in the file's order; `size` divides the packed one: means of blocks are kept."""
    with pq.ParquetFile(path, memory_map=True) as file:
        packed = _side(file)
        size = size or packed
        if packed % size:
            raise ValueError(f"{path} holds images of {packed} px; expected a multiple of {size}")
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


def pixel_digests(images: np.ndarray) -> list[str]:
    """SHA-256 of the pixels of each image."""
    return [hashlib.sha256(image.tobytes()).hexdigest() for image in images]


def font_groups(labels: np.ndarray, fonts: Sequence[str], sha256: Sequence[str]) -> np.ndarray:
    """(n,) number of the group of each image's font: fonts that share any image of a class are of one group.

    The 254 fonts of Chars74K make 176 groups, the largest of 34 fonts; asking for 20 shared images would make
    197 but leave 0.13 % of an honest validation part with a twin in training.
    """
    number = {font: i for i, font in enumerate(sorted(set(fonts)))}
    parent = list(range(len(number)))

    def root(font: int) -> int:
        while parent[font] != font:
            parent[font] = parent[parent[font]]
            font = parent[font]
        return font

    first: dict[tuple[int, str], int] = {}
    for label, font, digest in zip(labels.tolist(), fonts, sha256, strict=True):
        here = root(number[font])
        there = root(first.setdefault((label, digest), here))
        parent[max(here, there)] = min(here, there)
    names = {top: i for i, top in enumerate(sorted({root(font) for font in parent}))}
    return np.array([names[root(number[font])] for font in fonts], np.int32)


def unavoidable(labels: np.ndarray, sha256: Sequence[str]) -> np.ndarray:
    """(n,) bool: images whose picture bears another label more often; of equals the first class counts."""
    labels_of: dict[str, Counter[int]] = defaultdict(Counter)
    for label, digest in zip(labels.tolist(), sha256, strict=True):
        labels_of[digest][label] += 1
    best = {digest: min(c, key=lambda label: (-c[label], label)) for digest, c in labels_of.items()}
    return np.array([best[d] != label for label, d in zip(labels.tolist(), sha256, strict=True)], bool)


def _as_rows(images: np.ndarray) -> pa.FixedSizeBinaryArray:
    """The pixels as an Arrow column, without a copy."""
    pixels = np.ascontiguousarray(images).reshape(len(images), -1)
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(pixels.shape[1]), len(pixels), [None, pa.py_buffer(pixels)])


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
