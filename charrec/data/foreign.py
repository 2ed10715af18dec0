"""Foreign images -> glyphs that look like the training images: black on white, Chars74K's size, centred."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from charrec.alphabet import INDEX
from charrec.data.images import FRAME, GLYPH
from charrec.errors import InputError

FAINTEST = 16  # grey levels between ink and paper; with fewer, the image is blank
UNANIMOUS = 0.8  # a border that is 90 % one colour and 10 % the other: the majority is paper
# Weights of the votes that supplement the border's, full at 28 px and above. Tuned on glyphs cropped so tightly that
# they fill the frame: 97 % of those are right at 28x28 (89 % by the border alone), and so are all of MNIST's 10,000
# and scikit-learn's 1,797 digits.
PIECES, CENTRING, FULL_VOTE = 0.3, 1.0, 28
CHUNK = 1024  # images per batch: 64 MiB of float32 at 128x128


def prepare(images: np.ndarray, size: int = FRAME) -> np.ndarray:
    """(n, h, w) uint8 of either polarity -> (n, size, size) uint8, black on white, centred, full contrast.

    The glyph's larger side becomes 97/128 of the frame. Contrast is stretched because every training image uses the
    full range. Raises InputError for a blank image.
    """
    if blank := _blank(images):
        raise InputError(
            f"image {blank[0]} is blank ({len(blank)} of {len(images)} are)",
            f"at least {FAINTEST} grey levels between ink and paper",
            "Remove it, or check how it was cropped.",
        )
    prepared = np.empty((len(images), size, size), np.uint8)
    for start in range(0, len(images), CHUNK):
        part = slice(start, start + CHUNK)
        prepared[part] = _place(_ink(images[part]), size)
    return prepared


def reference(images: np.ndarray, size: int = FRAME) -> np.ndarray:
    """The reference deck's method: 255 - x and nearest-neighbour resizing, regardless of polarity and margins."""
    resized = (Image.fromarray(image).resize((size, size), Image.Resampling.NEAREST) for image in 255 - images)
    return np.stack([np.asarray(image) for image in resized])


METHODS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"prepared": prepare, "reference": reference}


def pick_text(text: str, labels: np.ndarray, seed: int) -> list[int]:
    """For each character of the text, the index of an image of its class, drawn with the seed (seed, position)."""
    picks = []
    for position, character in enumerate(text):
        candidates = np.flatnonzero(labels == INDEX.get(character, -1))
        if not len(candidates):
            raise InputError(
                f"the data have no image of {character!r}",
                "an image for every character of the text",
                f"Replace {text!r} by a text of other characters, or use other data.",
            )
        picks.append(int(np.random.default_rng((seed, position)).choice(candidates)))
    return picks


def ink_is_dark(images: np.ndarray) -> np.ndarray:
    """(n, h, w) uint8, none blank -> (n,) bool: dark ink on light paper?

    A border of one colour is paper. If the glyph touches the border, that rule alone mistakes a heavy L for its
    counter, so the shapes vote too: ink has fewer pieces (minus holes) and is better centred than paper.
    Exact mid-grey counts as neither, so an inverted image gives the inverse answer.
    """
    middle = images.min((1, 2)).astype(np.int16) + images.max((1, 2))
    twice = 2 * images.astype(np.int16)
    dark, light = twice < middle[:, None, None], twice > middle[:, None, None]
    border = _border_share(light) - _border_share(dark)
    unclear = np.abs(border) < UNANIMOUS
    dark, light = dark[unclear], light[unclear]
    pieces = np.clip(_euler_number(light) - _euler_number(dark), -2, 2)
    shift = (_off_centre(light) - _off_centre(dark)) / images.shape[1]
    weight = min(1.0, images.shape[1] / FULL_VOTE)  # at low resolution strokes break and margins shrink to a pixel
    border[unclear] += weight * (PIECES * pieces + CENTRING * shift)
    answer: np.ndarray = border > 0
    return answer


