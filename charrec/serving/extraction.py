"""A picture as a scanner or a phone yields it -> its character alone.

The background is flattened, the threshold is the picture's own, and of the connected pieces those that belong together
are kept: the dots of i and j, the parts of a broken stroke. Specks, frames and parts of neighbours go. A picture that
has none of that is left as it is, so it is read as the study reads foreign images.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

from charrec.data.foreign import FAINTEST, ink_is_dark
from charrec.serving.picture import two_tones

SMALLEST = 32  # px of the larger side; below, a speck is as large as a stroke
ANALYSED = 384  # px of the larger side; the networks see at most 97 px of a character
COARSE = 96  # px; enough to see where light falls
REACH = 0.25  # of the smaller side: wider than a stroke, narrower than a shadow
UNEVEN = 0.12  # of the contrast; paper that varies less is flat
NOISY = 0.02  # of the contrast; the standard deviation of clean pictures is 0
BETWEEN, MIXED = 0.15, 0.1  # of the contrast, of the pixels: a shadow is more than that
SLOPE = 2.0  # of the contrast, across the picture: light and shadow are gentler, outlines steeper, blurred ones too
INK = 0.4  # of the ink's darkness: what is darker is a piece of something
PIECES = 64  # the largest that are looked at
EIGHT = np.ones((3, 3), bool)

CRUMB = 0.004  # of the largest piece's area: what is smaller says nothing
INNER = 0.2  # of the picture's larger side: a piece as long, off the edge, is the character and what touches it is not
ENCLOSED = 0.42  # of a ring's size: what fills it so far is a framed character, not the dot of a zero
CORNERS = 0.75  # of each side of its box a frame covers; a circle, 0.8
EDGING = 0.1  # of the picture's smaller side: a deeper edge is no line
ALL, LITTLE = 0.98, 0.01  # of the pixels around it; a heavy n that fills its picture has 0.95 of its own tone there
BAND, SOLID = 0.06, 0.93  # of a filled rectangle's smaller side, at its edge; of that band, how much is filled
THIN, LONG = 0.06, 0.5  # of the picture's side: a ruled line
THICK = 0.5  # of the character's thickest stroke: thinner pieces are specks
NEAR, STACKED = 0.08, 0.5  # gaps in sizes of the character: within a stroke, between a stem and its dot
LENGTHY = 0.2  # of the character's size: a hairline of a broken stroke, however thin
EQUAL = 0.5  # of the character's area: a second character, which the network may judge
CLOSER, MARGIN = 0.3, 0.5  # of the picture, of the character: a small one is cut out with so much around it
SHARPER = 2.0  # the slope of ink, in a picture that had to be cleaned


def extract(grey: np.ndarray) -> np.ndarray:
    """(h, w) uint8 of either polarity -> the same, or (h', w') uint8 with the character alone, black on white."""
    if max(grey.shape) < SMALLEST or int(grey.max()) - int(grey.min()) < FAINTEST:
        return grey
    if depth := _edging(grey):
        return extract(grey[depth:-depth, depth:-depth])
    factor = -(-max(grey.shape) // ANALYSED)
    small = np.asarray(Image.fromarray(grey).reduce(factor))
    ink, flat = _ink(small)
    level = _level(ink)
    if level <= 0:
        return grey
    noise = _noise(ink) / level
    calm = ndimage.gaussian_filter(ink, min(2.0, 0.6 + 4 * noise)) if noise > NOISY else ink
    pieces = Pieces.of(calm > INK * level)
    kept = character(pieces)
    if not kept.size:
        return grey
    part = _within_card(pieces, int(kept[0])) or (pieces.part(kept) if factor > 1 else None)
    if part:
        top, bottom, left, right = (factor * end for end in part)
        return extract(grey[top:bottom, left:right])
    if flat and noise <= NOISY and pieces.dropped(kept) == 0:
        return grey
    return _drawn(ink if noise <= NOISY else calm, pieces, kept)


def _edging(grey: np.ndarray) -> int:
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


def _ink(grey: np.ndarray) -> tuple[np.ndarray, bool]:
    """(h, w) float32, 0 on paper, larger where there is ink; and whether the paper was even."""
    values = grey.astype(np.float32)
    varies = _paper_varies(values)
    if not ink_is_dark((_levelled(values) if varies else grey)[None])[0]:
        values = 255 - values
    paper = _paper(values)
    spread = float(np.subtract(*np.percentile(paper, (98, 2))))
    if not varies or spread <= UNEVEN * float((paper - values).max()):
        return np.float32(np.median(paper)) - values, True
    ink: np.ndarray = 255 * (1 - values / np.maximum(paper, 1))
    return np.maximum(ink, 0), False


def _coarse(values: np.ndarray) -> np.ndarray:
    factor = -(-max(values.shape) // COARSE)
    coarse: np.ndarray = np.asarray(Image.fromarray(values).reduce(factor)) if factor > 1 else values
    return coarse


def _ring(shape: tuple[int, ...]) -> np.ndarray:
    """The outermost 6 % of a picture."""
    ring = np.ones(shape, bool)
    deep = max(1, round(0.06 * min(shape)))
    ring[deep:-deep, deep:-deep] = False
    return ring


def _paper_varies(values: np.ndarray) -> bool:
    """Whether there is more than ink and one tone of paper: much between the two, or a paper that drifts."""
    low, high = np.percentile(values, (1, 99))
    if low >= high:
        return False
    tone = _coarse((values - low) / (high - low))
    level = np.hypot(*np.gradient(ndimage.uniform_filter(tone, 3))) * max(tone.shape) < SLOPE
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


class Pieces:
    """The connected pieces of a mask, the largest first; all arrays run parallel, in px."""

    def __init__(self, labels: np.ndarray, numbers: np.ndarray, area: np.ndarray) -> None:
        self.labels, self.numbers, self.area = labels, numbers, area
        self.shape = labels.shape
        slices = ndimage.find_objects(labels)
        self.boxes = [slices[number - 1] for number in numbers]
        ends = [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in self.boxes]
        self.top, self.bottom, self.left, self.right = np.array(ends, int).reshape(-1, 4).T
        self.height, self.width = self.bottom - self.top, self.right - self.left
        self.size = np.maximum(self.height, self.width)  # the larger side of each box
        depth = ndimage.distance_transform_edt(np.pad(labels > 0, 1))[1:-1, 1:-1]
        self.thickness = 2 * np.asarray(ndimage.maximum(depth, labels, numbers)) if len(numbers) else np.zeros(0)

    @classmethod
    def of(cls, mask: np.ndarray) -> "Pieces":
        labels, count = ndimage.label(mask, EIGHT)
        areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        order = np.argsort(-areas, kind="stable")[:PIECES]
        order = order[areas[order] >= CRUMB * areas[order[:1]].sum()]
        return cls(labels, order + 1, areas[order])

    @property
    def at_edge(self) -> np.ndarray:
        """Whether it touches the picture's edge."""
        height, width = self.shape
        edge: np.ndarray = (self.top <= 0) | (self.left <= 0) | (self.bottom >= height) | (self.right >= width)
        return edge

    def part(self, kept: np.ndarray) -> tuple[int, int, int, int] | None:
        """Top, bottom, left and right of where to look closer; None where the pieces fill much of the picture."""
        top, bottom = int(self.top[kept].min()), int(self.bottom[kept].max())
        left, right = int(self.left[kept].min()), int(self.right[kept].max())
        size = max(bottom - top, right - left)
        if size > CLOSER * max(self.shape):
            return None
        margin = round(MARGIN * size) + 2
        height, width = self.shape
        return max(0, top - margin), min(height, bottom + margin), max(0, left - margin), min(width, right + margin)

    def mask(self, kept: np.ndarray) -> np.ndarray:
        return np.isin(self.labels, self.numbers[kept])

    def dropped(self, kept: np.ndarray) -> int:
        """How many px of ink are in no kept piece."""
        return int((self.labels > 0).sum() - self.area[kept].sum())


