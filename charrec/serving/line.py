"""A picture of a line of characters -> a picture of each, left to right.

Ink that is connected belongs to one character; so does what lies above or below it, as the dot of an i, or within it.
Slanted neighbours may share columns, as long as they do not touch. What cannot be split is refused: characters that
touch, several lines, signs such as a full stop.
"""

from typing import NamedTuple

import numpy as np

from charrec.data.foreign import FAINTEST
from charrec.errors import InputError
from charrec.serving.ink import INK, Inked, edging, inked, reduced
from charrec.serving.pieces import Pieces, drawn, is_frame, within_card

LONGEST = 100  # characters of a text
SMALLEST = 8  # px of a picture's smaller side; no character shows in less
PIECES, CRUMB = 1000, 0.0005  # at most, of the largest one's area: a line has many, and may have a frame
ANALYSED = 384  # px of the smaller side; the networks see at most 97 px of a character
CARD = 1.25  # times as wide as high: no O of square corners is
ROOMY, MARGIN = 0.6, 0.5  # of the picture's height: a line of less is cut out; with so much of its own height around it

FAINT = 0.25  # of the ink's darkness: hairlines of small print, in a clean picture
LONG = 0.5  # of the line's length: a low piece as long underlines it
LOW = 0.33  # of the tallest character's height: lower pieces are dots, fragments and specks; an x has 0.44 at least
SECOND = 0.4  # of the line's height: other rows with ink as high are another line
SHARED, STACKED = 0.8, 0.3  # of the narrower one's columns: two tall pieces of a character, side by side or stacked
ABOVE = 0.5  # of the stem's height: the gap to its dot
NEAR = 0.08  # of the character's height: gaps within a broken stroke
THICK = 0.5  # of the median stroke: thinner pieces that belong to no character are specks
AROUND = 4  # px around a character, for its soft outline
WIDEST = 2.6  # times as wide as high; of the embedded fonts' characters 2.3 at most, an m
WIDE, WIDER = 1.8, 2.2  # times the line's height, and the median width of the others


