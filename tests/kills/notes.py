"""What the rounds of a campaign found, a line each, so that it goes on in another folder or on another machine."""

from pathlib import Path
from typing import TypeVar

from charrec.study import Frozen

Round = TypeVar("Round", bound=Frozen)
DOCS = Path(__file__).parents[2] / "docs"
SEARCHES, UNFENCED, STOCK, STUDIES = (
    DOCS / f"kills-{name}.jsonl" for name in ("searches", "unfenced", "stock", "studies")
)


def read(kind: type[Round], path: Path) -> list[Round]:
    """The rounds that were played; none where there is no such file yet."""
    return [kind.model_validate_json(line) for line in path.read_text().splitlines()] if path.exists() else []


def add(played: Frozen, path: Path) -> None:
    with path.open("a") as file:
        file.write(played.model_dump_json() + "\n")
