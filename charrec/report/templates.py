"""The pages' templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from charrec.report import words

if TYPE_CHECKING:
    from jinja2 import Template


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
    environment.globals |= {"words": words, **known}
    return environment.get_template(name)
