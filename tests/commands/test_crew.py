"""`charrec sweep work SCRIPT`: so many processes of a script, the dead ones started again, all of them ended."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from charrec.commands import crew
from charrec.commands.sweep import main
from tests.processes import eventually, gone

DYING = """\
import json, os, signal, sys, time
from pathlib import Path
folder = Path(sys.argv[1])
me = len(list(folder.glob("run-*")))
(folder / f"run-{os.getpid()}").write_text(json.dumps([sys.argv[2:], os.environ.get("CUDA_VISIBLE_DEVICES")]))
"""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "gpus", lambda: ())
    monkeypatch.setattr(crew, "LONGEST", 0.0)
    monkeypatch.setattr(crew, "LOOK", 0.01)


def script(folder: Path, end: str) -> str:
    path = folder / "search.py"
    path.write_text(DYING + end)
    return str(path)


def runs(folder: Path) -> list[Path]:
    return sorted(folder.glob("run-*"))


def test_one_that_is_killed_is_started_again_and_all_end_with_the_search(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = script(tmp_path, "if not me: os.kill(os.getpid(), signal.SIGKILL)\n")
    assert main(["work", path, str(tmp_path), "--epochs", "3"]) == 0
    assert [json.loads(run.read_text())[0] for run in runs(tmp_path)] == [["--epochs", "3"]] * 2
    assert "worker 1 was ended by signal 9; the next begins in 0 s" in capfd.readouterr().err


def test_a_script_that_always_fails_is_given_up(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["work", script(tmp_path, "sys.exit(2)\n"), str(tmp_path)]) == 1
    assert len(runs(tmp_path)) == crew.FAILURES
    assert "worker 1 ended with status 2; it is not started again" in capfd.readouterr().err


def test_once_a_worker_has_come_to_the_searchs_end_a_dead_one_is_not_replaced() -> None:
    place = crew._Place(1, [sys.executable, "-c", "raise SystemExit(1)"], os.environ)
    assert eventually(lambda: place.look(over=True) or place.left, 300)
    assert (place.well, place.process) == (False, None)


def test_gpus_are_shared_out_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from charrec.machine.hardware import Gpu

    monkeypatch.setattr(crew, "gpus", lambda: (Gpu("0", "a"), Gpu("MIG-1", "b")))
    assert main(["work", "--workers", "3", script(tmp_path, ""), str(tmp_path)]) == 0
    assert sorted(json.loads(run.read_text())[1] for run in runs(tmp_path)) == ["0", "0", "MIG-1"]


def test_a_studys_search_is_worked_at_by_one_process_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["work", "--workers", "4", "results"])
    assert ended.value.code == 2
    assert "--workers goes with a SCRIPT.py; for a study's search start this command" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["work", "absent.py"], "no file absent.py; expected a script that calls charrec.sweep.search"),
        (["work", "--workers", "0", "absent.py"], "found '0'; expected a number from 1 to 10000"),
    ],
)
def test_wrong_words_are_told(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code: object = main(words)
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert said in capsys.readouterr().err


WAITING = """\
def told(number, frame):  # stores its work as long as the other has not been told yet
    (folder / f"told-{os.getpid()}").touch()
    while len(list(folder.glob("told-*"))) < 2:
        time.sleep(0.01)
    sys.exit()
signal.signal(signal.SIGTERM, told)
(folder / f"ready-{os.getpid()}").touch()
time.sleep(600)
"""


def test_sigterm_is_passed_on_to_every_worker_before_one_is_waited_for(tmp_path: Path) -> None:
    path = script(tmp_path, WAITING)
    words = [sys.executable, "-m", "charrec", "sweep", "work", "--workers", "2", path, str(tmp_path)]
    process = subprocess.Popen(words, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""})
    try:
        assert eventually(lambda: len(list(tmp_path.glob("ready-*"))) == 2, 300, every=0.1)
        process.terminate()
        assert process.wait(300) == 128 + signal.SIGTERM
        assert gone(int(run.name.removeprefix("run-")) for run in runs(tmp_path))
    finally:
        process.kill()
        process.wait()
