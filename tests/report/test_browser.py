"""The page in Debian's chromium: quiet, as narrow as a phone, and its drawings answer. Pictures: ci-output/report/."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sample_pages
from browser import SIZES, Browser

from charrec.report import early
from charrec.results import StudyResult
from tests.desk import ROOT
from tests.thorough import some

PICTURES = ROOT / "ci-output" / "report"
LOOKS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"dark": True},
    "phone": {"size": "phone"},
    "phone-dark": {"size": "phone", "dark": True},
    "paper": {"paper": True},
}
SECTIONS = (  # those that are not left out on paper
    "['#top', ...[...document.querySelectorAll('section[id]')].filter(one => one.offsetWidth).map(one => '#' + one.id)]"
)
KEPT = "document.getElementById('kept').textContent"
SHOWN = "[...document.querySelectorAll('.trials tr[data-t]')].filter(row => !row.hidden).length"


@pytest.fixture
def page(opened: Browser, folder: Path) -> Iterator[Browser]:
    """The full study's page on a wide screen; nothing was said in its console when the test ends."""
    opened.said.clear()
    opened.open(folder / "report.html")
    yield opened
    assert opened.said == []


@pytest.mark.parametrize("look", ["light", *some([look for look in LOOKS if look != "light"], 1)])
def test_every_section_is_quiet_and_has_its_picture(look: str, opened: Browser, folder: Path) -> None:
    opened.said.clear()
    opened.open(folder / "report.html", **LOOKS[look])
    for section in opened.run(SECTIONS):
        picture = PICTURES / f"{section[1:]}-{look}.png"
        opened.picture(section, picture)
        assert picture.stat().st_size > 2000
    assert opened.said == []


@pytest.mark.parametrize("which", some(["folder", "tiny"], 1))
def test_a_phone_scrolls_in_one_direction_only(which: str, opened: Browser, request: pytest.FixtureRequest) -> None:
    opened.said.clear()
    opened.open(request.getfixturevalue(which) / "report.html", size="phone")
    assert opened.run("document.documentElement.scrollWidth") == SIZES["phone"][0]
    assert opened.run("[...document.querySelectorAll('.key')].every(one => one.scrollWidth <= one.clientWidth)")
    assert opened.said == []


def test_the_page_is_small(folder: Path) -> None:
    assert (folder / "report.html").stat().st_size < 3_000_000


def lit(page: Browser) -> set[tuple[str, str]]:
    """Element and configuration of everything that stands out."""
    return {
        (tag, one) for tag, one in page.run("[...document.querySelectorAll('.on')].map(o => [o.tagName, o.dataset.c])")
    }


def test_a_configuration_stands_out_everywhere_at_once(page: Browser) -> None:
    page.run("document.querySelector('#parallel').scrollIntoView()")
    wanted, x, y = page.run(
        "(hit => { const at = hit.getPointAtLength(hit.getTotalLength() - 70).matrixTransform(hit.getScreenCTM());"
        " return [hit.dataset.c, at.x, at.y]; })([...document.querySelectorAll('.hit')].at(-1))"
    )
    page.pointer("mouseMoved", x, y)
    assert lit(page) == {("path", wanted), ("g", wanted), ("TR", wanted)}
    assert page.run(
        "document.querySelectorAll('#learning .on').length * document.querySelectorAll('#timeline .on').length"
    )
    page.pointer("mouseMoved", 2, 2)
    assert page.run("document.querySelectorAll('.on').length") == 0


def test_the_trials_of_an_unfinished_study_stand_out_too(opened: Browser, tmp_path: Path) -> None:
    path = tmp_path / "early.html"
    path.write_text(early.render(*sample_pages.early()), encoding="utf-8")
    opened.said.clear()
    opened.open(path)
    shown = opened.run(
        "(hit => { hit.dispatchEvent(new Event('pointerenter')); return hit.dataset.c; })"
        "(document.querySelector('.hit'))"
    )
    assert {("TR", shown), ("path", shown)} <= lit(opened) and {one for _, one in lit(opened)} == {shown}
    assert opened.said == []


def test_a_bar_of_the_timeline_lights_up_its_configuration(page: Browser) -> None:
    page.run("document.querySelector('#timeline').scrollIntoView()")
    wanted, x, y = page.run(
        "(g => { const box = g.querySelector('rect').getBoundingClientRect();"
        " return [g.dataset.c, box.x + box.width / 2, box.y + box.height / 2]; })"
        "([...document.querySelectorAll('#timeline g.promoted')].at(-1))"
    )
    page.pointer("mouseMoved", x, y)
    assert lit(page) == {("path", wanted), ("g", wanted), ("TR", wanted)}


def test_the_trials_can_be_walked_through_by_keys(page: Browser, full: StudyResult) -> None:
    page.run("document.querySelector('.lines').focus()")
    said = "document.getElementById('kept').textContent"
    assert page.run(said).startswith(f"trial {full.search.trials[0].trial},")
    page.key("ArrowDown")
    assert page.run(said).startswith(f"trial {full.search.trials[1].trial},")
    active = page.run("document.querySelector('.lines').getAttribute('aria-activedescendant')")
    assert active == f"trial-{full.search.trials[1].trial}"
    assert page.run("document.querySelectorAll('.trials tr.on').length") >= 1
    page.run("document.activeElement.blur()")
    assert page.run(said) == "", "what stands out no longer"


