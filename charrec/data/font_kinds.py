"""Which kind of font a family is, where a source names its families."""

from collections.abc import Iterable

from charrec.data.sources import fonts
from charrec.errors import InputError

EMBEDDED = "fonts installed with charrec"  # the source as fonts.py names it in a packed set
KINDS = {
    "SERIF": "serif",
    "SANS_SERIF": "sans serif",
    "MONOSPACE": "monospace",
    "HANDWRITING": "handwriting",
    "DISPLAY": "display",
}


def font_kinds(source: str, families: Iterable[str]) -> dict[str, str]:
    """Family -> its category at Google Fonts, as its package has it; empty for any other source.

    Chars74K numbers its fonts and names none. Empty, too, where a package is missing on this machine.
    """
    if source != EMBEDDED:
        return {}
    try:
        return {family: KINDS[fonts.kind(family)] for family in sorted(set(families))}
    except (InputError, KeyError):
        return {}
