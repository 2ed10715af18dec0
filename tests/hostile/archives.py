"""Doors: data sets in archives of every format, as a study packs them; and the idx files of MNIST in a folder."""

import bz2
import functools
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from charrec.data.sources.limits import SMALL
from charrec.data.sources.source import Role, Selection, Source, read
from tests.data.sources.samples import glyph, listing, png, write_alphabet, write_mnist, zip_folder
from tests.hostile.door import MIB, Door
from tests.hostile.mutators import mutated_archive, mutated_bytes, packed

MEMORY = 2 * SMALL + 64 * MIB  # SMALL may be unpacked whatever the ratio; bz2 and LZMA unpack a piece whole
METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bz2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}
PACKERS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "tgz": (functools.partial(gzip.compress, compresslevel=1), gzip.decompress),
    "txz": (functools.partial(lzma.compress, preset=0), lzma.decompress),
    "tbz2": (functools.partial(bz2.compress, compresslevel=1), bz2.decompress),
}


@functools.cache
def glyphs() -> dict[str, bytes]:
    """One image of each class, in Chars74K's layout."""
    return {f"Fnt/Sample{n:03d}/img{n:03d}-00001.png": png(glyph(n, 1)) for n in range(1, 63)}


def zipped(method: int, content: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(target := io.BytesIO(), "w", method) as archive:
        for name, each in content.items():
            archive.writestr(name, each)
    return target.getvalue()


@functools.cache
def tarred() -> bytes:
    with TemporaryDirectory() as folder:
        return listing(Path(folder, "x.tar"), glyphs()).read_bytes()


def made(write: Callable[[Path], object]) -> bytes:
    """The zip of a sample that is written to a folder."""
    with TemporaryDirectory() as folder:
        top = Path(folder, "top")
        top.mkdir()
        write(top)
        return zip_folder(top, Path(folder, "x.zip")).read_bytes()


def reading(role: Role, data: bytes, folder: Path) -> None:
    path = folder / "data"
    path.write_bytes(data)
    selection = Selection(per_class=1, seed=1) if role == "letters" else Selection()
    images = read(Source(role=role, kind="files", identity="", name="data", path=path), selection)
    assert images.images.dtype == "uint8" and len(images.images) == len(images.labels) == len(images.names)


def idx_reading(data: bytes, folder: Path) -> None:
    """The images are whole, the labels are the case."""
    if not (images := folder / "t10k-images-idx3-ubyte.gz").exists():
        write_mnist(folder)
        images.write_bytes(gzip.compress((folder / "t10k-images.idx3-ubyte").read_bytes(), 1))
        for plain in folder.glob("*ubyte"):
            plain.unlink()
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(data)
    read(Source(role="digits", kind="files", identity="", name="data", path=folder), Selection())


def idx_sample() -> bytes:
    with TemporaryDirectory() as folder:
        write_mnist(Path(folder))
        return gzip.compress(Path(folder, "t10k-labels.idx1-ubyte").read_bytes(), 1)


def door(name: str, sample: Callable[[], bytes], mutate: object = mutated_archive, role: Role = "glyphs") -> Door:
    return Door(name, "archive", sample, functools.partial(reading, role), mutate, memory=MEMORY)  # type: ignore[arg-type]


DOORS = [
    *(door(f"zip, {name}", lambda method=method: zipped(method, glyphs())) for name, method in METHODS.items()),  # type: ignore[misc]
    door("zip of a tgz", lambda: zipped(zipfile.ZIP_STORED, {"x.tgz": gzip.compress(tarred(), 1)})),
    door("tar", tarred),
    *(
        door(name, lambda pack=pack: pack(tarred()), packed(pack, unpack))  # type: ignore[misc]
        for name, (pack, unpack) in PACKERS.items()
    ),
    door("zip of letters", lambda: made(lambda top: write_alphabet(top, 2)), role="letters"),
    door("zip of MNIST", lambda: made(write_mnist), role="digits"),
    Door("MNIST's labels, gzip", "archive", idx_sample, idx_reading, mutated_bytes, memory=MEMORY),
]
