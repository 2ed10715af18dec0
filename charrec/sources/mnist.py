"""The test images of MNIST: 10,000 handwritten digits, 28x28 grey, white on black (LeCun, Cortes, Burges)."""

import gzip
import re
import zlib

import numpy as np

from charrec.alphabet import DIGITS
from charrec.errors import InputError
from charrec.images import LabelledImages
from charrec.sources.files import Files

IMAGES, SIZE = 10_000, 28
REMEDY = "Pass the data set as Kaggle serves it, or a folder with t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte."


def read_mnist_test(files: Files, source: str, version: str, licence: str) -> LabelledImages:
    """The 10,000 test images in the order of the file; InputError names the file that does not fit."""
    images = _read_idx(files, "images", (IMAGES, SIZE, SIZE))
    labels = _read_idx(files, "labels", (IMAGES,))
    if labels.max() > 9:
        found = f"{files.path}: label {labels.max()} at place {labels.argmax() + 1} of the test labels"
        raise InputError(found, "labels 0 to 9", "Fetch the data again.")
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
    """One idx file: two zero bytes, 8 for uint8, the number of axes, their lengths (big-endian), the bytes."""
    name = _find(files, rf"t10k-{content}[.-]idx{len(shape)}-ubyte(\.gz)?")
    raw = files.read(name)
    if name.endswith(".gz"):
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            found = f"{files.path}: {name} cannot be unpacked ({error})"
            raise InputError(found, "a whole gzip file", "Fetch the data again.") from error
    header = bytes([0, 0, 8, len(shape)]) + b"".join(length.to_bytes(4, "big") for length in shape)
    if not raw.startswith(header) or len(raw) != len(header) + int(np.prod(shape)):
        start = raw[: len(header)].hex(" ", 4)
        found = f"{files.path}: {name} has {len(raw)} bytes and begins {start or 'with nothing'}"
        size = len(header) + int(np.prod(shape))
        raise InputError(found, f"{size} bytes that begin {header.hex(' ', 4)}", "Fetch the data again.")
    return np.frombuffer(raw, np.uint8, offset=len(header)).reshape(shape)


def _find(files: Files, pattern: str) -> str:
    """The first file of that name; Kaggle's archive has each twice, with the same bytes."""
    for name in files.names:
        if re.fullmatch(pattern, name.rsplit("/", 1)[-1]):
            return name
    raise InputError(f"{files.path} holds no MNIST test {pattern.split('-')[1].split('[')[0]}", f"a file {pattern}", REMEDY)
