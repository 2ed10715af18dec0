"""A Dockerfile as its instructions, and what a .dockerignore lets through: as much of both as ours use."""

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple


class Instruction(NamedTuple):
    word: str  # in capitals
    rest: str  # its lines joined, comments left out


class Stage(NamedTuple):
    name: str
    base: str
    instructions: tuple[Instruction, ...]

    def all(self, word: str) -> list[str]:
        return [each.rest for each in self.instructions if each.word == word]


def instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        found.append(Instruction(word.upper(), rest.strip()))
    return found


def stages(text: str) -> dict[str, Stage]:
    """By name, in their order; what stands before the first belongs to none."""
    found: dict[str, Stage] = {}
    for each in instructions(text):
        if each.word == "FROM":
            base, _, name = each.rest.split()
            found[name] = Stage(name, base, ())
        elif found:
            name, last = found.popitem()
            found[name] = last._replace(instructions=(*last.instructions, each))
    return found


def whole(name: str, of: dict[str, Stage]) -> list[Instruction]:
    """A stage's instructions after those of the stages that it is made from."""
    stage = of[name]
    return [*(whole(stage.base, of) if stage.base in of else []), *stage.instructions]


def sent(file: str, ignored: str) -> bool:
    """Whether the builder gets it: the last line of the .dockerignore that names it, or a folder above it, decides."""
    gets = True
    for line in ignored.splitlines():
        if line.strip() and not line.startswith("#"):
            pattern = line.removeprefix("!")
            if _named(Path(file), pattern):
                gets = line.startswith("!")
    return gets


def _named(file: Path, pattern: str) -> bool:
    """`*` does not cross a `/`; `**/` at the beginning does."""
    parts, wanted = list(file.parts), pattern.split("/")
    starts = range(len(parts)) if wanted[0] == "**" else [0]
    wanted = wanted[1:] if wanted[0] == "**" else wanted
    return any(
        len(parts[at:]) >= len(wanted)
        and all(fnmatchcase(part, want) for part, want in zip(parts[at:], wanted, strict=False))
        for at in starts
    )
