"""What a study says at its end: the commands that use its result, as they can be typed where it ran."""

import os
import shlex
import sys
from pathlib import Path

from charrec.study import Runtime

SAMPLE = Path("docs/A.png")  # of the repository; elsewhere a name stands for the user's own file


def invitation(store: str, endpoint: str | None) -> list[str]:
    """A line each for predict, report and sweep status, with the store and the endpoint that they need."""
    at = ["--endpoint", endpoint] if endpoint else []
    default = (os.environ.get("CHARREC_STORE") or Runtime().store, os.environ.get("CHARREC_ENDPOINT") or None)
    place = [] if (store, endpoint) == default else ["--store", store, *at]
    image = str(SAMPLE) if SAMPLE.is_file() else "IMAGE.png"
    commands = {
        "Read an image": ["predict", image, *place],
        "Find the report": ["report", *place],
        "Look at the search": ["sweep", "status", store, *at],
    }
    return [f"{purpose}: {shlex.join([*_program(), *words])}" for purpose, words in commands.items()]


def _program() -> list[str]:
    """`charrec` beside the Python that runs, by the shortest path from here."""
    script = Path(sys.executable).with_name("charrec")
    if not script.is_file():
        return [sys.executable, "-m", "charrec"]
    here = Path.cwd()
    return [str(script.relative_to(here) if script.is_relative_to(here) else script)]
