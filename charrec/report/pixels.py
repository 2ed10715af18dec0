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