def _blank(images: np.ndarray) -> list[int]:
    if images.ndim != 3 or images.dtype != np.uint8:
        raise InputError(
            f"images are {images.dtype} of shape {images.shape}",
            "uint8 (n, h, w)",
            "Convert them to 8-bit grey.",
        )
    contrast = images.max((1, 2), initial=0).astype(int) - images.min((1, 2), initial=255)
    return [int(index) for index in np.flatnonzero(contrast < FAINTEST)]


def _border_share(mask: np.ndarray) -> np.ndarray:
    border = np.ones(mask.shape[1:], bool)
    border[1:-1, 1:-1] = False
    share: np.ndarray = mask[:, border].mean(axis=1)
    return share


def _euler_number(mask: np.ndarray) -> np.ndarray:
    """8-connected pieces minus holes of each mask, from its 2x2 quads (Gray 1971)."""
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1))).astype(np.int8)
    a, b, c, d = padded[:, :-1, :-1], padded[:, :-1, 1:], padded[:, 1:, :-1], padded[:, 1:, 1:]
    filled = a + b + c + d
    diagonal = (filled == 2) & (a == d)
    quads = (filled == 1).sum((1, 2)) - (filled == 3).sum((1, 2)) - 2 * diagonal.sum((1, 2))
    number: np.ndarray = quads // 4
    return number


def _off_centre(mask: np.ndarray) -> np.ndarray:
    """|left - right margin| + |top - bottom margin|, px."""
    total = np.zeros(len(mask))
    for axis in (1, 2):
        profile: np.ndarray = np.asarray(mask.any(axis=axis), np.float32)
        start, end = _extent(profile)
        total += np.abs(start + end - profile.shape[1])
    return total


def _ink(images: np.ndarray) -> np.ndarray:
    """(n, h, w) float32 from 0 (paper) to 1 (ink), each image stretched to the full range."""
    ink = np.where(ink_is_dark(images)[:, None, None], 255 - images, images)
    low = ink.min((1, 2), keepdims=True).astype(np.float32)
    high = ink.max((1, 2), keepdims=True).astype(np.float32)
    stretched: np.ndarray = (ink - low) / (high - low)
    return stretched


def _extent(profile: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, w) in 0...1 -> the first and last crossing of one half in each row, px, interpolated between pixels.

    Half the range is the outline of an anti-aliased glyph; fainter grey is drawn but not measured.
    """
    width = profile.shape[1]
    padded = np.pad(profile, ((0, 0), (1, 1)))
    start = _crossing(padded)
    end = width - _crossing(padded[:, ::-1])
    return start, end


def _crossing(padded: np.ndarray) -> np.ndarray:
    """The first rise through one half of a profile padded by one zero, px from the unpadded start."""
    rows = np.arange(len(padded))
    first = (padded >= 0.5).argmax(axis=1)
    value, before = padded[rows, first], padded[rows, first - 1]
    crossing: np.ndarray = first - 0.5 - (value - 0.5) / (value - before)
    return crossing


def _place(ink: np.ndarray, size: int) -> np.ndarray:
    """(n, h, w) ink -> (n, size, size) uint8: cropped, scaled and centred on paper in one resampling."""
    left, right = _extent(ink.max(axis=1))
    top, bottom = _extent(ink.max(axis=2))
    x, y = (left + right) / 2, (top + bottom) / 2
    reach = np.maximum(right - left, bottom - top) / 2 * FRAME / GLYPH  # from the glyph's centre to the new frame
    margin = int(np.ceil(reach.max())) + 1
    paper = np.pad(
        255 - np.rint(255 * ink).astype(np.uint8), ((0, 0), (margin,) * 2, (margin,) * 2), constant_values=255
    )
    boxes = np.stack([x - reach, y - reach, x + reach, y + reach], axis=1) + margin
    placed = np.empty((len(ink), size, size), np.uint8)
    for out, image, box in zip(placed, paper, boxes.tolist(), strict=True):
        out[:] = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC, tuple(box)))
    return placed