def character(pieces: Pieces) -> np.ndarray:
    """Positions of the pieces that make up the character."""
    every = np.arange(len(pieces.area))
    left = [place for place in every.tolist() if not _is_frame(pieces, place, every)]
    inner = [place for place in left if not pieces.at_edge[place] and pieces.size[place] >= INNER * max(pieces.shape)]
    kept = (inner or left)[:1]
    while joined := [place for place in left if place not in kept and _belongs(pieces, place, kept)]:
        kept += joined
    return np.array(sorted(kept), int)


def _is_frame(pieces: Pieces, place: int, among: np.ndarray) -> bool:
    """Whether it surrounds a character, or is a line along the picture's edge."""
    others = np.array([other for other in among if other != place and _within(pieces, other, place)], int)
    height, width = pieces.height[place], pieces.width[place]
    if others.size:
        tall = pieces.bottom[others].max() - pieces.top[others].min()
        wide = pieces.right[others].max() - pieces.left[others].min()
        if max(tall / height, wide / width) >= ENCLOSED and _surrounds(pieces, place):
            return True
    side = max(pieces.shape)
    line = pieces.thickness[place] <= THIN * side and pieces.size[place] >= LONG * side and pieces.at_edge[place]
    return bool(line and any(pieces.size[other] >= INNER * side for other in among if other != place))


