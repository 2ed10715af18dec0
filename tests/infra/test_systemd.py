"""The example of a worker as a systemd unit: it begins again whatever ends it, and it begins what it should."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "infra" / "systemd" / "charrec-worker@.service"


def setting(name: str) -> str:
    (line,) = [line for line in UNIT.read_text().splitlines() if line.startswith(f"{name}=")]
    return line.partition("=")[2]


def test_it_begins_again_however_often_it_ended() -> None:
    assert (setting("Restart"), setting("StartLimitIntervalSec")) == ("always", "0")


def test_it_begins_the_worker_of_its_name(tmp_path: Path) -> None:
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    shell, option, quoted = setting("ExecStart").split(" ", 2)
    script = quoted.strip("'").replace("%i", "gpu-gpu0").replace("%%", "%").replace("$$", "$")  # as systemd does
    said = subprocess.run(
        [shell, option, script], env={"CHARREC_HOME": str(tmp_path), "LIMIT": "1"}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert said.stdout == "-m infra.docker.entry worker --pool gpu --name gpu0 --limit 1\n"


def test_what_its_runs_write_lies_in_its_own_folder() -> None:
    """They work in CHARREC_HOME, which may be somebody else's."""
    variables = dict(re.findall(r"\b([A-Z_]+)=(\S+)", UNIT.read_text()))
    for name in ("PREFECT_HOME", "CHARREC_CACHE"):
        assert variables[name].startswith(f"/var/lib/{setting('StateDirectory')}/")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
def test_systemd_takes_it(tmp_path: Path) -> None:
    copy = tmp_path / "charrec-worker@gpu-gpu0.service"
    shutil.copy(UNIT, copy)
    said = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True)
    assert str(copy) not in said.stderr and "Unknown" not in said.stderr, said.stderr
