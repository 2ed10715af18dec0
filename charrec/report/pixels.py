"""Pictures as PNG bytes and data URIs."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def png(image: np.ndarray) -> bytes:
    """(height, width) uint8 -> optimised PNG."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image, dtype=np.uint8)).save(file, "PNG", optimize=True)
    return file.getvalue()


def figure_png(figure: Figure) -> bytes:
    """Deterministic PNG bytes: the metadata omit matplotlib's version."""
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def uri(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"
