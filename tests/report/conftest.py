"""A full and a tiny report, drawn once for every test that looks at a page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sample_board
import sample_result as sample
from browser import Browser, browser

from charrec.report import write_report
from charrec.results import StudyResult


@pytest.fixture(scope="session")
def full() -> StudyResult:
    return sample.study_result()


@pytest.fixture(scope="session")
def folder(full: StudyResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full")
    write_report(full, sample.pictures(board=sample_board.board()), folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, result = tmp_path_factory.mktemp("tiny"), sample.tiny_result()
    write_report(result, sample.pictures(result.study, mistakes=0), folder)
    return folder


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as one:
        yield one
