"""A page that is served while its study runs, in a browser: it follows the study until somebody uses it."""

from pathlib import Path

import pytest
from browser import Browser

from charrec.report.templates import content

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>live</title><body>
<details><summary>more</summary></details>
<script>{language}</script>
<script>
let served = "1";
window.fetch = async () => ({{ ok: true, text: async () => served }});
</script>
<script data-version="1" data-milliseconds="20">{live}</script>"""
ASKED = "new Promise(done => setInterval(() => document.querySelector('[role=status] button') && done(true), 20))"
USES = {
    "a pointer": "document.querySelector('summary').dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }))",
    "a key": "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'Tab', bubbles: true }))",
}


@pytest.fixture
def page(opened: Browser, tmp_path: Path) -> Browser:
    path = tmp_path / "live.html"
    path.write_text(PAGE.format(language=content("language.js"), live=content("live.js")), encoding="utf-8")
    opened.open(path)
    return opened


def test_it_loads_itself_anew_where_nobody_uses_it(page: Browser) -> None:
    page.run("window.before = true")
    page.reload("served = '2'")
    assert page.run("window.before === undefined")


@pytest.mark.parametrize("use", USES)
def test_it_asks_before_it_takes_away_what_was_chosen(use: str, page: Browser) -> None:
    page.run("window.before = true")
    page.run(USES[use])
    page.run("served = '2'")
    assert page.run(ASKED)
    assert (
        page.run("window.before === true && document.querySelector('[role=status]').textContent") == "show what is new"
    )
    page.reload("document.querySelector('[role=status] button').click()")
    assert page.run("window.before === undefined")
