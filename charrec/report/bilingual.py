"""One page in two languages: it is written in the first, and carries the texts in which the second differs.

Only one language is in the document at a time, so that a screen reader, a search and a printer find no other. Without
scripts the page stays in its first language.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from charrec.report.language import Language, other, spoken

PLACE = '<script type="application/json" id="other-language">null</script>'
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
MARK = " data-l"  # on every element whose own texts or attributes differ


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    end: int  # where its start tag's name ends in the page
    texts: list[str] = field(default_factory=lambda: [""])  # before its first child element, between, after the last


class _Reader(HTMLParser):
    """A page's elements in the order of their start tags, each with its own texts; what is in noscript is left out."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self._skipped = False
        self._lines = [0]
        for line in html.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attributes)
        if tag not in VOID and not self._skipped:
            self._open.append(self.elements[-1])
        self._skipped = self._skipped or tag == "noscript"  # which has no elements where scripts run

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if self._skipped:
            return
        line, column = self.getpos()
        self.elements.append(Element(tag, dict(attributes), self._lines[line - 1] + column + 1 + len(tag)))
        if self._open:
            self._open[-1].texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._skipped = self._skipped and tag != "noscript"
        while self._open and not self._skipped and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and not self._skipped:
            self._open[-1].texts[-1] += data


def elements(html: str) -> list[Element]:
    """Those of a page in the order of their start tags, less those within noscript."""
    return _Reader(html).elements


def in_both(write: Callable[[], str], first: Language) -> str:
    """What `write` writes in its first language, with the texts of what it writes in the other."""
    pages = {}
    for one in (first, other(first)):
        with spoken(one):
            pages[one] = write()
    return both(pages[first], pages[other(first)])


def both(first: str, second: str) -> str:
    """The first page, with what its script needs to show the second. Raises ValueError where their elements differ."""
    one, other = elements(first), elements(second)
    if [element.tag for element in one] != [element.tag for element in other]:
        raise ValueError("the page's two languages have different elements; expected the same, in the same order")
    pieces, changes, at = [], [], 0
    for element, change in _differing(one, other):
        pieces += [first[at : element.end], MARK]
        at = element.end
        changes.append(change)
    words = json.dumps(changes, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return "".join([*pieces, first[at:]]).replace(PLACE, PLACE.replace("null", words))


def _differing(one: list[Element], other: list[Element]) -> Iterator[tuple[Element, list[dict[str, str]]]]:
    """The elements that differ, with the texts, by their place, and the attributes of the other page."""
    for a, b in zip(one, other, strict=True):
        texts = {str(k): text for k, (own, text) in enumerate(zip(a.texts, b.texts, strict=True)) if own != text}
        attributes = {name: value or "" for name, value in b.attributes.items() if a.attributes.get(name) != value}
        if texts or attributes:
            yield a, [texts, attributes]
