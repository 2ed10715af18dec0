"""Kaggle, as far as this machine sees it."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data.sources.kaggle.desk import NEW, OLD, Desk, hold_no_secret
from tests.data.sources.kaggle.server import Kaggle, serve


@pytest.fixture
def kaggle() -> Iterator[Kaggle]:
    with serve(Kaggle({"owner/fonts/2": OLD, "owner/fonts/3": NEW})) as server:
        yield server


@pytest.fixture
def desk(
    kaggle: Kaggle, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    """Checks after every test that no secret was logged and nothing printed."""
    caplog.set_level(logging.DEBUG)
    yield Desk(kaggle, tmp_path)
    hold_no_secret(caplog.text)
    assert capfd.readouterr() == ("", "")
