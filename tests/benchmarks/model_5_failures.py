"""A gallery of what a network still reads wrong: single digits, glyphs of unseen fonts, years."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from charrec.alphabet import CLASSES, FOLDED
from charrec.data.arrays import Packed, load_arrays
from charrec.data.foreign import prepare
from charrec.data.glyphs import load_columns, load_images
from charrec.data.unavoidable import unavoidable
from charrec.evaluation.kinds import as_one_kind, settled
from charrec.evaluation.tables import labels_of
from charrec.evaluation.texts import YEARS, drawn
from charrec.memo.step import Bench
from charrec.study import FULL

if TYPE_CHECKING:
    from tests.benchmarks.model_5_told import Seen

TILE, CAPTION, TITLE = 64, 16, 26  # px
ACROSS = 12  # tiles in a row
ROWS = 2  # of each section

Failure = tuple[np.ndarray, str]  # an image, and what it shows and was read as


def gallery(seen: "Seen", digits: Packed, bench: Bench, path: Path) -> None:
    """The surest errors of each sort."""
    arrays = load_arrays(seen.run.given.glyphs, seen.run.given.recipe.image_size, bench.store, bench.cache)
    images = prepare(load_images(digits.local(bench.store, bench.cache)), seen.run.given.recipe.image_size)
    sections = {
        "Handwritten digits among ten: the truth, then what was read, the surest errors first": _digits(seen, images),
        "Glyphs of unseen fonts, cases folded, but for pictures that bear two labels": _glyphs(
            seen, arrays.images[arrays.validation], bench
        ),
        "Years of handwritten digits, as one kind": _years(seen, images),
    }
    _drawn(sections).save(path, optimize=True)


def _digits(seen: "Seen", images: np.ndarray) -> list[Failure]:
    head, shares = seen.tables["digits prepared"]
    return _surest(images, labels_of(head), shares[:, :10], np.arange(len(CLASSES)), np.ones(len(head), bool))


def _glyphs(seen: "Seen", images: np.ndarray, bench: Bench) -> list[Failure]:
    glyphs = seen.run.given.glyphs
    columns = load_columns(glyphs.packed.local(bench.store, bench.cache))
    lost = unavoidable(columns["label"].to_numpy(), columns["sha256"].tolist())[glyphs.halves(columns)[1]]
    return _surest(images, seen.labels, seen.tables["validation"][1], np.array(FOLDED), ~lost)


def _surest(
    images: np.ndarray, labels: np.ndarray, shares: np.ndarray, same: np.ndarray, usable: np.ndarray
) -> list[Failure]:
    """Of the usable ones; `same` folds classes that count as one."""
    read = shares.argmax(axis=1)
    wrong = np.flatnonzero((same[read] != same[labels]) & usable)
    order = wrong[np.argsort(-shares.max(axis=1)[wrong], kind="stable")][: ROWS * ACROSS]
    return [(images[place], f"{CLASSES[labels[place]]}  {CLASSES[read[place]]}") for place in order]


def _years(seen: "Seen", images: np.ndarray) -> list[Failure]:
    """Of the evaluation's own draws the first that are misread; a year is as many tiles as it has digits."""
    head, shares = seen.tables["digits prepared"]
    draws = drawn(YEARS, labels_of(head), FULL.seed)
    if draws is None:
        return []
    classes, picks = draws
    kinds = settled(FULL.kinds, seen.evaluation.evaluation.temperature)
    read = as_one_kind(shares[picks], kinds)[1]
    found: list[Failure] = []
    for place in np.flatnonzero((read != classes).any(axis=1))[: ROWS * ACROSS // classes.shape[1]]:
        names = [CLASSES[one] for one in read[place]]
        found += [
            (images[pick], f"{CLASSES[true]}  {name}")
            for pick, true, name in zip(picks[place], classes[place], names, strict=True)
        ]
    return found


def _drawn(sections: dict[str, Sequence[Failure]]) -> Image.Image:
    """Each section below its title, each tile above its caption."""
    font = ImageFont.load_default(13)
    heights = [TITLE + (TILE + CAPTION + 6) * -(-len(tiles) // ACROSS) for tiles in sections.values()]
    page = Image.new("L", (ACROSS * (TILE + 6) + 6, sum(heights) + 6), 255)
    pen, top = ImageDraw.Draw(page), 0
    for (title, tiles), height in zip(sections.items(), heights, strict=True):
        pen.text((6, top + 6), title, fill=0, font=font)
        for place, (image, caption) in enumerate(tiles):
            row, column = divmod(place, ACROSS)
            x, y = 6 + column * (TILE + 6), top + TITLE + row * (TILE + CAPTION + 6)
            page.paste(Image.fromarray(image).resize((TILE, TILE), Image.Resampling.LANCZOS), (x, y))
            pen.text((x + TILE / 2, y + TILE + CAPTION / 2), caption, fill=0, font=font, anchor="mm")
        top += height
    return page
