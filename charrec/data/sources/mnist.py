"""The test images of MNIST: 10,000 handwritten digits, 28x28 grey, white on black (LeCun, Cortes, Burges)."""

import gzip
import io
import math
import struct
import zlib

import numpy as np

from charrec.alphabet import DIGITS
from charrec.data.images import LabelledImages
from charrec.data.sources.files import Files
from charrec.data.sources.names import shown
from charrec.data.sources.source import Selection, Source
from charrec.errors import InputError

IMAGES, SIZE = 10_000, 28
FETCH_AGAIN = "Download the data again."


def read_mnist_test(files: Files, source: str, version: str, licence: str) -> LabelledImages:
    """The 10,000 test images in file order; InputError names an invalid file."""
    images = _read_idx(files, "images", (IMAGES, SIZE, SIZE))
    labels = _read_idx(files, "labels", (IMAGES,))
    if labels.max() > 9:
        found = f"{files.path}: label {labels.max()} at position {labels.argmax() + 1} of the test labels"
        raise InputError(found, "labels 0 to 9", FETCH_AGAIN)
    return LabelledImages(
        images=images,
        labels=np.array(DIGITS, np.int64)[labels],
        fonts=[""] * IMAGES,
        styles=[""] * IMAGES,
        names=[f"t10k/{number:05d}" for number in range(1, IMAGES + 1)],
        source=source,
        version=version,
        licence=licence,
    )


def _read_idx(files: Files, content: str, shape: tuple[int, ...]) -> np.ndarray:
    """One idx file: two zero bytes, 8 for uint8, the number of axes, their lengths (big-endian), the data."""
    name = _find(files, f"t10k-{content}", f"idx{len(shape)}-ubyte")
    header = bytes([0, 0, 8, len(shape)]) + b"".join(length.to_bytes(4, "big") for length in shape)
    size = len(header) + math.prod(shape)
    raw = files.read(name, most=2 * size)  # twice, so that a file somewhat too long is still described
    if name.endswith(".gz"):
        try:
            raw = gzip.GzipFile(fileobj=io.BytesIO(raw)).read(2 * size)
        except (OSError, EOFError, zlib.error, struct.error) as error:
            found = f"{files.path}: {shown(name)} cannot be decompressed ({error})"
            raise InputError(found, "a complete gzip file", FETCH_AGAIN) from error
    if not raw.startswith(header) or len(raw) != size:
        found = f"{files.path}: {shown(name)} has {len(raw):,} bytes starting with {raw[: len(header)].hex(' ', 4)!r}"
        raise InputError(found, f"{size:,} bytes starting with {header.hex(' ', 4)!r}", FETCH_AGAIN)
    return np.frombuffer(raw, np.uint8, offset=len(header)).reshape(shape)


def _find(files: Files, start: str, end: str) -> str:
    """The first file of that name; Kaggle's archive has two identical copies of each."""
    wanted = {f"{start}{joint}{end}{packed}" for joint in ".-" for packed in ("", ".gz")}
    for name in files.names:
        if name.rsplit("/", 1)[-1] in wanted:
            return name
    remedy = "Pass the data set as Kaggle serves it, or a folder with the two t10k files of MNIST."
    raise InputError(f"{files.path} holds no MNIST test {start.split('-')[1]}", f"a file {start}-{end}", remedy)


def read(source: Source, selection: Selection) -> LabelledImages:
    with source.open() as files:
        return read_mnist_test(files, source.name, source.version, source.licence)
