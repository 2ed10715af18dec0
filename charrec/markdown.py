"""Markdown, as Prefect's pages show it."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; `escaped` makes them from any text."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return " ".join("".join(f"\\{one}" if one in r"\`*_[]<>|#!~&" else one for one in text).split())
