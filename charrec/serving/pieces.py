"""The connected pieces of a picture's ink: which of them frames others, or is a card, and some of them drawn alone."""

import numpy as np
from scipy import ndimage

PIECES = 64  # the largest that are looked at
EIGHT = np.ones((3, 3), bool)

CRUMB = 0.004  # of the largest piece's area: what is smaller says nothing
ENCLOSED = 0.42  # of a ring's size: what fills it so far is a framed character, not the dot of a zero
CORNERS = 0.75  # of each side of its box a frame covers; a circle, 0.8
BAND, SOLID = 0.06, 0.93  # of a filled rectangle's smaller side, at its edge; of that band, how much is filled
SHARPER = 2.0  # the slope of ink, in a picture that had to be cleaned
SMALLEST = 16  # px of a card's smaller side


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
    def of(cls, mask: np.ndarray, most: int = PIECES, crumb: float = CRUMB) -> "Pieces":
        """Those of a (h, w) mask, `most` at most, without any below this share of the largest one's area."""
        labels, count = ndimage.label(mask, EIGHT)
        areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        order = np.argsort(-areas, kind="stable")[:most]
        order = order[areas[order] >= crumb * areas[order[:1]].sum()]
        return cls(labels, order + 1, areas[order])

    @property
    def at_edge(self) -> np.ndarray:
        """Whether it touches the picture's edge."""
        height, width = self.shape
        edge: np.ndarray = (self.top <= 0) | (self.left <= 0) | (self.bottom >= height) | (self.right >= width)
        return edge

    def mask(self, kept: np.ndarray) -> np.ndarray:
        return np.isin(self.labels, self.numbers[kept])

    def dropped(self, kept: np.ndarray) -> int:
        """How many px of ink are in no kept piece."""
        return int((self.labels > 0).sum() - self.area[kept].sum())

    def box(self, kept: np.ndarray, margin: int = 0) -> tuple[int, int, int, int]:
        """Top, bottom, left and right of these pieces and so much around them, within the picture."""
        height, width = self.shape
        top, bottom = int(self.top[kept].min()), int(self.bottom[kept].max())
        left, right = int(self.left[kept].min()), int(self.right[kept].max())
        return max(0, top - margin), min(height, bottom + margin), max(0, left - margin), min(width, right + margin)

    def inside(self, place: int) -> np.ndarray:
        """(n,) bool: whether the box of each other piece lies in the box of this one."""
        within: np.ndarray = (
            (self.top >= self.top[place])
            & (self.left >= self.left[place])
            & (self.bottom <= self.bottom[place])
            & (self.right <= self.right[place])
        )
        within[place] = False
        return within


def is_frame(pieces: Pieces, place: int) -> bool:
    """Whether it surrounds a character."""
    others = pieces.inside(place)
    if not others.any():
        return False
    top, bottom, left, right = pieces.box(others)
    filled = max((bottom - top) / pieces.height[place], (right - left) / pieces.width[place])
    return bool(filled >= ENCLOSED and _surrounds(pieces, place))


def within_card(pieces: Pieces, place: int) -> tuple[int, int, int, int] | None:
    """Top, bottom, left and right within a filled rectangle that holds a character in the other tone; else None."""
    mask = pieces.labels[pieces.boxes[place]] == pieces.numbers[place]
    deep = round(BAND * min(mask.shape))
    if deep < 1 or min(mask.shape) < SMALLEST:
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


def _surrounds(pieces: Pieces, place: int) -> bool:
    """Whether there is something of it on three sides at least of the middle of its box, nearly all along them."""
    mask = pieces.labels[pieces.boxes[place]] == pieces.numbers[place]
    deep, broad = (max(1, round(0.2 * length)) for length in mask.shape)
    sides = (mask[:deep].any(0), mask[-deep:].any(0), mask[:, :broad].any(1), mask[:, -broad:].any(1))
    return sum(bool(side.mean() >= CORNERS) for side in sides) >= 3


def gap(start: np.ndarray, end: np.ndarray, one: int, other: int) -> int:
    """px between two boxes along an axis; 0 or less where they overlap."""
    return int(max(start[one] - end[other], start[other] - end[one]))


def drawn(ink: np.ndarray, dark: np.ndarray, mask: np.ndarray, sharpened: bool = True) -> np.ndarray:
    """(h, w) ink where `mask` is, alone on white, with its soft outline; nothing of what else is `dark`."""
    reach = max(2, round(0.02 * max(mask.shape)))
    others = dark & ~mask
    area = ndimage.binary_dilation(mask, EIGHT, iterations=reach) & ~ndimage.binary_dilation(others, EIGHT)
    shown = 0.5 + SHARPER * (ink / float(np.median(ink[mask])) - 0.5) if sharpened else ink / float(ink[mask].max())
    tones = 255 - np.rint(255 * np.clip(shown, 0, 1) * (area | mask)).astype(np.uint8)
    picture: np.ndarray = np.pad(tones, reach, constant_values=255)
    return picture
