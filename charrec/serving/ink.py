"""A grey picture -> its ink: the paper flattened, its light divided out, the noise smoothed."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from charrec.serving.picture import two_tones

COARSE = 96  # px of the smaller side; enough to see where light falls
REACH = 0.25  # of the smaller side: wider than a stroke, narrower than a shadow
UNEVEN = 0.12  # of the contrast; paper that varies less is flat
NOISY = 0.02  # of the contrast; the standard deviation of clean pictures is 0
BETWEEN, MIXED = 0.15, 0.1  # of the contrast, of the pixels: a shadow is more than that
SLOPE = 2.0  # of the contrast, along the smaller side: light and shadow are gentler, outlines steeper, blurred ones too
INK = 0.4  # of the ink's darkness: what is darker is a piece of something
EDGING = 0.1  # of the picture's smaller side: a deeper edge is no line
ALL, LITTLE = 0.98, 0.01  # of the pixels around it; a heavy n that fills its picture has 0.95 of its own tone there


class Inked(NamedTuple):
    """A picture's ink."""

    ink: np.ndarray  # (h, w) float32: 0 on paper, about `level` within a stroke
    level: float  # 0: there is none
    clean: bool  # on even paper, without noise

    def mask(self, share: float = INK) -> np.ndarray:
        """(h, w) bool: where it is dark enough to be a piece of something."""
        dark: np.ndarray = self.ink > share * self.level
        return dark


def reduced(values: np.ndarray, factor: int) -> np.ndarray:
    """Every square of `factor` px as one."""
    small: np.ndarray = np.asarray(Image.fromarray(values).reduce(factor)) if factor > 1 else values
    return small


def inked(grey: np.ndarray, is_dark: Callable[[np.ndarray], bool]) -> Inked:
    """(h, w) uint8 of either polarity; `is_dark` says whether its ink is the dark one of two tones."""
    ink, even = _ink(grey, is_dark)
    level = _level(ink)
    noise = _noise(ink) / level if level > 0 else 0.0
    calm = ndimage.gaussian_filter(ink, min(2.0, 0.6 + 4 * noise)) if noise > NOISY else ink
    return Inked(calm, level, even and noise <= NOISY)


def edging(grey: np.ndarray) -> int:
    """How deep a line in the other tone runs around the whole picture, at its edge; 0: there is none."""
    middle = (int(grey.min()) + int(grey.max())) / 2
    dark, first = grey < middle, None
    for depth in range(1 + round(EDGING * min(grey.shape))):
        inside = dark[depth : grey.shape[0] - depth, depth : grey.shape[1] - depth]
        share = np.concatenate([inside[0], inside[-1], inside[1:-1, 0], inside[1:-1, -1]]).mean()
        first = share if first is None else first
        if min(first, 1 - first) > 1 - ALL:
            return 0
        if max(share, 1 - share) >= ALL and (share > 0.5) != (first > 0.5):
            return depth if LITTLE < inside.mean() < 1 - LITTLE else 0
    return 0


def _ink(grey: np.ndarray, is_dark: Callable[[np.ndarray], bool]) -> tuple[np.ndarray, bool]:
    """(h, w) float32, 0 on paper, larger where there is ink; and whether the paper was even."""
    values = grey.astype(np.float32)
    varies = _paper_varies(values)
    if not is_dark(_levelled(values) if varies else grey):
        values = 255 - values
    paper = _paper(values)
    spread = float(np.subtract(*np.percentile(paper, (98, 2))))
    if not varies or spread <= UNEVEN * float((paper - values).max()):
        return np.float32(np.median(paper)) - values, True
    ink: np.ndarray = 255 * (1 - values / np.maximum(paper, 1))
    return np.maximum(ink, 0), False


def _coarse(values: np.ndarray) -> np.ndarray:
    factor = -(-min(values.shape) // COARSE)
    return reduced(values, factor)


def _ring(shape: tuple[int, ...]) -> np.ndarray:
    """The outermost 6 % of a picture."""
    ring = np.ones(shape, bool)
    deep = max(1, round(0.06 * min(shape)))
    ring[deep:-deep, deep:-deep] = False
    return ring


def _paper_varies(values: np.ndarray) -> bool:
    """Whether there is more than ink and one tone of paper: much between the two, or a paper that drifts."""
    low, high = np.percentile(values, (1, 99))
    if low >= high or min(values.shape) < 2:
        return False
    tone = _coarse((values - low) / (high - low))
    level = np.hypot(*np.gradient(ndimage.uniform_filter(tone, 3))) * min(tone.shape) < SLOPE
    ring = tone[_ring(tone.shape) & level]
    if not ring.size:
        return False
    larger = max((ring[ring <= 0.5], ring[ring > 0.5]), key=len)
    drift = float(np.subtract(*np.percentile(larger, (90, 10))))
    between = level & (tone > BETWEEN) & (tone < 1 - BETWEEN)
    return drift > UNEVEN or float(between.mean()) > MIXED


def _levelled(values: np.ndarray) -> np.ndarray:
    """(h, w) uint8 without the surface of the paper."""
    level = values - _surface(values)
    shown: np.ndarray = np.clip(np.rint(level - level.min()), 0, 255).astype(np.uint8)
    return shown


def _surface(values: np.ndarray) -> np.ndarray:
    """The quadratic surface that most of the outer ring follows, in absolute terms: ink that touches it is no paper."""
    coarse = _coarse(values)
    y, x = (axis / max(1, max(coarse.shape) - 1) for axis in np.indices(coarse.shape, np.float32))
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    ring = _ring(coarse.shape)
    known, target = terms[ring], coarse[ring]
    weights = np.ones(len(target))
    for _ in range(10):
        root = np.sqrt(weights)
        solution = np.linalg.lstsq(known * root[:, None], target * root, rcond=None)[0]
        weights = 1 / np.maximum(np.abs(target - known @ solution), 2.0)
    return _resized((terms @ solution).astype(np.float32), values.shape)


def _paper(values: np.ndarray) -> np.ndarray:
    """(h, w) float32: the paper, also where light ink hides it."""
    coarse = _coarse(values)
    side = max(3, int(REACH * min(coarse.shape)) | 1)
    closed = ndimage.grey_closing(coarse, (side, side), mode="nearest")
    smooth = ndimage.gaussian_filter(closed, side / 8, mode="nearest")
    paper: np.ndarray = np.maximum(_resized(smooth, values.shape), 1)
    return paper


def _resized(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    height, width = shape
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR))


def _level(ink: np.ndarray) -> float:
    """How dark the ink is: the median of the darker of two tones."""
    threshold, _, _ = two_tones(ink.ravel())
    dark = ink[ink > threshold]
    return float(np.median(dark)) if dark.size else 0.0


def _noise(ink: np.ndarray) -> float:
    """Standard deviation of the noise, from the Laplacian of Immerkaer (CVIU 1996); its median ignores outlines."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.median(np.abs(ndimage.convolve(ink, kernel, mode="nearest")))) / 0.6745 / 6
