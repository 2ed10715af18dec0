"""How many lines of text are split right: `python -m tests.benchmarks.lines`.

Four lines of 1 to 10 random characters in the regular face of each embedded family, in turn digits, capitals, small
letters and all 62, dark on light or light on dark; each kind of picture by the same seed. A line counts as right if it
has as many parts as characters. Prints the table of docs/reading.md.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from charrec.alphabet import CLASSES
from charrec.data.sources.fonts import HELD_OUT, STYLES, Face, family_faces, training_families
from charrec.errors import InputError
from charrec.evaluation.kinds import OF
from charrec.serving.line import split
from tests.benchmarks.reading import Picture, light, page, shown

SEED = 7
LENGTH = 10  # characters at most
# Written joined, or of strokes that lie apart: a stencil.
JOINED = (
    *("black-ops-one", "dancing-script", "great-vibes", "lobster"),
    *("lobster-two", "pacifico", "permanent-marker", "zeyada"),
)
ALPHABETS = (*("".join(CLASSES[place] for place in kind) for kind in OF.values()), CLASSES)


def real(face: Face) -> bool:
    """Whether it is in its file, not synthesised."""
    return not (face.slanted or face.emboldened)


@cache
def opened(face: Face, size: int) -> ImageFont.FreeTypeFont:
    """A real face."""
    assert real(face)
    font = ImageFont.truetype(str(face.path), size, layout_engine=ImageFont.Layout.BASIC)
    if face.weight is not None:
        axes = font.get_variation_axes()
        font.set_variation_by_axes(
            [face.weight if axis["name"] == b"Weight" else axis["default"] or 0 for axis in axes]
        )
    return font


def written(text: str, face: Face, size: int = 60, spacing: float = 0.12, margin: int = 20) -> Picture:
    """(h, w) uint8, black on white; `size` px an em, so many ems more between characters than the font has."""
    font = opened(face, size)
    width = round(sum(font.getlength(one) + spacing * size for one in text) + 2 * size)
    canvas = Image.new("L", (width, 3 * size))
    pen, x = ImageDraw.Draw(canvas), float(size)
    for one in text:
        pen.text((x, 2 * size), one, fill=255, font=font, anchor="ls")
        x += font.getlength(one) + spacing * size
    box = canvas.getbbox()
    assert box, text
    left, top, right, bottom = box
    return 255 - np.asarray(canvas.crop((left - margin, top - margin, right + margin, bottom + margin)))


def noisy(line: Picture, rng: np.random.Generator) -> Picture:
    """Gaussian noise of 25 levels, and one pixel in a hundred black or white."""
    values = page(1 - line / 255) + rng.normal(0, 25, line.shape)
    hit = rng.random(line.shape)
    values[hit < 0.005], values[hit > 0.995] = 0, 255
    return shown(values)


def lit_from_one_side(line: Picture, rng: np.random.Generator) -> Picture:
    """Light that falls to a quarter across the picture, in any direction."""
    return shown(page(1 - line / 255) * light(line.shape, rng, 0.25) + rng.normal(0, 2, line.shape))


def framed(line: Picture, rng: np.random.Generator) -> Picture:
    image = Image.fromarray(shown(page(1 - line / 255)))
    ImageDraw.Draw(image).rectangle(
        (5, 5, image.width - 6, image.height - 6), outline=35, width=int(rng.integers(1, 5))
    )
    return np.asarray(image)


def specked(line: Picture, rng: np.random.Generator) -> Picture:
    """A dozen specks of 1 to 3 px, anywhere beside the characters."""
    image = Image.fromarray(line)
    pen, near = ImageDraw.Draw(image), ndimage.binary_dilation(line < 230, iterations=6)
    for _ in range(12):
        y, x = (int(rng.integers(2, length - 2)) for length in line.shape)
        radius = rng.uniform(0.5, 1.5)
        if not near[y, x]:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=60)
    return np.asarray(image)


def blurred(line: Picture, _rng: np.random.Generator) -> Picture:
    return shown(ndimage.gaussian_filter(line.astype(float), 1.5))


def as_it_is(line: Picture, _rng: np.random.Generator) -> Picture:
    return line


WAYS: dict[str, tuple[dict[str, float], Callable[[Picture, np.random.Generator], Picture]]] = {
    "well spaced, 60 px an em": ({}, as_it_is),
    "24 px an em": ({"size": 24, "margin": 5}, as_it_is),
    "150 px an em": ({"size": 150}, as_it_is),
    "spaced by 0.04 em": ({"spacing": 0.04}, as_it_is),
    "as the font spaces": ({"spacing": 0.0}, as_it_is),
    "closer by 0.08 em": ({"spacing": -0.08}, as_it_is),
    "without a margin": ({"margin": 0}, as_it_is),
    "noisy": ({}, noisy),
    "lit from one side": ({}, lit_from_one_side),
    "framed": ({}, framed),
    "with specks": ({}, specked),
    "blurred": ({}, blurred),
}


def outcome(text: str, picture: Picture) -> str:
    try:
        return "right" if len(split("it", picture)) == len(text) else "wrong"
    except InputError:
        return "refused"


def outcomes(way: str, families: list[str], style: int = 0) -> list[str]:
    """Of each family that has a face of this style, a place in STYLES, and each alphabet."""
    rng = np.random.default_rng(SEED)
    options, spoil = WAYS[way]
    found = []
    for face in (family_faces(family)[style] for family in families):
        for alphabet in ALPHABETS if real(face) else ():
            text = "".join(rng.choice(list(alphabet), int(rng.integers(1, LENGTH + 1))))
            picture = spoil(written(text, face, **options), rng)  # type: ignore[arg-type]
            found.append(outcome(text, 255 - picture if rng.random() < 0.5 else picture))
    return found


def plain_families() -> list[str]:
    return [family for family in (*training_families(), *HELD_OUT) if family not in JOINED]


def main() -> None:
    """Print the table."""
    plain = plain_families()
    print(f"{4 * len(plain)} lines in plain faces, {4 * len(JOINED)} in joined ones: % right / refused\n")
    print("| picture | plain | joined |\n|---|---|---|")
    for way in WAYS:
        cells = []
        for families in (plain, list(JOINED)):
            found = outcomes(way, families)
            shares = (100 * found.count(what) / len(found) for what in ("right", "refused"))
            cells.append(" / ".join(f"{share:.1f}" for share in shares))
        print(f"| {way} | {' | '.join(cells)} |", flush=True)
    print("\nwell spaced, in the other styles of the plain families, where they are no synthetic ones:")
    for place, style in enumerate(STYLES):
        if place:
            found = outcomes(next(iter(WAYS)), plain, place)
            print(f"{style}: {found.count('right')} of {len(found)} right, {found.count('refused')} refused")


if __name__ == "__main__":
    main()
