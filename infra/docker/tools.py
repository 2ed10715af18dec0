"""`python tools.py pyproject.toml`: the packages of the extra `dev` that only lint, test, build and install."""

import re
import sys
import tomllib
from pathlib import Path


def tools(pyproject: Path) -> list[str]:
    """Their names, without charrec's own extras, which it can run with."""
    required = tomllib.loads(pyproject.read_text())["project"]["optional-dependencies"]["dev"]
    names = [re.split(r"[\[<>=!~; ]", each, maxsplit=1)[0] for each in required]
    return [name for name in names if name != "charrec"]


if __name__ == "__main__":
    print(*tools(Path(sys.argv[1])), sep="\n")
