"""The pages' templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from charrec.report import words
from charrec.report.language import say

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


def _say(text: str, /, **values: Any) -> Markup:
    """A text of the template's own, which may have tags; what fills its placeholders is escaped."""
    from markupsafe import Markup

    return Markup(say(text)).format(**values)
