"""Foreign images -> glyphs as the models know them: black on white, Chars74K's size and place in the frame."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from charrec.alphabet import INDEX
from charrec.data.images import FRAME, GLYPH
from charrec.errors import InputError

FAINTEST = 16  # grey levels between ink and paper; less is a blank page
UNANIMOUS = 0.8  # 90 % of the border one way, 10 % the other: that colour is paper
# Votes beside the border's at 28 px and more, chosen on glyphs cut out so tight that they fill the frame: right on
# 97 % of those at 28x28 (the border alone: 89 %) and on all of MNIST's 10,000 and scikit-learn's 1,797 digits.
PIECES, CENTRING, FULL_VOTE = 0.3, 1.0, 28
CHUNK = 1024  # images at a time: 64 MiB of float32 at 128x128


def prepare(images: np.ndarray, size: int = FRAME) -> np.ndarray:
    """(n, h, w) uint8 of either polarity -> (n, size, size) uint8, black on white, centred, full contrast.

    The glyph's larger side becomes 97/128 of the frame. Contrast is stretched because every training
    image uses the full range. InputError names a blank image.
    """
    if blank := _blank(images):
        raise InputError(
            f"image {blank[0]} is blank ({len(blank)} of {len(images)} are)",
            f"at least {FAINTEST} grey levels between ink and paper",
            "Leave it out, or look at how it was cut out.",
        )
    prepared = np.empty((len(images), size, size), np.uint8)
    for start in range(0, len(images), CHUNK):
        part = slice(start, start + CHUNK)
        prepared[part] = _place(_ink(images[part]), size)
    return prepared


def reference(images: np.ndarray, size: int = FRAME) -> np.ndarray:
    """The reference deck's way: 255 - x and nearest neighbour to the size, whatever the polarity and the margins."""
    resized = (Image.fromarray(image).resize((size, size), Image.Resampling.NEAREST) for image in 255 - images)
    return np.stack([np.asarray(image) for image in resized])


METHODS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"prepared": prepare, "reference": reference}


def pick_text(text: str, labels: np.ndarray, seed: int) -> list[int]:
    """For each character of the text the index of one image of its class, drawn by (seed, position)."""
    picks = []
    for position, character in enumerate(text):
        candidates = np.flatnonzero(labels == INDEX.get(character, -1))
        if not len(candidates):
            raise InputError(
                f"no image shows {character!r}",
                "a class of the data for every character of the text",
                f"Write {text!r} with other characters, or take other data.",
            )
        picks.append(int(np.random.default_rng((seed, position)).choice(candidates)))
    return picks


def ink_is_dark(images: np.ndarray) -> np.ndarray:
    """(n, h, w) uint8, none blank -> (n,) bool: dark ink on light paper?

    A border of one colour is paper. Where the glyph runs into the border, that alone takes a heavy L for its
    counter, so the shapes vote too: ink is in fewer pieces (less its holes) and better centred than paper.
    Grey exactly half-way belongs to neither, so the inverse image gets the inverse answer.
    """
    middle = images.min((1, 2)).astype(np.int16) + images.max((1, 2))
    twice = 2 * images.astype(np.int16)
    dark, light = twice < middle[:, None, None], twice > middle[:, None, None]
    border = _border_share(light) - _border_share(dark)
    unclear = np.abs(border) < UNANIMOUS
    dark, light = dark[unclear], light[unclear]
    pieces = np.clip(_euler_number(light) - _euler_number(dark), -2, 2)
    shift = (_off_centre(light) - _off_centre(dark)) / images.shape[1]
    weight = min(1.0, images.shape[1] / FULL_VOTE)  # in coarse pictures strokes break and margins are a pixel
    border[unclear] += weight * (PIECES * pieces + CENTRING * shift)
    answer: np.ndarray = border > 0
    return answer