def _within_card(pieces: Pieces, place: int) -> tuple[int, int, int, int] | None:
    """Top, bottom, left and right within a filled rectangle that holds a character in the other tone; else None."""
    mask = pieces.labels[pieces.boxes[place]] == pieces.numbers[place]
    deep = round(BAND * min(mask.shape))
    if deep < 1 or min(mask.shape) < SMALLEST // 2:
        return None
    band = np.ones(mask.shape, bool)
    band[deep:-deep, deep:-deep] = False
    corners = [mask[:deep, :deep], mask[:deep, -deep:], mask[-deep:, :deep], mask[-deep:, -deep:]]
    holes = np.argwhere(~mask & ~band)
    if mask[band].mean() < SOLID or min(corner.mean() for corner in corners) < SOLID or not len(holes):
        return None
    if np.ptp(holes, axis=0).max() < ENCLOSED * max(mask.shape):
        return None
    inset = max(1, deep // 2)
    return (
        int(pieces.top[place]) + inset,
        int(pieces.bottom[place]) - inset,
        int(pieces.left[place]) + inset,
        int(pieces.right[place]) - inset,
    )


def _within(pieces: Pieces, inner: int, outer: int) -> bool:
    """Whether its box lies in the other one's."""
    return bool(
        pieces.top[inner] >= pieces.top[outer]
        and pieces.left[inner] >= pieces.left[outer]
        and pieces.bottom[inner] <= pieces.bottom[outer]
        and pieces.right[inner] <= pieces.right[outer]
    )


def _surrounds(pieces: Pieces, place: int) -> bool:
    """Whether there is something of it on three sides at least of the middle of its box, nearly all along them."""
    mask = pieces.labels[pieces.boxes[place]] == pieces.numbers[place]
    deep, broad = (max(1, round(0.2 * length)) for length in mask.shape)
    sides = (mask[:deep].any(0), mask[-deep:].any(0), mask[:, :broad].any(1), mask[:, -broad:].any(1))
    return sum(bool(side.mean() >= CORNERS) for side in sides) >= 3


def _belongs(pieces: Pieces, place: int, kept: list[int]) -> bool:
    """Whether a piece is part of the character: of a broken stroke, a dot, or too large to be dropped."""
    main = kept[0]
    size, thick = int(pieces.size[main]), bool(pieces.thickness[place] >= THICK * pieces.thickness[main])
    for other in kept:
        across = _gap(pieces.left, pieces.right, place, other) / size
        along = _gap(pieces.top, pieces.bottom, place, other) / size
        if thick and across <= 0 and along <= STACKED:
            return True
        if max(across, along) <= NEAR and (thick or pieces.size[place] >= LENGTHY * size):
            return True
    return bool(pieces.area[place] >= EQUAL * pieces.area[main] and not pieces.at_edge[place])


def _gap(start: np.ndarray, end: np.ndarray, one: int, other: int) -> int:
    """px between two boxes along an axis; 0 or less where they overlap."""
    return int(max(start[one] - end[other], start[other] - end[one]))


def _drawn(ink: np.ndarray, pieces: Pieces, kept: np.ndarray) -> np.ndarray:
    """The kept pieces on white, with their soft outlines."""
    mask = pieces.mask(kept)
    reach = max(2, round(0.02 * max(pieces.shape)))
    others = (pieces.labels > 0) & ~mask
    area = ndimage.binary_dilation(mask, EIGHT, iterations=reach) & ~ndimage.binary_dilation(others, EIGHT)
    level = float(np.median(ink[mask]))
    shown = np.clip(0.5 + SHARPER * (ink / level - 0.5), 0, 1) * (area | mask)
    picture: np.ndarray = np.pad(255 - np.rint(255 * shown).astype(np.uint8), reach, constant_values=255)
    return picture
