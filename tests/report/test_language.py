"""The pages in French: nothing stays English, numbers and dates are French ones, the switch keeps the choice."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sample_pages
import sample_result as sample
from browser import Browser
from jinja2 import Environment, nodes

import charrec.report
from charrec.data.sources import fonts, handwriting
from charrec.report import comparison, early, page, typefaces, words
from charrec.report.bilingual import PLACE, both, elements
from charrec.report.french import FRENCH
from charrec.report.language import say, spoken
from charrec.report.templates import phrases
from charrec.results import Rate, StudyResult
from charrec.study import FULL, Frozen

PACKAGE = Path(charrec.report.__file__).parent
SAID, COUNTED = {"say", "later"}, {"many", "spelled_many"}
# No French words, so that no text of a French page has one of them, even among others.
ENGLISH = re.compile(r"\b(the|of|and|is|are|was|were|with|from|not|each|which|has|its|by|that)\b", re.IGNORECASE)
# The same in both languages, beside names of the result: of what it is written with, of units and of layers.
SAME = re.compile(r"charrec|SHA-256|\w+…|version|ReLU|convolution|bracket|worker|\b(min|px)\b|[\w./-]+\.(csv|png|json)")


def said(function: str, constants: list[object]) -> Iterator[str]:
    """The texts of a call by its constant arguments."""
    text = next((one for one in constants if isinstance(one, str)), None)
    if text and function in SAID:
        yield text
    elif text and function in COUNTED:
        yield from (text, f"{text}s")


def said_in_python(tree: ast.AST) -> Iterator[str]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            yield from said(name, [each.value for each in call.args if isinstance(each, ast.Constant)])


def said_in_templates(template: nodes.Template) -> Iterator[str]:
    for call in template.find_all(nodes.Call):
        name = getattr(call.node, "name", getattr(call.node, "attr", ""))
        yield from said(name, [each.value for each in call.args if isinstance(each, nodes.Const)])


def meanings(value: Frozen) -> Iterator[str]:
    for name, field in type(value).model_fields.items():
        if field.description:
            yield field.description
        if isinstance(getattr(value, name), Frozen):
            yield from meanings(getattr(value, name))


def texts_of(html: str) -> list[list[str]]:
    """What a person reads or hears of each element; of those that show code, nothing."""
    shown = []
    for one in elements(html):
        quiet = one.tag in ("style", "script", "pre") or "mono" in (one.attributes.get("class") or "")
        heard = [one.attributes.get(name) or "" for name in ("title", "aria-label", "alt")]
        shown.append([] if quiet else [*one.texts, *heard])
    return shown


def english_left(pages: dict[str, str], *results: StudyResult) -> list[str]:
    """Texts of the French page that are the English ones or have an English word, less the names in the results."""
    told = " ".join(result.model_dump_json() for result in results)
    names = sorted(set(re.findall(r'"([^"\\]{2,})"', told)) - words.SOURCES, key=len, reverse=True)
    same = {text for text, french in FRENCH.items() if text == french}
    left = []
    for one, other in zip(*(texts_of(pages[each]) for each in ("en", "fr")), strict=True):
        for text, french in zip(one, other, strict=True):
            rest, found = french.strip(), re.compile(r"[^\W\d_]{3}") if text == french else ENGLISH
            for name in names if rest not in same and found.search(rest) else ():
                rest = rest.replace(name, "")
            if rest not in same and found.search(SAME.sub("", rest)):
                left.append(french.strip())
    return left


def test_every_text_has_its_french_one_and_no_other_is_in_the_catalogue() -> None:
    said = set(phrases(tuple(path.name for path in PACKAGE.glob("*.js")))) | set(meanings(FULL))
    for path in (*PACKAGE.glob("*.py"), *(PACKAGE.parent / "commands").glob("*.py")):
        said |= set(said_in_python(ast.parse(path.read_text(encoding="utf-8"))))
    for path in PACKAGE.glob("*.j2"):
        said |= set(said_in_templates(Environment().parse(path.read_text(encoding="utf-8"))))
    assert (said - set(FRENCH), set(FRENCH) - said) == (set(), set())


@pytest.mark.parametrize("what", [r"\{\w+\}", r"</?\w+[^>]*>", "\n"], ids=["placeholders", "tags", "lines"])
def test_both_texts_have_the_same(what: str) -> None:
    differing = {
        english: french
        for english, french in FRENCH.items()
        if sorted(re.findall(what, english)) != sorted(re.findall(what, french))
    }
    assert differing == {}


def test_the_typefaces_have_every_character_of_the_catalogue() -> None:
    assert {ord(c) for c in "".join(FRENCH.values())} - {ord("\n")} <= set(typefaces._CHARACTERS)


def in_each(write: Callable[[], str]) -> dict[str, str]:
    pages = {}
    for language in ("en", "fr"):
        with spoken(language):
            pages[language] = write()
    return pages


@pytest.mark.parametrize("missing", [False, True], ids=["finished", "unfinished"])
@pytest.mark.parametrize("which", ["full", "tiny"])
def test_no_text_of_the_report_stays_english(which: str, missing: bool) -> None:
    result = sample.study_result() if which == "full" else sample.tiny_result()
    pictures = sample.pictures(result.study, 1 if which == "full" else 0)
    lacks = [lambda: say("The search has not begun.")] if missing else []
    assert english_left(in_each(lambda: page._written(result, pictures, [], lacks)), result) == []


@pytest.mark.parametrize("started", [True, False])
def test_no_text_of_an_early_page_stays_english(started: bool) -> None:
    result, missing = sample_pages.early(started)
    assert english_left(in_each(lambda: early._written(result, missing)), result) == []


@pytest.mark.parametrize("alike", [True, False])
def test_no_text_of_a_comparison_stays_english(alike: bool, tmp_path: Path) -> None:
    found = sample_pages.compared(tmp_path, alike)
    pages = in_each(lambda: comparison._written(found))
    assert [text for text in english_left(pages, found.a.result, found.b.result) if "file:" not in text] == []


def test_what_stays_english_is_found() -> None:
    """One text is the English one, the other has English words in it."""
    pages = {"en": "<p>Nothing yet<b>Two of them</b></p>", "fr": "<p>Nothing yet<b>Deux of them</b></p>"}
    assert english_left(pages, sample.tiny_result()) == ["Nothing yet", "Deux of them"]


def test_the_sources_that_charrec_names_are_known_by_their_names() -> None:
    sets = fonts.render_glyphs(1), fonts.render_letters(per_class=1), handwriting.read_sklearn_digits()
    assert {one.source for one in sets} == words.SOURCES
    with spoken("fr"):
        assert [words.source(one.source).partition(" ")[0] for one in sets] == ["polices", "polices", "Optical"]
        assert words.source("Kaggle owner/fonts") == "Kaggle owner/fonts"


def test_french_writes_numbers_and_dates_its_own_way() -> None:
    with spoken("fr"):
        shown = [
            words.percent(0.91234),
            words.interval(Rate(value=0.5, n=9, low=0.4, high=0.616)),
            words.count(62992),
            words.points(-0.0123),
            words.points(0.0256),
            words.many(0, "epoch"),
            words.many(1500, "epoch"),
            words.duration(4286),
            words.duration(0.26),
            words.moment("2026-11-27T18:03:30Z"),
            words.moment("2026-11-01T08:00:00Z").partition(" à ")[0],
            words.character("o"),
            words.listing(["a", "b", "c"]),
        ]
    assert [re.sub("[\u00a0\u202f]", "_", text) for text in shown] == [
        "91,23_%",
        "40,0–61,6",
        "62_992",
        "−1,23_point",
        "+2,56_points",
        "0_époque",
        "1_500_époques",
        "1_h 11_min 26_s",
        "0,3_s",
        "27 novembre 2026 à 18_h_03 UTC",
        "1er novembre 2026",
        "o minuscule",
        "a, b et c",
    ]


def test_the_second_language_is_put_where_it_belongs() -> None:
    first = f'<p title="one">Two <b>three</b> four</p><i>same</i><noscript><p>five</p></noscript>{PLACE}'
    second = f'<p title="un">Deux <b>three</b> quatre</p><i>same</i><noscript><p>cinq</p></noscript>{PLACE}'
    found = both(first, second)
    assert found.startswith(first.replace("<p title", "<p data-l title").removesuffix(PLACE))
    assert '>[[{"0":"Deux ","1":" quatre"},{"title":"un"}]]</script>' in found
    with pytest.raises(ValueError, match="different elements"):
        both("<p>one</p>", "<div>un</div>")


def test_every_page_can_open_in_french(full: StudyResult, tmp_path: Path) -> None:
    pages = {
        page.render(full, sample.pictures(full.study, 0), [], first="fr"): "of the validation characters",
        early.render(*sample_pages.early(), first="fr"): "that is not finished",
        comparison.render(sample_pages.compared(tmp_path), "fr"): "Two studies compared",
    }
    for html, english in pages.items():
        shown, _, carried = html.partition('id="other-language">')
        assert '<html data-l lang="fr">' in shown and 'data-language="en">English</button>' in shown
        assert FRENCH_TITLE.search(shown) and english not in shown
        assert english in carried.partition("</script>")[0]


FRENCH_TITLE = re.compile(r"<title[^>]*>(Le modèle|Aucun écart)\s")
SEEN = """[document.documentElement.lang, document.title, document.querySelector("[data-language]").textContent,
  document.querySelector("#search h2").textContent, document.querySelector(".lines path").getAttribute("aria-label"),
  document.querySelector("#seen p").textContent, document.querySelector("#parallel").getAttribute("aria-label")]"""
SWITCH = "document.querySelector('[data-language]').click()"


def test_the_switch_changes_the_language_and_keeps_the_choice(opened: Browser, folder: Path) -> None:
    opened.said.clear()
    opened.open(folder / "report.html")
    english = opened.run(SEEN)
    try:
        opened.reload(SWITCH)
        french = opened.run(SEEN)
        opened.run("[...document.querySelectorAll('.handle')].at(-2).focus()")
        opened.key("ArrowUp")
        kept = opened.run("document.getElementById('kept').textContent")
        opened.open(folder / "report.html")
        assert opened.run(SEEN) == french
        opened.reload(SWITCH)
        assert opened.run(SEEN) == english
    finally:
        opened.run("localStorage.clear(); history.replaceState(null, '')")
    assert (english[0], english[2:4]) == ("en", ["Français", "Search"])
    assert (french[0], french[2:4]) == ("fr", ["English", "Recherche"])
    assert re.match(r"Le modèle\u00a0\d lit \d\d,\d\d\u202f% des caractères de validation · charrec", french[1])
    assert french[4].startswith("essai ") and re.match(r"\d+ de ses [\d\u202f]+ images, \d+,\d\u202f%\.", french[5])
    assert re.match(r"\d+ des \d+ essais\u00a0: exactitude de \d\d,\d\u202f% à ", kept)  # des: of 1 as of many
    assert french[6].startswith("Coordonnées parallèles")
    assert opened.said == []
