"""A seeded sample of A-Z; only sampled images are read."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from samples import png, write_alphabet, zip_folder

from charrec.alphabet import CAPITALS
from charrec.data.images import LabelledImages
from charrec.data.sources.alphabet_fonts import read_alphabet
from charrec.data.sources.files import open_files
from charrec.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_alphabet(tmp_path_factory.mktemp("alphabet"), images=12)


def read(path: Path, per_class: int = 5, seed: int = 1) -> LabelledImages:
    with open_files(path) as files:
        return read_alphabet(files, "somewhere", "1", "", per_class, seed)


def test_every_letter_has_the_same_number_of_images_in_order(folder: Path) -> None:
    letters = read(folder)
    assert letters.labels.tolist() == [label for label in CAPITALS for _ in range(5)]
    assert letters.images.shape == (26 * 5, 32, 32)
    assert letters.names[0].startswith("A/")
    assert letters.names[-1].startswith("Z/")
    assert len(set(letters.names)) == len(letters)
    numbers = [int(name[2:-4]) for name in letters.names]
    assert all(numbers[i : i + 5] == sorted(numbers[i : i + 5]) for i in range(0, len(numbers), 5))
    assert letters.images[:, 0, 0].tolist() == numbers  # an image is filled with its number


def test_the_sample_depends_on_the_seed(folder: Path, tmp_path: Path) -> None:
    assert read(folder).names == read(zip_folder(folder, tmp_path / "x.zip")).names
    assert read(folder, seed=2).names != read(folder).names


def test_images_outside_the_sample_are_not_read(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    drawn = set(read(folder).names)
    for path in copy.rglob("*.png"):
        if f"{path.parent.name}/{path.name}" not in drawn:
            path.write_bytes(b"damaged")
    assert read(copy).names == read(folder).names


def test_every_single_band_mode_becomes_grey(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    for mode, number in (("P", 0), ("1", 1)):
        Image.new("L", (32, 32), 255).convert(mode).save(copy / f"Images/Images/A/{number}.png")
    letters = read(copy, per_class=12)
    assert letters.images[:3, 0, 0].tolist() == [255, 255, 2]


def put(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda images: (images / name).write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda images: shutil.rmtree(images / "Q"), "no files in Images/Images/Q"),
        (lambda images: shutil.rmtree(images / "A"), "no folder A"),
        (lambda images: (images / "C/3.png").unlink(), "Images/Images/C has 11 images"),
        (put("D/3.png", png(np.zeros((28, 28), np.uint8))), "Images/Images/D/3.png has 28x28 pixels"),
        (put("D/3.png", png(np.full((32, 32, 3), (9, 9, 8), np.uint8))), "Images/Images/D/3.png has colours"),
        (put("D/3.png", b"damaged"), "Images/Images/D/3.png is not a readable PNG"),
        (put("E/x.png", b""), "Images/Images/E/x.png"),
        (put("E/03.png", b""), "Images/Images/E/03.png"),
        (put(f"E/{'1' * 200}.png", b""), "Images/Images/E/111"),
        (put("E/\u0663.png", b""), "Images/Images/E/\u0663.png"),
        (put("E/3.jpg", b""), "Images/Images/E/3.jpg"),
        (lambda images: shutil.copytree(images, images / "more"), "2 folders"),
    ],
)
def test_an_invalid_file_or_folder_is_named(
    spoil: Callable[[Path], object], message: str, folder: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    spoil(copy / "Images" / "Images")
    with pytest.raises(InputError) as caught:
        read(copy, per_class=12)
    assert str(copy) in caught.value.found
    assert message in caught.value.found
    assert caught.value.expected
    assert caught.value.remedy
