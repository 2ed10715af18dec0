"""Pictures as PNG bytes and data URIs."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 180


def png(image: np.ndarray) -> bytes:
    """(height, width) uint8 -> optimised PNG."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image, dtype=np.uint8)).save(file, "PNG", optimize=True)
    return file.getvalue()


def sprite(images: np.ndarray, columns: int) -> bytes:
    """(n, s, s) uint8 -> one PNG of 16 greys, `columns` images a row."""
    from PIL import Image

    count, side = len(images), images.shape[-1]
    sheet = np.full((-(-count // columns) * side, columns * side), 255, np.uint8)
    for k, image in enumerate(images):
        y, x = k // columns * side, k % columns * side
        sheet[y : y + side, x : x + side] = image
    greys = Image.fromarray(np.rint(sheet / 17).astype(np.uint8), "P")
    greys.putpalette([17 * (k // 3) for k in range(48)])
    file = io.BytesIO()
    greys.save(file, "PNG", optimize=True, bits=4)
    return file.getvalue()


def small(images: np.ndarray, side: int) -> np.ndarray:
    """(n, s, s) uint8 -> (n, side, side), or as they are where they are no larger."""
    from PIL import Image

    if images.shape[-1] <= side:
        return images
    shrunk = [np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BOX)) for image in images]
    return np.stack(shrunk) if shrunk else np.zeros((0, side, side), np.uint8)


def figure_png(figure: Figure) -> bytes:
    """Deterministic PNG bytes, of what the canvas has drawn: `savefig` would draw everything twice."""
    from PIL import Image

    figure.set_dpi(DPI)
    figure.canvas.draw()
    file = io.BytesIO()
    drawn = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")  # type: ignore[attr-defined]
    drawn.save(file, "PNG", dpi=(DPI, DPI))
    return file.getvalue()


def uri(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"
