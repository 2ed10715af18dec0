"""The page's tables of kills are those of the noted campaigns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from charrec.study import Frozen
from tests.kills import notes, searches, stock, studies

PAGE = notes.DOCS / "reliability.md"


@pytest.mark.parametrize(
    ("path", "kind", "told"),
    [
        (notes.SEARCHES, searches.Round, searches.told),
        (notes.UNFENCED, searches.Round, searches.told),
        (notes.STOCK, stock.Round, stock.told),
        (notes.STUDIES, studies.Round, studies.told_of),
    ],
    ids=lambda value: value.stem if isinstance(value, Path) else "",
)
def test_the_page_has_the_table_of_every_noted_round(
    path: Path, kind: type[Frozen], told: Callable[[list[Any]], str]
) -> None:
    rounds = notes.read(kind, path)
    assert rounds
    assert told(rounds) in PAGE.read_text(encoding="utf-8")


def test_the_searches_suffered_2500_faults_and_lost_nothing() -> None:
    rounds = notes.read(searches.Round, notes.SEARCHES)
    assert all(each.fenced for each in rounds)
    assert sum(sum(each.faults.values()) for each in rounds) >= 2500
    assert [each.seed for each in rounds if each.losses] == []
