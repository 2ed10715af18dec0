"""The page as axe-core judges it, in both lights, on a wide screen and on a phone."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from browser import Browser

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


@pytest.mark.parametrize("look", some(list(LOOKS), 1))
def test_axe_finds_nothing_serious(look: str, opened: Browser, folder: Path) -> None:
    opened.open(folder / "report.html", **LOOKS[look])
    opened.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    opened.run(AXE.read_text(encoding="utf-8") + ";0")
    assert opened.run(RUN) == []
