"""What the identity of each step reaches, as in reach.txt; `python -m tests.memo.reach` renews that file."""

from pathlib import Path

from charrec.data.sources.source import READERS
from charrec.memo.identity import ROOT, Code
from charrec.models import MODELS
from charrec.steps import NAMES

FILE = Path(__file__).with_name("reach.txt")

# A step by itself, and with each module that its values may choose.
CASES: dict[str, list[str]] = {
    **{name: [f"charrec.steps.{name}"] for name in NAMES},
    **{f"pack, {reader}": [f"charrec.data.sources.{reader}"] for reader in sorted(set(READERS.values()))},
    **{f"train, {model}": [f"charrec.models.{model}"] for model in MODELS},
}


def reached(code: Code) -> str:
    """A block for each case: what it reaches, or what a chosen module adds to that."""
    blocks = []
    for case, modules in CASES.items():
        step = case.partition(",")[0]
        known = code.reach(*CASES[step]) if step != case else frozenset()
        names = sorted(name.removeprefix("charrec.") for name in code.reach(*modules) - known)
        blocks.append("\n".join([f"{case}:", *(f"  {name}" for name in names)]))
    return "\n\n".join(blocks) + "\n"


if __name__ == "__main__":
    FILE.write_text(reached(Code(ROOT)), encoding="utf-8")
