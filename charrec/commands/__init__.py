"""The subcommands of `charrec`, a file each."""

from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]]) -> str:
    """A table no wider than its cells; control characters are replaced, so no text can move the terminal's cursor."""
    plain = [["".join(one if one.isprintable() else "?" for one in cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*plain, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in plain
    )
