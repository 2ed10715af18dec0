"""Tables and escaped text, read by a Markdown parser."""

import random
from html import unescape
from html.parser import HTMLParser

from markdown_it import MarkdownIt  # Prefect brings it in

from charrec.markdown import escaped, table

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
WORDS = ["a", "B7", "é", "“x”", *r"\`*_[]<>|#!~&(){}=+-.:\"'$^@%/", "~~", "&lt;", "&amp;", "](x)", "\n", "\r\n", "  "]


class Cells(HTMLParser):
    """The text of each cell, row by row; `tags` are all tags met."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows, self.tags = list[list[str]](), set[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip("\n")


def test_a_table_has_its_head_and_a_line_for_each_row() -> None:
    assert table(["Model", "Accuracy"], [("`a`", "90 %"), ("b", "91 %")]) == (
        "| Model | Accuracy |\n| --- | --- |\n| `a` | 90 % |\n| b | 91 % |"
    )
    assert table(["Model"], []) == "| Model |\n| --- |"


def test_escaped_text_is_shown_as_it_is_and_stays_in_its_cell(seed: int) -> None:
    rng = random.Random(seed)
    texts = [["".join(rng.choices(WORDS, k=rng.randint(1, 12))) for _ in range(3)] for _ in range(200)]
    page = Cells(PARSER.render(table(["one", "two", "three"], [list(map(escaped, row)) for row in texts])))
    assert page.rows[1:] == [[" ".join(text.split()) for text in row] for row in texts]
    assert page.tags == {"table", "thead", "tbody", "tr", "th", "td"}


def test_escaped_text_is_shown_as_it_is_in_a_sentence(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(200):
        text = "".join(rng.choices(WORDS, k=rng.randint(1, 12)))
        shown = PARSER.render(f"It said: {escaped(text)}")
        assert unescape(shown) == f"<p>It said: {' '.join(text.split())}".rstrip() + "</p>\n"
