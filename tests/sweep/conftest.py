"""Searches without any training, in memory or in a folder."""

from pathlib import Path

import pytest

from charrec.study import FULL
from charrec.sweep.oracle import Oracle
from tests.sweep.driving import DECK, SMALL, oracle_of
from tests.sweep.staged import Staged, busy_search


@pytest.fixture
def oracle() -> Oracle:
    return oracle_of(DECK, FULL.seed)


@pytest.fixture
def small() -> Oracle:
    return oracle_of(SMALL, 1)


@pytest.fixture
def staged(tmp_path: Path) -> Staged:
    return Staged(tmp_path / "store")


@pytest.fixture
def busy(tmp_path: Path) -> Staged:
    return busy_search(tmp_path / "store")
