"""`python tools.py pyproject.toml`: lists the `dev` packages that charrec does not need at run time."""

import re
import sys
import tomllib
from pathlib import Path


def tools(pyproject: Path) -> list[str]:
    """Their names, without charrec's own extras."""
    required = tomllib.loads(pyproject.read_text())["project"]["optional-dependencies"]["dev"]
    names = [re.split(r"[\[<>=!~; ]", each, maxsplit=1)[0] for each in required]
    return [name for name in names if name != "charrec"]


if __name__ == "__main__":
    print(*tools(Path(sys.argv[1])), sep="\n")
