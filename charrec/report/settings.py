"""The settings of a study, as a table has them."""

from collections.abc import Iterator

from charrec.report.words import NONE
from charrec.study import Frozen


def settings(value: Frozen, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Path, value and description of every setting, nested ones by their path."""
    for name, known in type(value).model_fields.items():
        own = getattr(value, name)
        if isinstance(own, Frozen):
            yield from settings(own, f"{prefix}{name}.")
        else:
            shown = ", ".join(map(str, own)) if isinstance(own, tuple) else str(own)
            shown = NONE if own is None or own == () else shown
            yield prefix + name, shown, known.description or ""
