"""Many small PNG files -> one array."""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image, UnidentifiedImageError

from charrec.data.sources.damage import reason
from charrec.data.sources.files import Files
from charrec.data.sources.limits import PICTURE, PIXELS
from charrec.data.sources.names import shown
from charrec.data.sources.undecodable import UNDECODABLE
from charrec.errors import InputError

# 10,500 glyphs on 2 cores: 1.6 s with one thread, 1.2 s with two, 1.6 s with four (bound by the interpreter lock),
# 2.4 s with a process pool, start included.
THREADS = 2
REMEDY = "Download the data again, or remove this file."

SIGNATURE = b"\x89PNG\r\n\x1a\n"
BITS = len(SIGNATURE) + 16  # place of the bits a channel in a PNG: after the length, type and size of its header
OTHERS = {
    b"": "an empty file", b"\xff\xd8\xff": "a JPEG", b"GIF8": "a GIF", b"BM": "a BMP", b"RIFF": "a WebP",
    b"II*\0": "a TIFF", b"MM\0*": "a TIFF", b"version https://git-lfs": "a Git LFS pointer, not the file itself",
    b"<": "a web page or other text",
}  # fmt: skip


def decode(files: Files, names: Sequence[str], size: int) -> np.ndarray:
    """(n, size, size) uint8 grey, image i from names[i]; InputError names the first invalid file.

    A PNG of any kind will do if it holds 256 greys and nothing else: colours, transparency and finer greys are refused.
    """
    if len(names) * size * size > PIXELS:
        found = f"{files.path} holds {len(names):,} images of {size}x{size} pixels"
        raise InputError(found, f"at most {PIXELS >> 30} GiB of pixels", "Use fewer images.")
    images = np.empty((len(names), size, size), np.uint8)

    def decode_part(part: int) -> None:
        for index in range(len(names) * part // THREADS, len(names) * (part + 1) // THREADS):
            images[index] = _decode_one(files, names[index], size)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(decode_part, range(THREADS)))  # list() raises the first error
    return images


def _decode_one(files: Files, name: str, size: int) -> np.ndarray:
    content = files.read(name, PICTURE)
    where, expected = f"{files.path}: {shown(name)}", f"a PNG of {size}x{size} pixels that holds 8-bit grey"
    if not content.startswith(SIGNATURE):
        kind = next((kind for start, kind in OTHERS.items() if start and content.startswith(start)), "another kind")
        found = f"{where} is not a readable PNG (it is {kind if content else OTHERS[b'']})"
        raise InputError(found, expected, REMEDY)
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if image.size != (size, size):
                raise InputError(f"{where} has {image.width}x{image.height} pixels", expected, REMEDY)
            if (frames := getattr(image, "n_frames", 1)) > 1:
                raise InputError(f"{where} has {frames} pictures, one after another", expected, REMEDY)
            greys = _greys(image, content[BITS])
    except InputError:
        raise
    except UnidentifiedImageError as error:
        raise InputError(f"{where} is not a readable PNG (its header is damaged)", expected, REMEDY) from error
    except (*UNDECODABLE, MemoryError) as error:
        raise InputError(f"{where} is not a readable PNG ({reason(error)})", expected, REMEDY) from error
    if isinstance(greys, str):
        raise InputError(f"{where} {greys}", expected, "Convert it to 8-bit grey, or remove this file.")
    return greys


def _greys(image: Image.Image, bits: int) -> np.ndarray | str:
    """(h, w) uint8, or what would be lost by the conversion."""
    if image.mode == "L" and bits <= 8 and "transparency" not in image.info:
        return np.asarray(image)
    if image.mode.startswith("I"):
        values = np.asarray(image.convert("I"))
        exact = (values >= 0) & (values <= 0xFFFF) & (values % 257 == 0)  # 257 = 65535 / 255
        return (values // 257).astype(np.uint8) if exact.all() else "has 16-bit greys that 8 bits cannot hold"
    if bits > 8:  # Pillow drops the lower half
        return f"has {bits} bits a channel"
    red, green, blue, alpha = np.moveaxis(np.asarray(image.convert("RGBA")), -1, 0)
    if (alpha != 255).any():
        return "is transparent in places"
    if (red != green).any() or (green != blue).any():
        return "has colours"
    return np.asarray(red, np.uint8)
