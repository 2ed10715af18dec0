"""Paths as people write them."""

from pathlib import Path

from charrec.errors import InputError

LONGEST = 4096  # characters; Linux takes no longer path


def at_home(path: str) -> str:
    """The path with ~ or ~user replaced by that home, and any other text as it is.

    Raises InputError for a user that this machine does not know, and for what names nothing.
    """
    if not path or "\0" in path or len(path) > LONGEST:
        raise InputError(
            f"found {path[:40]!r}", f"a path of 1 to {LONGEST} characters, none of them NUL", "Correct it."
        )
    if not path.startswith("~"):
        return path
    try:
        return str(Path(path).expanduser())
    except RuntimeError:
        name = path.partition("/")[0]
        raise InputError(
            f"found {path!r}", "the home of a user of this machine",
            f"Nobody here is called {name[1:]!r}; write the whole path, or ./{name} for a folder of that name.",
        ) from None  # fmt: skip
