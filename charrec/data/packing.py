"""Glyphs packed once: `glyphs.parquet` with one row an image, and a manifest of its content."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from charrec.data.images import LabelledImages
from charrec.data.unavoidable import unavoidable
from charrec.results import Manifest

ROW_GROUP = 1024  # images: 16 MiB of 128x128 pixels, the unit of decompression


def pack(images: LabelledImages, path: Path) -> Manifest:
    """Write the images to `path`; returns their manifest.

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
    columns = zip(
        images.labels.tolist(), images.fonts, images.styles, images.names, sha256, group.tolist(), strict=True
    )
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


def pixel_digests(images: np.ndarray) -> list[str]:
    """SHA-256 of the pixels of each image."""
    return [hashlib.sha256(image.tobytes()).hexdigest() for image in images]


def font_groups(labels: np.ndarray, fonts: Sequence[str], sha256: Sequence[str]) -> np.ndarray:
    """(n,) number of the group of each image's font: fonts that share any image of a class are of one group.

    The 254 fonts of Chars74K make 176 groups, the largest of 34 fonts; asking for 20 shared images would make
    197 but leave 0.13 % of an honest validation part with a twin in training.
    """
    from scipy.cluster.hierarchy import DisjointSet

    joined = DisjointSet(sorted(set(fonts)))
    first: dict[tuple[int, str], str] = {}
    for label, font, digest in zip(labels.tolist(), fonts, sha256, strict=True):
        joined.merge(font, first.setdefault((label, digest), font))
    groups = sorted(sorted(group) for group in joined.subsets())  # numbered by their first font
    number = {font: place for place, group in enumerate(groups) for font in group}
    return np.array([number[font] for font in fonts], np.int32)


def _as_rows(images: np.ndarray) -> pa.FixedSizeBinaryArray:
    """The pixels as an Arrow column, without a copy."""
    pixels = np.ascontiguousarray(images).reshape(len(images), -1)
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(pixels.shape[1]), len(pixels), [None, pa.py_buffer(pixels)])
