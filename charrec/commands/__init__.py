"""The subcommands of `charrec`, a file each."""

from collections.abc import Sequence

from charrec.commands.terminal import shown


def columns(rows: Sequence[Sequence[str]]) -> str:
    """A table no wider than its cells; no text in it can move the terminal's cursor."""
    plain = [[shown(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*plain, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in plain
    )
