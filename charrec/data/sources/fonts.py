"""The embedded data set: the 62 classes drawn from installed font packages, like Chars74K's from Windows fonts.

Chars74K's computer fonts have 4 styles per family; where a family lacked a bold or italic face, Windows synthesised it.
This source does the same with FreeType's constants and marks the style: "italic (synthetic)".
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features
from PIL import __version__ as pillow_version

from charrec.alphabet import CAPITALS, CLASSES
from charrec.data.images import FRAME, GLYPH, LabelledImages
from charrec.data.sources.source import Selection, Source
from charrec.errors import InputError

if TYPE_CHECKING:
    from fontpkg import Family

# Families held out of training: one or two of each kind, none with a sibling in training.
HELD_OUT = ("alfa-slab-one", "jetbrains-mono", "kalam", "poppins", "spectral", "zilla-slab")
FEWEST = 64  # training families: fewer mean a broken installation, not a smaller study

REMEDY = "Run `make install`, which installs the font packages."

STYLES = {
    "regular": ("normal", 400),
    "bold": ("normal", 700),
    "italic": ("italic", 400),
    "bold-italic": ("italic", 700),
}
SLANT = 0x366A / 0x10000  # FT_GlyphSlot_Oblique: 12 degrees
STROKE = 1 / 48  # em; FT_GlyphSlot_Embolden widens by em/24, half on each side
EM = 320  # px of the outlines before downscaling; even a script font's smallest letter then fills 97 px


@dataclass(frozen=True)
class Face:
    """One style of a family: a font file, and how its outlines are synthesised if the family lacks the face."""

    style: str
    path: Path
    weight: int | None  # on the wght axis; None for a static font
    slanted: bool = False
    emboldened: bool = False


def render_glyphs(families: int | None = None) -> LabelledImages:
    """Every class x family x style, 128x128, black on white, the larger side 97 px, centred.

    Takes `families` families, spread evenly over the kinds, or all but the held-out ones (None).
    Raises InputError if font packages are missing.
    """
    chosen = _spread(training_families(), families)
    faces = _numbered(chosen)
    images = np.empty((len(CLASSES), len(faces), FRAME, FRAME), np.uint8)
    for column, (_, _, face) in enumerate(faces):
        images[:, column] = 255 - draw(face, CLASSES, FRAME, GLYPH)
    names = [f"Sample{c:03}/img{c:03}-{n:05}.png" for c in range(1, len(CLASSES) + 1) for _, n, _ in faces]
    return LabelledImages(
        images=images.reshape(-1, FRAME, FRAME),
        labels=np.repeat(np.arange(len(CLASSES), dtype=np.int64), len(faces)),
        fonts=[slug for slug, _, _ in faces] * len(CLASSES),
        styles=[face.style for _, _, face in faces] * len(CLASSES),
        names=names,
        source="fonts installed with charrec",
        version=_versions(chosen),
        licence=_licences(chosen),
    )


def render_letters(
    families_held_out: Sequence[str] = HELD_OUT, per_class: int | None = None, seed: int = 0, size: int = 32
) -> LabelledImages:
    """New data: A-Z in families held out of training, drawn like the Alphabet set: white on black, no margin.

    `per_class` random images of each letter, or all (families x styles) if there are no more.
    """
    faces = _numbered(sorted(families_held_out))
    letters = "".join(CLASSES[index] for index in CAPITALS)
    drawn = [draw(face, letters, size, size - 2) for _, _, face in faces]
    rng = np.random.default_rng(seed)
    count = len(faces) if per_class is None else min(per_class, len(faces))
    picks = [(k, int(f)) for k in range(len(letters)) for f in np.sort(rng.permutation(len(faces))[:count])]
    return LabelledImages(
        images=np.stack([drawn[f][k] for k, f in picks]),
        labels=np.array([CAPITALS[k] for k, _ in picks], np.int64),
        fonts=[faces[f][0] for _, f in picks],
        styles=[faces[f][2].style for _, f in picks],
        names=[f"{letters[k]}/{faces[f][1]}.png" for k, f in picks],
        source="fonts kept out of training",
        version=_versions(families_held_out),
        licence=_licences(families_held_out),
    )


def fingerprint() -> str:
    """SHA-256 of everything but this module's code that decides the pictures: fonts, renderer, held-out families."""
    identity = {
        "families": _versions(sorted(_installed())),
        "pillow": pillow_version,
        "freetype": features.version("freetype2"),
        "held out": HELD_OUT,
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def training_families() -> list[str]:
    """Training families, sorted by kind and name. Raises InputError if fewer than 64 are installed."""
    kinds = {slug: kind(slug) for slug in _installed() if slug not in HELD_OUT}
    usable = sorted((slug for slug in kinds if family_faces(slug)), key=lambda slug: (kinds[slug], slug))
    if len(usable) < FEWEST:
        raise InputError(
            f"{len(usable)} font families are installed",
            f"at least {FEWEST} for training",
            REMEDY,
        )
    return usable


def kind(slug: str) -> str:
    """Google Fonts' category: DISPLAY, HANDWRITING, MONOSPACE, SANS_SERIF or SERIF."""
    metadata = _family(slug).files[0].path.parents[1] / "metadata.json"  # fontpkg's API omits the category
    return str(json.loads(metadata.read_text(encoding="utf-8"))["category"][0])


def family_faces(slug: str) -> list[Face]:
    """The 4 styles of a family; empty if its upright regular lacks a class.

    A file that lacks a class is ignored; its style is synthesised from the family's other files.
    """
    files: dict[str, Face] = {}
    for file in _family(slug).files:
        for style, (slope, weight) in STYLES.items():
            if file.style == slope and file.covers(weight) and has_all_classes(file.path):
                files.setdefault(style, Face(style, file.path, weight if file.variable else None))
    if "regular" not in files:
        return []
    return [files.get(style) or _synthetic(style, files) for style in STYLES]


def _synthetic(style: str, real: dict[str, Face]) -> Face:
    """The style synthesised from the closest real face: a real slope is preferred over a real weight."""
    base = real["regular"]
    if style == "bold-italic":
        base = real.get("italic") or real.get("bold") or base
    return Face(
        style=f"{style} (synthetic)",
        path=base.path,
        weight=base.weight,
        slanted="italic" in style and base.style != "italic",
        emboldened="bold" in style and base.style != "bold",
    )


@cache
def has_all_classes(path: Path) -> bool:
    """Whether the font maps each of the 62 characters to a glyph other than .notdef."""
    from fontTools.ttLib import TTFont

    with TTFont(path, lazy=True) as font:
        glyphs = font.getBestCmap() or {}
    return all(glyphs.get(ord(character), ".notdef") != ".notdef" for character in CLASSES)


def draw(face: Face, characters: str, frame: int, side: int) -> np.ndarray:
    """(len(characters), frame, frame) uint8, white on black: the larger side of each glyph `side` px, centred."""
    font = ImageFont.truetype(str(face.path), EM, layout_engine=ImageFont.Layout.BASIC)  # no ligatures, no raqm
    if face.weight is not None:
        axes = font.get_variation_axes()
        font.set_variation_by_axes(
            [face.weight if axis["name"] == b"Weight" else axis["default"] or 0 for axis in axes]
        )
    stroke = EM * STROKE if face.emboldened else 0
    canvas = Image.new("L", (4 * EM, 4 * EM))
    pen = ImageDraw.Draw(canvas)
    glyphs = np.zeros((len(characters), frame, frame), np.uint8)
    for glyph, character in zip(glyphs, characters, strict=True):
        canvas.paste(0, (0, 0, *canvas.size))
        pen.text((EM, 2 * EM), character, fill=255, font=font, anchor="ls", stroke_width=stroke)
        box = canvas.getbbox()
        assert box, f"{face.path.name} draws nothing for {character!r}"
        ink = canvas.crop(box)
        if face.slanted:
            ink = _slant(ink)
        width, height = (max(1, round(length * side / max(ink.size))) for length in ink.size)
        left, top = (frame - width) // 2, (frame - height) // 2
        small = ink.resize((width, height), Image.Resampling.LANCZOS)
        glyph[top : top + height, left : left + width] = np.asarray(small)
    return glyphs


def _slant(ink: Image.Image) -> Image.Image:
    """The picture sheared to the right about its bottom edge and cropped again."""
    shift = SLANT * ink.height
    size = (round(ink.width + shift) + 2, ink.height)
    sheared = ink.transform(size, Image.Transform.AFFINE, (1, SLANT, -shift, 0, 1, 0), Image.Resampling.BILINEAR)
    return sheared.crop(sheared.getbbox())


def _numbered(slugs: Sequence[str]) -> list[tuple[str, int, Face]]:
    """(family, number, face): four consecutive numbers per family, starting at 1, as in Chars74K."""
    faces = [(slug, face) for slug in slugs for face in family_faces(slug)]
    return [(slug, number, face) for number, (slug, face) in enumerate(faces, 1)]


def _spread(slugs: list[str], count: int | None) -> list[str]:
    """`count` slugs spread evenly over the list, in alphabetical order."""
    if count is None:
        return sorted(slugs)
    if not 1 <= count <= len(slugs):
        raise InputError(f"families={count}", f"1 to {len(slugs)}", "Request fewer, or omit it for all.")
    positions = (np.arange(count) + 0.5) * len(slugs) / count
    return sorted(slugs[int(position)] for position in positions)


def _installed() -> dict[str, "Family"]:
    """Slug -> family, of fontpkg's own packages; other fonts on the system state no licence."""
    try:
        import fontpkg
    except ImportError:
        return {}
    return {slug: family for slug, family in fontpkg.families().items() if family.license != "unknown"}


def _family(slug: str) -> "Family":
    if family := _installed().get(slug):
        return family
    raise InputError(f"fontpkg-{slug} is not installed", "all families of the study", REMEDY)


def _versions(slugs: Sequence[str]) -> str:
    return " ".join(f"fontpkg-{slug}=={package_version(f'fontpkg-{slug}')}" for slug in slugs)


def _licences(slugs: Sequence[str]) -> str:
    counts = Counter(_family(slug).license for slug in slugs)
    each = ", ".join(f"{licence} ({count} families)" for licence, count in counts.most_common())
    return f"{each}; see each package"


def read(source: Source, selection: Selection) -> LabelledImages:
    if source.role == "glyphs":
        return render_glyphs(selection.fonts)
    assert selection.per_class is not None and selection.seed is not None
    return render_letters(per_class=selection.per_class, seed=selection.seed)
