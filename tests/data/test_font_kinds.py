"""The kind of a font comes from its package, and from nothing else."""

import pytest

from charrec.data.font_kinds import EMBEDDED, KINDS, font_kinds
from charrec.data.sources.fonts import render_glyphs, training_families


def test_every_embedded_family_has_a_kind() -> None:
    found = font_kinds(EMBEDDED, training_families())
    assert set(found) == set(training_families()) and set(found.values()) == set(KINDS.values())


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("lora", "serif"),
        ("roboto", "sans serif"),
        ("roboto-mono", "monospace"),
        ("caveat", "handwriting"),
        ("lobster", "display"),
    ],
)
def test_it_is_google_fonts_category(family: str, kind: str) -> None:
    assert font_kinds(EMBEDDED, [family]) == {family: kind}


def test_the_embedded_set_is_known_by_its_source() -> None:
    assert render_glyphs(1).source == EMBEDDED


def test_a_source_that_numbers_its_fonts_has_no_kinds() -> None:
    """Not even where a number, or a name, is that of a family."""
    assert font_kinds("Chars74K, computer fonts", ["0", "roboto"]) == {}


def test_without_a_familys_package_no_kind_is_told() -> None:
    assert font_kinds(EMBEDDED, ["roboto", "a family of another machine"]) == {}
