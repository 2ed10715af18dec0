"""The pages as axe-core judges them: in both lights and languages, on a wide screen and on a phone."""

from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import sample_pages
from browser import SIZES, Browser

from charrec.report import comparison, early
from charrec.report.language import LANGUAGES, Language
from tests.thorough import some

AXE = files("axe_playwright_python").joinpath("axe.min.js")
# Its default rules: WCAG 2.2 A and AA, and best practices. What axe cannot decide by itself is not a finding.
RUN = """axe.run(document, { resultTypes: ["violations"] }).then(found => found.violations
  .filter(one => ["serious", "critical"].includes(one.impact))
  .flatMap(one => one.nodes.map(node => `${one.id}: ${node.html.slice(0, 160)}: ${node.failureSummary}`)))"""
LOOKS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"dark": True},
    "phone": {"size": "phone"},
    "phone-dark": {"size": "phone", "dark": True},
}
PAGES = ("report", "comparison", "early")
SWITCH = "document.querySelector('[data-language]').click()"


@pytest.fixture
def page(which: str, folder: Path, tmp_path: Path) -> Path:
    """In English."""
    if which == "report":
        return folder / "report.html"
    path = tmp_path / "page.html"
    shown = comparison.render(sample_pages.compared(tmp_path)) if which == "comparison" else None
    path.write_text(shown or early.render(*sample_pages.early()), encoding="utf-8")
    return path


@pytest.mark.parametrize(("which", "language", "look"), some(list(product(PAGES, LANGUAGES, LOOKS)), 1))
def test_axe_finds_nothing_serious(look: str, language: Language, page: Path, opened: Browser) -> None:
    opened.open(page, **LOOKS[look])
    try:
        if language == "fr":
            opened.reload(SWITCH)
        assert opened.run("document.documentElement.lang") == language
        assert "phone" not in look or opened.run("document.documentElement.scrollWidth") == SIZES["phone"][0]
        opened.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        opened.run(AXE.read_text(encoding="utf-8") + ";0")
        assert opened.run(RUN) == []
    finally:
        opened.run("localStorage.clear(); history.replaceState(null, '')")
