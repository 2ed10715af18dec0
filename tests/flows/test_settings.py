"""What a flow takes from the environment of its process."""

from pathlib import Path

import pytest

from charrec.study import Runtime
from flows.settings import on_this_machine


def test_a_child_on_a_pool_keeps_its_copies_where_its_own_machine_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = Runtime(store="s3://bucket/results", cache=Path("/the/studys"))
    monkeypatch.setenv("CHARREC_CACHE", str(tmp_path))
    assert on_this_machine(given) == given  # at a desk, where an option precedes the variable
    monkeypatch.setattr("flows.settings.deployed", lambda: True)
    assert on_this_machine(given) == given.model_copy(update={"cache": tmp_path})
    monkeypatch.delenv("CHARREC_CACHE")
    assert on_this_machine(given) == given
