"""MNIST's test images under every file name and format in use; errors name the invalid file."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from samples import idx, mnist, write_mnist, zip_folder

from charrec.data.images import LabelledImages
from charrec.data.sources.files import open_files
from charrec.data.sources.mnist import read_mnist_test
from charrec.errors import InputError

IMAGES, LABELS = "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"


def read(path: Path) -> LabelledImages:
    with open_files(path) as files:
        return read_mnist_test(files, "somewhere", "1", "")


@pytest.mark.parametrize(
    "form",
    [
        "t10k-{}.idx{}-ubyte",
        "t10k-{}-idx{}-ubyte",
        "t10k-{}-idx{}-ubyte/t10k-{}-idx{}-ubyte",
        "t10k-{}-idx{}-ubyte.gz",
    ],
)
def test_every_name_in_use_gives_the_10000_test_images(form: str, tmp_path: Path) -> None:
    digits = read(zip_folder(write_mnist(tmp_path / "files", form), tmp_path / "x.zip"))
    images, labels = mnist()
    assert np.array_equal(digits.images, images)
    assert digits.images.dtype == np.uint8
    assert np.array_equal(digits.labels, labels)
    assert digits.labels.dtype == np.int64
    assert (digits.names[0], digits.names[-1], len(set(digits.names))) == ("t10k/00001", "t10k/10000", 10_000)
    assert set(digits.fonts) == set(digits.styles) == {""}


def test_a_second_copy_of_a_file_is_ignored(tmp_path: Path) -> None:
    write_mnist(write_mnist(tmp_path), "t10k-{}-idx{}-ubyte/t10k-{}-idx{}-ubyte")
    assert len(read(tmp_path)) == 10_000


def put(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def eleven(folder: Path) -> None:
    labels = np.arange(10_000) % 10
    labels[41] = 11
    put(LABELS, idx(labels))(folder)


def packed_badly(folder: Path) -> None:
    packed = gzip.compress((folder / IMAGES).read_bytes(), 1)
    (folder / IMAGES).unlink()
    (folder / f"{IMAGES}.gz").write_bytes(packed[:-100])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / IMAGES).unlink(), "no MNIST test images"),
        (lambda folder: (folder / LABELS).unlink(), "no MNIST test labels"),
        (put(IMAGES, idx(mnist(9_999)[0])), IMAGES),
        (put(LABELS, idx(mnist(9_999)[1])), LABELS),
        (put(IMAGES, idx(mnist()[0])[:-1]), IMAGES),
        (put(IMAGES, idx(mnist()[0]) + b"\0"), IMAGES),
        (put(IMAGES, idx(mnist()[0]).replace(b"\0\0\x08\x03", b"\0\0\x0d\x03", 1)), IMAGES),
        (put(IMAGES, idx(mnist()[0].reshape(10_000, 14, 56))), IMAGES),
        (put(IMAGES, b""), IMAGES),
        (packed_badly, f"{IMAGES}.gz"),
        (eleven, "label 11 at position 42"),
    ],
)
def test_an_invalid_file_is_named(spoil: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    write_mnist(tmp_path)
    spoil(tmp_path)
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert str(tmp_path) in caught.value.found
    assert message in caught.value.found
    assert caught.value.expected
    assert caught.value.remedy