def split(name: str, grey: np.ndarray) -> list[np.ndarray]:
    """(h, w) uint8 of either polarity -> (h', w') uint8 of each character alone, black on white.

    Raises InputError that names the picture where there are none, or where they cannot be told apart.
    """
    if min(grey.shape) < SMALLEST:
        size = f"{grey.shape[1]} x {grey.shape[0]} px"
        raise InputError(f"{name} has {size}", f"a line at least {SMALLEST} px high", "Save it larger.")
    if int(grey.max()) - int(grey.min()) < FAINTEST:
        raise _nothing(name)
    if depth := edging(grey):
        return split(name, grey[depth:-depth, depth:-depth])
    factor = -(-min(grey.shape) // ANALYSED)
    found = inked(reduced(grey, factor), _is_dark)
    pieces = Pieces.of(found.mask(FAINT if found.clean else INK), PIECES, CRUMB)
    if not len(pieces.area):
        raise _nothing(name)
    line = _line(pieces)
    if part := _card(pieces, line.tall) or _closer(pieces, line.tall, factor):
        top, bottom, left, right = (factor * end for end in part)
        return split(name, grey[top:bottom, left:right])
    parts = _parts(name, pieces, line)
    _require_apart(name, pieces, parts)
    return [_alone(found, pieces, part) for part in parts]


class Line(NamedTuple):
    """Positions of pieces."""

    tall: np.ndarray  # as high as a character, or most of one
    small: np.ndarray  # dots, fragments, specks


def _is_dark(grey: np.ndarray) -> bool:
    """Whether the ink is dark: of the edge, and of the whole, more is paper.

    A line has as many pieces as characters, so the shapes that `ink_is_dark` asks do not tell.
    """
    twice = 2 * grey.astype(np.int16) - (int(grey.min()) + int(grey.max()))
    light = np.sign(twice)
    edge = np.concatenate([light[0], light[-1], light[1:-1, 0], light[1:-1, -1]])
    return bool(edge.mean() + light.mean() > 0)


def _line(pieces: Pieces) -> Line:
    """Without frames and underlines."""
    left = np.array([place for place in range(len(pieces.area)) if not is_frame(pieces, place)], int)
    left = left if len(left) else np.arange(1)
    low = pieces.height[left] < LOW * pieces.height[left].max()
    _, _, start, end = pieces.box(left)
    underlines = low & (pieces.width[left] >= LONG * (end - start))
    return Line(left[~low], left[low & ~underlines])


def _card(pieces: Pieces, tall: np.ndarray) -> tuple[int, int, int, int] | None:
    """Top, bottom, left and right within a filled rectangle that holds the line in the other tone; else None."""
    only = int(tall[0])
    return within_card(pieces, only) if len(tall) == 1 and pieces.width[only] >= CARD * pieces.height[only] else None


def _closer(pieces: Pieces, tall: np.ndarray, factor: int) -> tuple[int, int, int, int] | None:
    """Where to look closer, if the line is small in a large picture; else None."""
    top, bottom, *_ = pieces.box(tall)
    if factor == 1 or bottom - top > ROOMY * pieces.shape[0]:
        return None
    around = pieces.box(tall, round(MARGIN * (bottom - top)) + 2)
    shape = around[1] - around[0], around[3] - around[2]
    return around if -(-factor * min(shape) // ANALYSED) < factor else None


def _parts(name: str, pieces: Pieces, line: Line) -> list[np.ndarray]:
    """Positions of the pieces of each character, left to right. Raises InputError."""
    _require_one_line(name, pieces, line.tall)
    parts: list[list[int]] = []
    for place in line.tall[np.argsort(pieces.left[line.tall], kind="stable")].tolist():
        if parts and any(_is_one(pieces, place, other) for other in parts[-1]):
            parts[-1].append(place)
        else:
            parts.append([place])
    if len(parts) > LONGEST:
        raise InputError(
            f"{name} has more than {LONGEST} characters, or is very noisy",
            f"one line of at most {LONGEST} characters",
            "Cut it into shorter lines.",
        )
    stroke = float(np.median(pieces.thickness[line.tall]))
    top, bottom, *_ = pieces.box(line.tall)
    for place in line.small.tolist():
        if (owner := _owner(pieces, place, line.tall)) is not None:
            next(part for part in parts if owner in part).append(place)
        elif pieces.thickness[place] >= THICK * stroke and top < pieces.bottom[place] and pieces.top[place] < bottom:
            before = sum(pieces.left[part[0]] < pieces.left[place] for part in parts)
            raise InputError(
                f"{name} has something lower than a character behind its first {before}, as a full stop or a hyphen",
                "only characters of the 62",
                "Erase it, or cut the characters out and name a picture of each.",
            )
    return [np.array(part, int) for part in parts]


def _is_one(pieces: Pieces, place: int, other: int) -> bool:
    """Whether two tall pieces are of one character: one above the other, or in the same columns."""
    shared = _overlap(pieces.left, pieces.right, place, other) / min(pieces.width[place], pieces.width[other])
    stacked = _overlap(pieces.top, pieces.bottom, place, other) <= 0
    return bool(shared >= (STACKED if stacked else SHARED))


def _owner(pieces: Pieces, place: int, tall: np.ndarray) -> int | None:
    """The tall piece that a small one belongs to: above or below which it lies, within which or close to which."""
    across = _overlaps(pieces.left, pieces.right, place, tall)
    along = _overlaps(pieces.top, pieces.bottom, place, tall)
    height, width = pieces.height[tall], pieces.width[place]
    thick = pieces.thickness[place] >= THICK * pieces.thickness[tall]
    over = thick & (along <= 0) & (-along <= ABOVE * height) & (-across <= NEAR * height)
    inside = (across == width) & (along == pieces.height[place])
    near = np.maximum(-across, -along) <= NEAR * height
    for rule in (over, inside, near):
        if rule.any():
            return int(tall[np.flatnonzero(rule)[across[rule].argmax()]])
    return None


def _overlap(start: np.ndarray, end: np.ndarray, one: int, other: int) -> int:
    """px that two boxes share along an axis; below 0, the gap between them."""
    return int(min(end[one], end[other]) - max(start[one], start[other]))


def _overlaps(start: np.ndarray, end: np.ndarray, one: int, others: np.ndarray) -> np.ndarray:
    shared: np.ndarray = np.minimum(end[one], end[others]) - np.maximum(start[one], start[others])
    return shared


def _require_one_line(name: str, pieces: Pieces, tall: np.ndarray) -> None:
    rows = np.zeros(pieces.shape[0] + 2, int)
    for place in tall.tolist():
        rows[pieces.top[place] + 1 : pieces.bottom[place] + 1] = 1
    turns = np.flatnonzero(np.diff(rows))
    heights = np.sort(turns[1::2] - turns[::2])[::-1]
    if len(heights) > 1 and heights[1] >= SECOND * heights[0]:
        found = f"{name} has several lines, or is very noisy"
        raise InputError(found, "one line of characters", "Cut out one line, and read it alone.")


def _require_apart(name: str, pieces: Pieces, parts: list[np.ndarray]) -> None:
    """Raises InputError for a part that is far wider than a character."""
    boxes = np.array([pieces.box(part) for part in parts])
    heights, widths = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
    for place, (height, width) in enumerate(zip(heights, widths, strict=True)):
        others = np.delete(widths, place)
        wide = len(others) and width > WIDE * heights.max() and width > WIDER * np.median(others)
        if wide or width > WIDEST * height:
            raise InputError(
                f"characters of {name} touch: part {place + 1} of {len(parts)} is {width / height:.1f} times as wide as"
                " high",
                "paper between a character and the next",
                "Write them apart, or cut them out and name a picture of each.",
            )


def _alone(found: Inked, pieces: Pieces, part: np.ndarray) -> np.ndarray:
    """The picture of a character, in which nothing is of its neighbours."""
    top, bottom, left, right = pieces.box(part, AROUND)
    window = slice(top, bottom), slice(left, right)
    labels, ink = pieces.labels[window], found.ink[window]
    mask = np.isin(labels, pieces.numbers[part])
    return drawn(ink, labels > 0, mask, sharpened=not found.clean)


def _nothing(name: str) -> InputError:
    return InputError(
        f"{name} is blank",
        f"at least {FAINTEST} grey levels between ink and paper",
        "Remove it, or check how it was cropped.",
    )
