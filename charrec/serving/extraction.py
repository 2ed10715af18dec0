"""A picture as a scanner or a phone yields it -> its character alone.

The background is flattened, the threshold is the picture's own, and of the connected pieces those that belong together
are kept: the dots of i and j, the parts of a broken stroke. Specks, frames and parts of neighbours go. A picture that
has none of that is left as it is, so it is read as the study reads foreign images.
"""

import numpy as np

from charrec.data.foreign import FAINTEST, ink_is_dark
from charrec.serving.ink import edging, inked, reduced
from charrec.serving.pieces import Pieces, drawn, gap, is_frame, within_card

SMALLEST = 32  # px of the larger side; below, a speck is as large as a stroke
ANALYSED = 384  # px of the larger side; the networks see at most 97 px of a character
INNER = 0.2  # of the picture's larger side: a piece as long, off the edge, is the character and what touches it is not
THIN, LONG = 0.06, 0.5  # of the picture's side: a ruled line
THICK = 0.5  # of the character's thickest stroke: thinner pieces are specks
NEAR, STACKED = 0.08, 0.5  # gaps in sizes of the character: within a stroke, between a stem and its dot
LENGTHY = 0.2  # of the character's size: a hairline of a broken stroke, however thin
EQUAL = 0.5  # of the character's area: a second character, which the network may judge
CLOSER, MARGIN = 0.3, 0.5  # of the picture, of the character: a small one is cut out with so much around it


def extract(grey: np.ndarray) -> np.ndarray:
    """(h, w) uint8 of either polarity -> the same, or (h', w') uint8 with the character alone, black on white."""
    if max(grey.shape) < SMALLEST or int(grey.max()) - int(grey.min()) < FAINTEST:
        return grey
    if depth := edging(grey):
        return extract(grey[depth:-depth, depth:-depth])
    factor = -(-max(grey.shape) // ANALYSED)
    ink, level, clean = found = inked(reduced(grey, factor), _is_dark)
    if level <= 0:
        return grey
    pieces = Pieces.of(found.mask())
    kept = character(pieces)
    if not kept.size:
        return grey
    part = within_card(pieces, int(kept[0])) or (_closer(pieces, kept) if factor > 1 else None)
    if part:
        top, bottom, left, right = (factor * end for end in part)
        return extract(grey[top:bottom, left:right])
    if clean and pieces.dropped(kept) == 0:
        return grey
    return drawn(ink, found.mask(), pieces.mask(kept))


def _is_dark(grey: np.ndarray) -> bool:
    return bool(ink_is_dark(grey[None])[0])


def _closer(pieces: Pieces, kept: np.ndarray) -> tuple[int, int, int, int] | None:
    """Top, bottom, left and right of where to look closer; None where the pieces fill much of the picture."""
    top, bottom, left, right = pieces.box(kept)
    size = max(bottom - top, right - left)
    return None if size > CLOSER * max(pieces.shape) else pieces.box(kept, round(MARGIN * size) + 2)


def character(pieces: Pieces) -> np.ndarray:
    """Positions of the pieces that make up the character."""
    left = [place for place in range(len(pieces.area)) if not (is_frame(pieces, place) or _is_rule(pieces, place))]
    inner = [place for place in left if not pieces.at_edge[place] and pieces.size[place] >= INNER * max(pieces.shape)]
    kept = (inner or left)[:1]
    while joined := [place for place in left if place not in kept and _belongs(pieces, place, kept)]:
        kept += joined
    return np.array(sorted(kept), int)


def _is_rule(pieces: Pieces, place: int) -> bool:
    """Whether it is a line along the picture's edge, beside a character."""
    side = max(pieces.shape)
    line = pieces.thickness[place] <= THIN * side and pieces.size[place] >= LONG * side and pieces.at_edge[place]
    return bool(line and np.delete(pieces.size, place).max(initial=0) >= INNER * side)


def _belongs(pieces: Pieces, place: int, kept: list[int]) -> bool:
    """Whether a piece is part of the character: of a broken stroke, a dot, or too large to be dropped."""
    main = kept[0]
    size, thick = int(pieces.size[main]), bool(pieces.thickness[place] >= THICK * pieces.thickness[main])
    for other in kept:
        across = gap(pieces.left, pieces.right, place, other) / size
        along = gap(pieces.top, pieces.bottom, place, other) / size
        if thick and across <= 0 and along <= STACKED:
            return True
        if max(across, along) <= NEAR and (thick or pieces.size[place] >= LENGTHY * size):
            return True
    return bool(pieces.area[place] >= EQUAL * pieces.area[main] and not pieces.at_edge[place])
