"""The pages' templates, and what all pages have: typefaces, colours, styles, scripts and a switch of the language."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from charrec.report import theme, typefaces, words
from charrec.report.language import NAMES, language, other, say

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup


def template(name: str, **known: Any) -> Template:
    """A template of this package, which escapes what it shows and knows `words` and whatever else is named."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("charrec.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"words": words, "say": _say, **known}
    return environment.get_template(name)


def frame(styles: tuple[str, ...], scripts: tuple[str, ...], spoken_later: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a page's head and end show; scripts that come into the page elsewhere are `spoken_later`."""
    return {
        "language": language(),
        "other": other(language()),
        "names": NAMES,
        "faces": typefaces.css(),
        "themes": {one.name: one for one in theme.THEMES},
        "css": "".join(map(content, styles)),
        "script": "".join(map(content, scripts)),
        "phrases": {one: say(one) for one in phrases(scripts + spoken_later)},
    }


def content(name: str) -> str:
    """Of a file of this package."""
    return files("charrec.report").joinpath(name).read_text(encoding="utf-8")


def phrases(scripts: tuple[str, ...]) -> list[str]:
    """What scripts say, by their own calls."""
    return sorted({phrase for one in scripts for phrase in re.findall(r'\bsay\("([^"]+)"', content(one))})


def _say(text: str, /, **values: Any) -> Markup:
    """A text of the template's own, which may have tags; what fills its placeholders is escaped."""
    from markupsafe import Markup

    return Markup(say(text)).format(**values)
