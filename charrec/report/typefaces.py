"""IBM Plex (OFL 1.1), from the project's font packages, so that the page and its figures look the same everywhere.

Its monospaced face distinguishes 0 from O and l from I and 1, which a report on characters needs.
"""

import base64
import io
import logging
from functools import cache

SANS, MONO, SERIF = "IBM Plex Sans", "IBM Plex Mono", "IBM Plex Serif"
_WEIGHTS = {SANS: 400, MONO: 500, SERIF: 500}
_PUNCTUATION = "\u0152\u0153\u2013\u2014\u2018\u2019\u201c\u201d\u2026\u202f\u2192\u2212\u2191\u2193\u25c7"
_CHARACTERS = [*range(0x20, 0x7F), *range(0xA0, 0x100), *map(ord, _PUNCTUATION)]


def _path(family: str, weight: int) -> str:
    import fontpkg

    return str(fontpkg.path(family.lower().replace(" ", "-"), weight=weight, nearest=True))


@cache
def _subset(family: str) -> str:
    """The family's Latin subset as base64 WOFF: 55 kB for the variable sans, 10 to 15 kB for the others."""
    from fontTools import subset

    logging.getLogger("fontTools.subset").setLevel(logging.ERROR)
    options = subset.Options(flavor="woff", recalc_timestamp=False, hinting=False)
    options.layout_features = ["kern", "tnum", "zero", "liga", "mark"]
    file = io.BytesIO()
    with subset.load_font(_path(family, _WEIGHTS[family]), options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=_CHARACTERS)
        subsetter.subset(font)
        subset.save_font(font, file, options)
    return base64.b64encode(file.getvalue()).decode()


def css() -> str:
    """@font-face rules with embedded fonts."""
    weights = {SANS: "100 700", MONO: "500", SERIF: "500"}
    return "\n".join(
        f'@font-face{{font-family:"{family}";font-weight:{weight};font-display:swap;'
        f'src:url(data:font/woff;base64,{_subset(family)}) format("woff")}}'
        for family, weight in weights.items()
    )


@cache
def install() -> None:
    """Register the fonts with matplotlib."""
    from matplotlib.font_manager import fontManager

    for family in (SANS, MONO):
        fontManager.addfont(_path(family, 400))
