"""`charrec sweep status`, for people and programs."""

import json
import os
import threading
from pathlib import Path

import pytest

from charrec.commands.sweep import _options, main
from charrec.sweep.oracle import FAILURES
from charrec.sweep.standing import Status
from charrec.sweep.table import lines
from tests.sweep.driving import SMALL
from tests.sweep.staged import KEY, Staged
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_shows_the_table(busy: Staged, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "status", str(busy.folder), KEY)
    assert (code, err) == (0, "")
    assert out.splitlines() == [KEY, *lines(busy.status)]


def test_the_command_takes_the_search_that_was_begun_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, key in enumerate(("sweeps/bbbb", "sweeps/aaaa", "sweeps/cccc")):
        Staged(tmp_path, key=key)
        os.utime(tmp_path / key / "sweep.json", (1000 - number % 2,) * 2)
    os.utime(tmp_path / "sweeps/aaaa/sweep.json", (2000,) * 2)
    assert run(capsys, "status", str(tmp_path))[1].startswith("sweeps/aaaa\n0 of 120 epochs")


def test_programs_are_told_in_json(busy: Staged, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "status", str(busy.folder), "--json")
    assert (code, err) == (0, "")
    told = Status.model_validate_json(out)
    assert told.rungs == busy.status.rungs
    assert json.loads(out)["epochs_done"] == 29


def test_watching_ends_with_the_search(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = Staged(tmp_path / "store", SMALL)
    small.complete(2)
    small.put()
    later = threading.Timer(0.3, small.finish)
    later.start()
    code, out, _ = run(capsys, "status", str(small.folder), "--watch", "0.05", "--json")
    later.join()
    told = [Status.model_validate_json(line) for line in out.splitlines()]
    assert code == 0
    assert len(told) > 1
    assert [now.finished for now in told] == [False] * (len(told) - 1) + [True]


def test_watching_ends_with_a_search_that_was_ended(staged: Staged, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(FAILURES):
        staged.fail("InternalError: no GPU")
    staged.put()
    code, out, _ = run(capsys, "status", str(staged.folder), "--watch", "600")
    assert code == 0
    assert "ended: Number of consecutive failures" in out
    code, out, _ = run(capsys, "extend", str(staged.folder), "--hours", "2")
    assert (code, out) == (
        0,
        f"{KEY}: too many trials failed for it to go on; `charrec sweep retry` tries them anew.\n",
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("status", "{}/nothing"),
            r"/nothing; expected one in which a study ran. Correct the store's address, or run a",
        ),
        (("status", "{}", "sweeps/wrong"), f"has no search sweeps/wrong; expected one of {KEY}. Name one of"),
        (("status", "{}", "../elsewhere"), r"a store's key is '../elsewhere/sweep.json'; expected names of"),
        (("status", "ftp://host/path"), r"a store's address of the kind 'ftp'; expected"),
        (
            ("work", "{}", KEY),
            r"the search sweeps/0123456789abcdef does not name its images; expected a search that a study began",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    words: tuple[str, ...], said: str, staged: Staged, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *(word.format(staged.folder) for word in words))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert said in err
    assert err.count("\n") == 1


def test_a_foreign_search_is_refused(staged: Staged, capsys: pytest.CaptureFixture[str]) -> None:
    staged.store.put(staged.sweep.oracle, b"{}")
    code, out, err = run(capsys, "status", str(staged.folder))
    assert (code, out) == (2, "")
    assert "oracle.json holds a search of version None; expected a search of version 3" in err


def test_a_foreign_description_is_refused(staged: Staged, capsys: pytest.CaptureFixture[str]) -> None:
    staged.store.put(f"{KEY}/sweep.json", b'{"key": "elsewhere"}')
    code, out, err = run(capsys, "status", str(staged.folder))
    assert (code, out) == (2, "")
    assert f"{KEY}/sweep.json holds search: Field required" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
@pytest.mark.parametrize("option", ["--watch", "--idle"])
def test_a_wait_is_a_number_of_seconds(option: str, seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["status" if option == "--watch" else "work", "store", option, seconds])
    assert ended.value.code == 2
    said = f"argument {option}: found {seconds!r}; expected a number above 0"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "words", "lease"), [(None, [], 60), ("10", [], 10), ("10", ["--lease", "20"], 20)]
)
def test_a_worker_has_the_lease_of_its_study(
    variable: str | None, words: list[str], lease: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its signs of life come in quarters of it, so those of another would come too late, or be waited for too long."""
    monkeypatch.delenv("CHARREC_LEASE", raising=False)
    if variable:
        monkeypatch.setenv("CHARREC_LEASE", variable)
    assert _options(["work", "store", *words]).lease == lease


def test_a_lease_has_a_studys_bounds(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CHARREC_LEASE", "0.5")
    with pytest.raises(SystemExit) as ended:
        main(["work", "store"])
    assert ended.value.code == 2
    assert "argument --lease: found '0.5'; expected greater than or equal to 1" in capsys.readouterr().err
