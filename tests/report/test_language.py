"""The page in French: nothing stays English, numbers and dates are French ones, the switch keeps the choice."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sample_result as sample
from browser import Browser
from jinja2 import Environment, nodes

import charrec.report
from charrec.report import page, typefaces, words
from charrec.report.bilingual import PLACE, both, elements
from charrec.report.french import FRENCH
from charrec.report.language import spoken
from charrec.results import Rate, StudyResult
from charrec.study import FULL, Frozen

PACKAGE = Path(charrec.report.__file__).parent
SAID = {"say", "later"}
# The same in both languages, beside names of the result: of what it is written with, of units and of layers.
SAME = re.compile(r"charrec|SHA-256|\w+…|version|ReLU|convolution|bracket|worker|\b(min|px)\b|[\w./-]+\.(csv|png|json)")


def said_in_python(tree: ast.AST) -> Iterator[str]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            texts = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            if name in SAID and texts:
                yield texts[0]
            elif name == "many" and texts:
                yield from (texts[0], f"{texts[0]}s")


def said_in_templates(template: nodes.Template) -> Iterator[str]:
    for call in template.find_all(nodes.Call):
        name = getattr(call.node, "name", getattr(call.node, "attr", ""))
        texts = [each.value for each in call.args if isinstance(each, nodes.Const) and isinstance(each.value, str)]
        if name in SAID and texts:
            yield texts[0]
        elif name == "many" and texts:
            yield from (texts[0], f"{texts[0]}s")


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


def english_left(result: StudyResult, pages: dict[str, str]) -> list[str]:
    """Texts of the French page that are the English ones, less the names that the result gives."""
    names = sorted(set(re.findall(r'"([^"\\]{2,})"', result.model_dump_json())), key=len, reverse=True)
    same = {text for text, french in FRENCH.items() if text == french}
    left = []
    for one, other in zip(*(texts_of(pages[each]) for each in ("en", "fr")), strict=True):
        for text in (text.strip() for text, french in zip(one, other, strict=True) if text == french):
            rest = "" if text in same else text
            for name in names if re.search(r"[^\W\d_]{3}", rest) else ():
                rest = rest.replace(name, "")
            if re.search(r"[^\W\d_]{3}", SAME.sub("", rest)):
                left.append(text)
    return left


@pytest.fixture(scope="module")
def figures(folder: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in (folder / "figures").glob("*.png")}


def test_every_text_has_its_french_one_and_no_other_is_in_the_catalogue() -> None:
    said = set(page.phrases()) | set(meanings(FULL))
    for path in PACKAGE.glob("*.py"):
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
    assert {ord(c) for c in "".join(FRENCH.values())} <= set(typefaces._CHARACTERS)


@pytest.mark.parametrize("missing", [(), ("The search goes on.",)], ids=["finished", "unfinished"])
@pytest.mark.parametrize("which", ["full", "tiny"])
def test_no_text_of_the_page_stays_english(which: str, missing: tuple[str, ...], figures: dict[str, bytes]) -> None:
    result = sample.study_result() if which == "full" else sample.tiny_result()
    pictures, pages = sample.pictures(result.study, 1 if which == "full" else 0), {}
    for language in ("en", "fr"):
        with spoken(language):
            pages[language] = page._written(result, pictures, figures, [], missing)
    assert set(english_left(result, pages)) == set(missing)


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


def test_a_page_can_open_in_french(full: StudyResult, figures: dict[str, bytes]) -> None:
    html = page.render(full, sample.pictures(full.study, 0), figures, [], first="fr")
    shown, _, carried = html.partition('id="other-language">')
    assert '<html data-l lang="fr">' in shown and 'data-language="en">English</button>' in shown
    assert "des caractères de validation" in shown and "of the validation characters" not in shown
    assert "of the validation characters" in carried.partition("</script>")[0]


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
        opened.open(folder / "report.html")
        assert opened.run(SEEN) == french
        opened.reload(SWITCH)
        assert opened.run(SEEN) == english
    finally:
        opened.run("localStorage.clear()")
    assert (english[0], english[2:4]) == ("en", ["Français", "Search"])
    assert (french[0], french[2:4]) == ("fr", ["English", "Recherche"])
    assert re.match(r"Le modèle\u00a0\d lit \d\d,\d\d\u202f% des caractères de validation · charrec", french[1])
    assert french[4].startswith("essai ") and re.match(r"\d+ de ses [\d\u202f]+ images, \d+,\d\u202f%\.", french[5])
    assert french[6].startswith("Coordonnées parallèles")
    assert opened.said == []
