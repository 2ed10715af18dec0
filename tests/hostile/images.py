"""Doors: image files of every format that `charrec predict` reads, and the PNGs of a data set."""

import functools
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from charrec.data.sources.files import open_files
from charrec.data.sources.png import decode
from charrec.serving.files import files_of
from charrec.serving.recognition import glyph
from tests.data.sources.samples import png
from tests.hostile.door import MIB, Door
from tests.hostile.mutators import mutated_image

SIDE = 128
MEMORY = 1024 * MIB  # 4096 x 4096 px in colours with transparency, the largest that are read, take 590
RNG = np.random.default_rng(1)


def picture(mode: str = "L") -> Image.Image:
    """A dark stroke on a light ground, in a mode of Pillow's."""
    pixels = np.full((40, 32), 230, np.uint8)
    pixels[8:32, 12:20] = 20
    if mode == "I;16":
        return Image.fromarray(pixels.astype(np.uint16) * 257)
    return Image.fromarray(pixels).convert(mode)


def saved(mode: str, kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    frames = {"append_images": [picture(mode).rotate(9)]} if options.get("save_all") else {}
    picture(mode).save(target, kind, **options, **frames)
    return target.getvalue()


FORMATS: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: saved("L", "PNG"),
    "PNG, palette": lambda: saved("P", "PNG", transparency=0),
    "PNG, 16 bits": lambda: saved("I;16", "PNG"),
    "PNG, animated": lambda: saved("RGBA", "PNG", save_all=True),
    "JPEG": lambda: saved("RGB", "JPEG", exif=oriented()),
    "JPEG, progressive": lambda: saved("L", "JPEG", progressive=True),
    "JPEG, CMYK": lambda: saved("CMYK", "JPEG"),
    "GIF": lambda: saved("P", "GIF"),
    "GIF, animated": lambda: saved("P", "GIF", save_all=True),
    "BMP": lambda: saved("RGB", "BMP"),
    "BMP, palette": lambda: saved("P", "BMP"),
    "TIFF": lambda: saved("L", "TIFF"),
    "TIFF, LZW": lambda: saved("RGB", "TIFF", compression="tiff_lzw"),
    "TIFF, deflate": lambda: saved("RGBA", "TIFF", compression="tiff_adobe_deflate"),
    "TIFF, JPEG": lambda: saved("L", "TIFF", compression="jpeg"),
    "TIFF, float": lambda: saved("F", "TIFF"),
    "TIFF, fax": lambda: saved("1", "TIFF", compression="group4"),
    "WebP": lambda: saved("RGB", "WEBP"),
    "WebP, lossless": lambda: saved("RGBA", "WEBP", lossless=True),
    "WebP, animated": lambda: saved("RGBA", "WEBP", save_all=True),
}


def oriented() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def predicted(data: bytes, folder: Path) -> None:
    """All of `charrec predict` but the network."""
    path = folder / "image"
    path.write_bytes(data)
    (file,), _ = files_of([str(path)], recursive=False)
    found = glyph(file.name, file.content(), SIDE)
    assert found.shape == (SIDE, SIDE) and found.dtype == np.uint8


def decoded(data: bytes, folder: Path) -> None:
    """A PNG of a data set."""
    (folder / "1.png").write_bytes(data)
    with open_files(folder) as files:
        assert decode(files, ["1.png"], 32).shape == (1, 32, 32)


def of_a_set() -> bytes:
    return png(RNG.integers(0, 256, (32, 32), np.uint8))


DOORS = [
    *(Door(name, "image", sample, predicted, mutated_image, memory=MEMORY) for name, sample in FORMATS.items()),
    Door("PNG of a data set", "image", functools.cache(of_a_set), decoded, mutated_image),
]
