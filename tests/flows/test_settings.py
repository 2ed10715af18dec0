"""What a flow takes from the environment of its process."""

from pathlib import Path

import pytest

from charrec.study import Runtime
from flows.full_study import full_study
from flows.settings import on_this_machine, settled


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


def test_what_a_deployments_run_is_not_given_is_as_its_worker_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where `prefect deployment run`, or the form, sets the lease alone."""
    given = full_study.validate_parameters({"study": {}, "runtime": {"lease": 30}})["runtime"]
    monkeypatch.setenv("CHARREC_STORE", "s3://bucket/results")
    assert settled(given) == Runtime(lease=30)  # at a desk, where the command line has read the environment
    monkeypatch.setattr("flows.settings.deployed", lambda: True)
    assert settled(given) == Runtime(store="s3://bucket/results", lease=30)
    assert settled(Runtime(store="given", lease=30)).store == "given"
    assert settled(None).store == "s3://bucket/results"
