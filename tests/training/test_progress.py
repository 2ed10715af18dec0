"""A terminal shows a progress bar; a log file gets none."""

import io
import sys

import pytest

from charrec.storage import open_store
from charrec.training.progress import bar
from charrec.training.recipe import Arrays
from charrec.training.train import train
from tests.toy import RECIPE, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_the_model_the_epoch_and_the_steps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object, arrays: Arrays
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    train(RECIPE, arrays, 1, open_store(str(tmp_path)), "t", bar)
    assert "model_2 1/1" in terminal.getvalue()
    assert f"/{len(arrays.training) // RECIPE.batch_size}" in terminal.getvalue()


def test_there_is_no_bar_outside_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert bar("model_2", 1, 1) is None