def _blank(images: np.ndarray) -> list[int]:
    if images.ndim != 3 or images.dtype != np.uint8:
        raise InputError(
            f"images are {images.dtype} of shape {images.shape}",
            "uint8 (n, h, w)",
            "Convert them to grey first.",
        )
    contrast = images.max((1, 2), initial=0).astype(int) - images.min((1, 2), initial=255)
    return [int(index) for index in np.flatnonzero(contrast < FAINTEST)]


def _border_share(mask: np.ndarray) -> np.ndarray:
    border = np.ones(mask.shape[1:], bool)
    border[1:-1, 1:-1] = False
    share: np.ndarray = mask[:, border].mean(axis=1)
    return share


def _euler_number(mask: np.ndarray) -> np.ndarray:
    """Pieces less holes of each mask, 8-connected, from its 2x2 quads (Gray 1971)."""
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1))).astype(np.int8)
    a, b, c, d = padded[:, :-1, :-1], padded[:, :-1, 1:], padded[:, 1:, :-1], padded[:, 1:, 1:]
    filled = a + b + c + d
    diagonal = (filled == 2) & (a == d)
    quads = (filled == 1).sum((1, 2)) - (filled == 3).sum((1, 2)) - 2 * diagonal.sum((1, 2))
    number: np.ndarray = quads // 4
    return number


def _off_centre(mask: np.ndarray) -> np.ndarray:
    """Difference of opposite margins, px, both directions added."""
    total = np.zeros(len(mask))
    for axis in (1, 2):
        profile: np.ndarray = np.asarray(mask.any(axis=axis), np.float32)
        start, end = _extent(profile)
        total += np.abs(start + end - profile.shape[1])
    return total


def _ink(images: np.ndarray) -> np.ndarray:
    """(n, h, w) float32, 0 paper ... 1 ink, each image over its full range."""
    ink = np.where(ink_is_dark(images)[:, None, None], 255 - images, images)
    low = ink.min((1, 2), keepdims=True).astype(np.float32)
    high = ink.max((1, 2), keepdims=True).astype(np.float32)
    stretched: np.ndarray = (ink - low) / (high - low)
    return stretched


def _extent(profile: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, w) in 0...1 -> where each first and last crosses one half, px, between pixels where they are grey.

    Half the range is the outline of an anti-aliased glyph; fainter grey is drawn but not measured.
    """
    width = profile.shape[1]
    padded = np.pad(profile, ((0, 0), (1, 1)))
    start = _crossing(padded)
    end = width - _crossing(padded[:, ::-1])
    return start, end


def _crossing(padded: np.ndarray) -> np.ndarray:
    """Where the profile, padded by one zero, first rises through one half, px from the unpadded start."""
    rows = np.arange(len(padded))
    first = (padded >= 0.5).argmax(axis=1)
    value, before = padded[rows, first], padded[rows, first - 1]
    crossing: np.ndarray = first - 0.5 - (value - 0.5) / (value - before)
    return crossing


def _place(ink: np.ndarray, size: int) -> np.ndarray:
    """(n, h, w) ink -> (n, size, size) uint8: cut out, scaled and centred in one resampling, paper around."""
    left, right = _extent(ink.max(axis=1))
    top, bottom = _extent(ink.max(axis=2))
    x, y = (left + right) / 2, (top + bottom) / 2
    reach = np.maximum(right - left, bottom - top) / 2 * FRAME / GLYPH  # from the glyph's middle to the new frame
    margin = int(np.ceil(reach.max())) + 1
    paper = np.pad(
        255 - np.rint(255 * ink).astype(np.uint8), ((0, 0), (margin,) * 2, (margin,) * 2), constant_values=255
    )
    boxes = np.stack([x - reach, y - reach, x + reach, y + reach], axis=1) + margin
    placed = np.empty((len(ink), size, size), np.uint8)
    for out, image, box in zip(placed, paper, boxes.tolist(), strict=True):
        out[:] = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC, tuple(box)))
    return placed