def test_a_handle_keeps_the_trials_above_it(page: Browser, full: StudyResult) -> None:
    kept = [t for t in full.search.trials if t.network["units"] > 128 and t.val_accuracy is not None]
    page.run("document.querySelector('[aria-label=\"units, lower end\"]').focus()")
    page.key("ArrowUp")
    assert page.run(SHOWN) == len(kept)
    said = f"{len(kept)} of {len(full.search.trials) - 1} trials: units from 192 to 512"
    assert page.run(KEPT) == said
    assert page.run("document.activeElement.getAttribute('aria-valuetext')") == "192"
    page.run("document.querySelector('.lines').focus(); document.activeElement.blur()")
    assert page.run(KEPT) == said, "and no longer the line that was walked to"
    page.run("document.getElementById('all-trials').focus(); document.activeElement.click()")
    assert page.run(SHOWN) == len(full.search.trials)
    assert page.run(KEPT) == "All trials are shown."
    assert page.run("document.activeElement.id") == "all-trials", "a key's press finds itself where it was"


def test_a_line_that_was_clicked_is_let_go_where_a_range_leaves_it_out(page: Browser) -> None:
    hit = "[...document.querySelectorAll('.hit')].at(-1)"
    click = f"{hit}.dispatchEvent(new Event('click'))"
    page.run(click)
    assert {one for _, one in lit(page)} == {page.run(f"{hit}.dataset.c")}
    page.run("document.getElementById('all-trials').click()")
    assert not lit(page)
    page.run(click)
    page.run("document.querySelector('[aria-label=\"accuracy, upper end\"]').focus()")
    for _ in page.run("[...document.querySelectorAll('.ticks')].at(-1).children"):
        page.key("ArrowDown")
    assert not lit(page) and page.run(SHOWN) >= 1
    assert page.run("document.querySelectorAll('.lit').length") == 0


def drag(page: Browser, axis: int, start: float, end: float) -> None:
    """Along an axis, between two shares of its height from the top."""
    page.run("document.querySelector('#parallel').scrollIntoView()")
    x, top, height = page.run(
        "(b => [b.x + b.width / 2, b.y, b.height])"
        f"([...document.querySelectorAll('.brush .area')].at({axis}).getBoundingClientRect())"
    )
    page.pointer("mousePressed", x, top + start * height, pressed=True)
    if end != start:
        page.pointer("mouseMoved", x, top + end * height, pressed=True)
    page.pointer("mouseReleased", x, top + end * height)


@pytest.mark.parametrize(("start", "end"), some([(0.2, 0.6), (0.45, 0.5), (0.9, 0.7)], 1))
def test_the_range_of_accuracies_is_told_as_it_was_dragged(
    start: float, end: float, page: Browser, full: StudyResult
) -> None:
    drag(page, -1, start, end)
    found = re.fullmatch(r"(\d+) of \d+ trials: accuracy from ([\d.]+)\s% to ([\d.]+)\s%", page.run(KEPT))
    assert found, page.run(KEPT)
    low, high = float(found[2]), float(found[3])
    assert low < high
    percents = [100 * t.val_accuracy for t in full.search.trials if t.val_accuracy is not None]
    surely, at_most = (sum(low - e <= p <= high + e for p in percents) for e in (-0.1, 0.1))  # it is rounded
    assert surely <= int(found[1]) <= at_most


def test_a_range_takes_all_trials_of_a_value_or_none(page: Browser, full: StudyResult) -> None:
    values = [t.network["units"] for t in full.search.trials if t.val_accuracy is not None]
    drag(page, -3, 0.03, 0.06)  # above the middle of the lines of the highest value
    assert page.run(KEPT) == f"{values.count(512)} of {len(values)} trials: units 512"
    drag(page, -3, 0.5, 0.5)
    assert page.run(KEPT) == "" and page.run(SHOWN) == len(full.search.trials), "a click opens the axis again"


def test_dragging_along_an_axis_keeps_the_trials_within(page: Browser, full: StudyResult) -> None:
    drag(page, -1, 0.035, 0.5)
    shown = page.run(SHOWN)
    assert 0 < shown < len(full.search.trials)
    best = page.run("[...document.querySelectorAll('.trials tr[data-t]')].slice(0, 3).every(row => !row.hidden)")
    assert best, "the upper half of the axis has the best trials"
    page.call("Emulation.setEmulatedMedia", media="print")
    printed = "['kept', 'all-trials'].filter(id => document.getElementById(id).offsetWidth)"
    assert page.run(printed) == ["kept"], "a print says that it has a part of them"


