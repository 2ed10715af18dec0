"""Hundreds of damaged archives: each is read like a whole one or refused with one clear error, in bounded time."""

import gzip
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from samples import Linked, listing, png

from charrec.data.sources.files import open_files
from charrec.data.sources.png import decode
from charrec.errors import InputError

SIZE = 32
GREYS = np.random.default_rng(0).integers(0, 256, (6, SIZE, SIZE), np.uint8)
NAMES = [f"Fnt/Sample001/img001-{number:05d}.png" for number in range(6)]
TIMES = 80  # mutations of each kind of archive
KINDS = ("deflated.zip", "lzma.zip", "bzip2.zip", "nested.zip", "x.tar", "x.tgz", "x.txz", "x.tbz2")
METHODS = {"deflated.zip": zipfile.ZIP_DEFLATED, "lzma.zip": zipfile.ZIP_LZMA, "bzip2.zip": zipfile.ZIP_BZIP2}
RENAMES = (
    "../x",
    "/x",
    "C:\\x",
    "a" * 300,
    "d/" * 99 + "x",
    "9" * 5000,
    "\0",
    "\udcff",
    "a//./b",
    "__MACOSX/x",
    "",
    ".",
)


def whole(kind: str, folder: Path) -> bytes:
    """An archive of six images and, in a tar, two links and a name that needs an extended header."""
    content: dict[str, bytes | Linked] = dict(zip(NAMES, map(png, GREYS), strict=True))
    path = folder / kind
    if kind in METHODS:
        with zipfile.ZipFile(path, "w", METHODS[kind]) as target:
            for name, each in zip(NAMES, GREYS, strict=True):
                target.writestr(name, png(each))
        return path.read_bytes()
    content |= {
        "hard.png": Linked(NAMES[2], hard=True),
        "soft.png": Linked(NAMES[1]),
        "n" * 200 + ".png": png(GREYS[0]),
    }
    if kind == "nested.zip":
        inner = listing(folder / "x.tgz", content)
        return listing(path, {"x.tgz": inner.read_bytes()}).read_bytes()
    return listing(path, content).read_bytes()


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Bytes flipped, overwritten, cut out or doubled, or the end cut off; often near the start or the end."""
    data, kind = bytearray(content), int(rng.integers(5))
    reach = len(data) if rng.random() < 0.5 else min(600, len(data))
    place = int(rng.integers(reach)) if rng.random() < 0.7 else len(data) - 1 - int(rng.integers(reach))
    width = int(rng.integers(1, 64))
    if kind == 0:
        for _ in range(int(rng.integers(1, 9))):
            data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        data[place : place + width] = rng.integers(0, 256, width, np.uint8).tobytes()
    elif kind == 2:
        del data[place : place + width]
    elif kind == 3:
        data[place:place] = data[place : place + 600]
    else:
        del data[place:]
    return bytes(data)


def outcome(path: Path) -> str:
    """How an archive ends: read, with none but intact images, or the one error."""
    try:
        with open_files(path) as files:
            images = decode(files, [name for name in files.names if name.endswith(".png")], SIZE)
    except InputError as error:
        message = str(error)
    else:
        assert {image.tobytes() for image in images} <= {greys.tobytes() for greys in GREYS}
        return "read"
    assert len(message) < 1200
    assert "object at" not in message
    assert message.encode()  # it can be printed
    return "refused"


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_archive_is_read_whole_or_refused(kind: str, seed: int, tmp_path: Path) -> None:
    content, rng = whole(kind, tmp_path), np.random.default_rng(seed)
    path = tmp_path / "mutated"
    path.write_bytes(content)
    assert outcome(path) == "read"
    ends = []
    for _ in range(TIMES):
        path.write_bytes(mutated(content, rng))
        ends.append(outcome(path))
    assert "refused" in ends


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_a_tar_damaged_before_it_was_packed_is_read_whole_or_refused(
    pack: Callable[[bytes], bytes], seed: int, tmp_path: Path
) -> None:
    content, rng = whole("x.tar", tmp_path), np.random.default_rng(seed)
    path = tmp_path / "mutated"
    for _ in range(TIMES // 2):
        path.write_bytes(pack(header_mutated(content, rng)))
        outcome(path)


def header_mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """One field of one header overwritten, its checksum mended, so that the damage is believed."""
    data = bytearray(content)
    starts = [at for at in range(0, len(data), 512) if data[at + 257 : at + 262] == b"ustar"]
    at = int(rng.choice(starts))
    first, last = ((0, 100), (124, 136), (156, 157), (157, 257), (329, 345), (345, 500))[int(rng.integers(6))]
    width = last - first
    junk = (
        rng.integers(0, 256, width, np.uint8).tobytes(),
        bytes(rng.choice(list(b"01234567/.xgKLSV\xff\x80"), width).astype(np.uint8)),
        bytes(width),
    )
    data[at + first : at + last] = junk[int(rng.integers(3))]
    data[at + 148 : at + 156] = b" " * 8
    data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + 512])
    return bytes(data)


@pytest.mark.parametrize("name", RENAMES)
@pytest.mark.parametrize("kind", ["x.tar", "x.zip"])
def test_a_member_of_any_name_is_read_ignored_or_refused(name: str, kind: str, tmp_path: Path) -> None:
    if kind == "x.zip" and not name.isprintable():
        name = name.encode(errors="replace").decode()
    outcome(listing(tmp_path / kind, {name: png(GREYS[0]), NAMES[1]: png(GREYS[1])}))
