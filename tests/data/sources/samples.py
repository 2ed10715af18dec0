"""Tiny data sets in the layouts of the real ones."""

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase

import numpy as np
from PIL import Image

CLASSES = 62


def png(pixels: np.ndarray) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


def glyph(label: int, number: int, size: int = 128) -> np.ndarray:
    """White, with a square whose greys encode the class and the number."""
    pixels = np.full((size, size), 255, np.uint8)
    pixels[size // 4 : size // 2] = label
    pixels[size // 2 : -size // 4] = number
    return pixels


def write_chars74k(folder: Path, fonts: int = 2) -> Path:
    """62 classes x fonts x 4 styles under folder/English/Fnt, as in Kaggle's nested archive."""
    for label in range(CLASSES):
        target = folder / "English" / "Fnt" / f"Sample{label + 1:03d}"
        target.mkdir(parents=True)
        for number in range(1, 4 * fonts + 1):
            (target / f"img{label + 1:03d}-{number:05d}.png").write_bytes(png(glyph(label, number)))
    return folder


def write_alphabet(folder: Path, images: int = 12) -> Path:
    """A ... Z under folder/Images/Images; image n of a letter is filled with n."""
    for letter in ascii_uppercase:
        target = folder / "Images" / "Images" / letter
        target.mkdir(parents=True)
        for number in range(images):
            (target / f"{number}.png").write_bytes(png(np.full((32, 32), number, np.uint8)))
    return folder


def idx(array: np.ndarray) -> bytes:
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.astype(np.uint8).tobytes()


def mnist(images: int = 10_000) -> tuple[np.ndarray, np.ndarray]:
    """Image n is filled with n % 251, its label is n % 10."""
    numbers = np.arange(images)
    return np.repeat(numbers % 251, 28 * 28).reshape(images, 28, 28).astype(np.uint8), numbers % 10


def write_mnist(folder: Path, form: str = "t10k-{}.idx{}-ubyte") -> Path:
    """The two test files; `form` is their name with placeholders for images/labels and 3/1."""
    for kind, array in zip(("images", "labels"), mnist(), strict=True):
        path = folder / form.replace("{}", kind).replace(f"idx{kind}", f"idx{array.ndim}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(idx(array), 1) if path.suffix == ".gz" else idx(array))
    return folder


def zip_folder(folder: Path, archive: Path, top: str = "") -> Path:
    """A zip like that of Kaggle's web page; `top` prefixes every name."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                target.write(path, top + path.relative_to(folder).as_posix())
    return archive


def tar_folder(folder: Path, archive: Path) -> Path:
    """A tar, packed as the archive's suffix says."""
    with packing(archive) as target:
        for path in sorted(folder.iterdir()):
            target.add(path, path.name)
    return archive


def packing(archive: Path) -> tarfile.TarFile:
    packer = {".tar": "w", ".tgz": "w:gz", ".txz": "w:xz", ".tbz2": "w:bz2"}[archive.suffix]
    return tarfile.open(archive, packer)  # type: ignore[call-overload,no-any-return]


@dataclass(frozen=True)
class Linked:
    """A link in a sample archive; a hard one only in a tar."""

    target: str
    hard: bool = False


def listing(archive: Path, content: Mapping[str, bytes | Linked]) -> Path:
    """A zip or tar that lists just these names, hostile or not."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
            for name, each in content.items():
                info = zipfile.ZipInfo(name)
                if isinstance(each, Linked):
                    info.external_attr = (stat.S_IFLNK | 0o777) << 16
                target.writestr(info, each.target if isinstance(each, Linked) else each, zipfile.ZIP_DEFLATED)
        return archive
    with packing(archive) as tar:
        for name, each in content.items():
            member = tarfile.TarInfo(name)
            if isinstance(each, Linked):
                member.type, member.linkname = tarfile.LNKTYPE if each.hard else tarfile.SYMTYPE, each.target
                tar.addfile(member)
            else:
                member.size = len(each)
                tar.addfile(member, io.BytesIO(each))
    return archive


def nested_tgz(folder: Path, archive: Path, name: str = "EnglishFnt.tgz") -> Path:
    """A zip that holds one .tgz, as Kaggle's API serves."""
    inner = tar_folder(folder, archive.with_name(name))
    with zipfile.ZipFile(archive, "w") as target:
        target.write(inner, name)
    inner.unlink()
    return archive
