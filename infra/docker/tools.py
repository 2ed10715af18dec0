"""`python tools.py pyproject.toml`: lists what `dev` and `build` name, of no use at run time."""

import re
import sys
import tomllib
from pathlib import Path


def tools(pyproject: Path) -> list[str]:
    """Their names, without charrec's own extras."""
    extras = tomllib.loads(pyproject.read_text())["project"]["optional-dependencies"]
    names = [re.split(r"[\[<>=!~; ]", each, maxsplit=1)[0] for each in (*extras["build"], *extras["dev"])]
    return [name for name in names if name != "charrec"]


if __name__ == "__main__":
    print(*tools(Path(sys.argv[1])), sep="\n")