def test_a_square_of_the_matrix_shows_its_images(page: Browser) -> None:
    page.run("document.querySelector('svg.confusion .squares [data-p=oO]').dispatchEvent(new Event('click'))")
    title, crops = page.run(
        "[document.querySelector('#seen h3').textContent, document.querySelectorAll('#seen .g').length]"
    )
    images = page.run("JSON.parse(document.getElementById('misread-data').textContent).images")
    assert title == "small o read as capital O"
    assert page.run("document.querySelector('#seen .g').ariaLabel").startswith("small o read as capital O, ")
    assert crops == sum(truth + read == "oO" for truth, read, _ in images) > 0


def test_a_square_says_how_many_of_its_images_the_page_lacks(page: Browser) -> None:
    shown = (
        "(square => { square.dispatchEvent(new Event('click')); return [Number(square.dataset.n),"
        " document.querySelectorAll('#seen .g').length, document.querySelector('#seen p').textContent]; })"
        "(document.querySelector('svg.confusion .squares [data-p=oO]'))"
    )
    there, crops, said = page.run(shown)
    assert 0 < crops < there
    assert f"Of its {there} misread images the page has {crops}: it keeps the most confident of all." in said
    page.run(f"document.querySelector('svg.confusion .squares [data-p=oO]').dataset.n = {crops}")
    assert "the page has" not in page.run(shown)[2]


def test_the_matrix_folds_and_sorts(page: Browser) -> None:
    def view() -> str:
        return str(page.run("document.querySelector('svg.confusion:not([hidden])').dataset.view"))

    assert view() == "62 alphabet"
    page.run("document.querySelector('[data-order=alike]').click()")
    page.run("document.querySelector('[data-classes=\"36\"]').click()")
    assert view() == "36 alike"
    pressed = page.run("[...document.querySelectorAll('.choice [aria-pressed=true]')].map(one => one.textContent)")
    assert pressed == ["cases folded", "look-alikes together"]
    assert "letter" in page.run("document.querySelector('#seen h3').textContent")


def test_a_chosen_square_stays_chosen_in_the_other_views(page: Browser) -> None:
    page.run(
        "[...document.querySelectorAll('svg.confusion:not([hidden]) .squares path')].filter(one => one.dataset.p"
        ".toUpperCase()[0] !== one.dataset.p.toUpperCase()[1]).at(-1).dispatchEvent(new Event('click'))"
    )
    chosen = "document.querySelector('svg.confusion:not([hidden]) .squares .chosen').dataset.p"
    first = page.run(chosen)
    page.run("document.querySelector('[data-order=alike]').click()")
    assert page.run(chosen) == first
    page.run("document.querySelector('[data-classes=\"36\"]').click()")
    assert page.run(chosen) == first.upper()


def test_the_matrix_is_walked_through_by_keys(page: Browser) -> None:
    page.run("document.querySelector('svg.confusion .squares [tabindex=\"0\"]').focus()")
    before = page.run("document.activeElement.dataset.p")
    moved = []
    for key in ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"):
        page.key(key)
        moved.append(page.run("document.activeElement.dataset.p"))
    assert len({before, *moved}) > 1 and all(moved)
    whole = r"(digit \d|capital [A-Z]|small [a-z])"  # aloud, O and o are the same
    assert re.fullmatch(f"{whole} read as {whole}: \\d+", page.run("document.activeElement.ariaLabel"))
    assert page.run("document.querySelectorAll('svg.confusion:not([hidden]) [tabindex=\"0\"]').length") == 1


def test_a_class_shows_all_its_misread_images(page: Browser) -> None:
    page.run("document.querySelector('[data-classes=\"36\"]').click()")
    folded = page.run("document.getElementById('matrix-said').textContent")
    page.run("document.querySelector('#classes tr[data-k=o] button').click()")
    assert page.run("document.getElementById('matrix-said').textContent") != folded, "all 62 are there again"
    assert page.run("document.querySelectorAll('.squares .chosen').length") == 0
    images = page.run("JSON.parse(document.getElementById('misread-data').textContent).images")
    crops = page.run("document.querySelectorAll('#seen .g').length")
    assert crops == sum(truth == "o" for truth, _, _ in images) > 0
    assert page.run("document.activeElement.textContent") == "small o, misread"


def test_a_table_sorts_by_its_heading(page: Browser) -> None:
    page.run("[...document.querySelectorAll('#classes th button')].find(one => one.textContent === 'Recall').click()")
    recalls = page.run("[...document.querySelectorAll('#classes tr[data-k]')].map(row => +row.cells[1].dataset.sort)")
    assert recalls == sorted(recalls, reverse=True)


def test_without_scripts_everything_is_shown_but_what_needs_them(opened: Browser, folder: Path) -> None:
    opened.open(folder / "report.html", scripts=False)
    hidden = opened.run(
        "[...document.querySelectorAll('main *')].filter(one => !one.closest('details')"
        " && getComputedStyle(one).display === 'none').map(one => one.getAttribute('class') ?? one.tagName)"
    )
    allowed = {"scripted", "choice scripted", "scripted noprint", "plot confusion", "noprint scripted", "SCRIPT", "IMG"}
    assert set(hidden) <= allowed | {"SOURCE", "TITLE"} and "scripted" in hidden
