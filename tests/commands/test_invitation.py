"""What a study says at its end can be typed as it stands."""

import shlex
from pathlib import Path

import pytest

from charrec.__main__ import _options, main
from charrec.commands.invitation import SAMPLE, invitation
from charrec.commands.sweep import _options as sweep_options
from charrec.storage import open_store
from charrec.study import Runtime
from tests.commands.shelf import REPORT
from tests.toy import ROOT, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


def commands(store: str, endpoint: str | None = None) -> dict[str, list[str]]:
    """The words behind `charrec` of each command."""
    found = {}
    for line in invitation(store, endpoint):
        program, *words = shlex.split(line.partition(": ")[2])
        assert Path(program).resolve() == ROOT / ".venv/bin/charrec"
        found[words[0]] = words
    assert list(found) == ["predict", "report", "sweep"]
    return found


@pytest.mark.parametrize("store", ["results", "my results", "s3://bucket/prefix", "/abs/it's"])
@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:9000"])
def test_every_command_means_the_store_of_the_study(store: str, endpoint: str | None) -> None:
    words = commands(store, endpoint)
    for name in ("predict", "report"):
        options = _options(words[name])
        assert (options.store, options.endpoint) == (store, endpoint)
    search = sweep_options(words["sweep"][1:])
    assert (search.command, search.store, search.endpoint) == ("status", store, endpoint)


def test_a_store_that_goes_without_saying_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert commands(Runtime().store)["report"] == ["report"]
    monkeypatch.setenv("CHARREC_STORE", "mine")
    assert commands("mine")["report"] == ["report"]
    assert commands(Runtime().store)["report"] == ["report", "--store", Runtime().store]


def test_they_work_at_once(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    words = commands(place)
    assert main(words["report"]) == 0
    assert REPORT in capsys.readouterr().out
    assert words["predict"][1] == str(SAMPLE)
    assert main(words["predict"]) == 0
    assert f"{SAMPLE}  " in capsys.readouterr().out
    assert main(words["sweep"]) == 2  # this study's search was invented
    assert f"{open_store(place).url} has no search yet" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    assert commands(place)["predict"][1] == "IMAGE.png"  # there are no pages here
