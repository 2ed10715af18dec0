"""From the command to the flow, in a new and in a used home of Prefect; with "whole", the share of orchestration.

`.venv/bin/python -m tests.benchmarks.startup [whole] [REPETITIONS]` prints the figures of docs/performance.md. The
checkout may be of any age; `PYTHONPATH=. .venv/bin/python .../startup.py` there measures an earlier commit.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

LINE, FLOW, STEP = "Study: ", "Beginning flow run", "Task run 'fetch"
ON_THE_WAY = ("glyphs", "trainings", "predictions", "augmentations", "precision", "reports")


def begun(folder: Path) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CHARREC_", "PREFECT_"))}
    environment |= {"PREFECT_HOME": str(folder / "prefect"), "PYTHONUNBUFFERED": "1"}
    words = ["--size", "quick", "--store", str(folder / "store"), "--cache", str(folder / "cache")]
    return subprocess.Popen(
        [sys.executable, "flows/full_study.py", *words, "--data.glyphs=fonts", "--data.letters=fonts",
         "--data.digits=sklearn"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def start(folder: Path) -> list[float]:
    """Seconds to the first line, to the flow, and to the end of its first step; then Ctrl-C."""
    began, seconds = time.perf_counter(), []
    with begun(folder) as run:
        assert run.stdout
        wanted = [LINE, FLOW, STEP]
        for line in run.stdout:
            if wanted and wanted[0] in line:
                seconds.append(time.perf_counter() - began)
                wanted.pop(0)
                if not wanted:
                    run.send_signal(signal.SIGINT)
    return seconds


def whole(folder: Path) -> tuple[float, float]:
    """Seconds of a study, and of what its one device and its parent computed one after the other.

    These are the packing of the glyphs, the trials, trainings and predictions, and the report: each as its result has
    it, the search from its worker's first line to its last.
    """
    began, lines = time.perf_counter(), {}
    with begun(folder) as run:
        assert run.stdout
        for line in run.stdout:
            if found := re.search(r"Flow run 'sweep worker 1' - (Beginning|Finished)", line):
                lines[found[1]] = time.perf_counter()
    assert run.returncode == 0
    results = {path for room in ON_THE_WAY for path in (folder / "store" / room).rglob("result-*.json")}
    computed = sum(json.loads(path.read_text())["provenance"]["seconds"] for path in results)
    return time.perf_counter() - began, computed + lines["Finished"] - lines["Beginning"]


def main(repetitions: int, also_whole: bool) -> None:
    rows: dict[str, list[list[float]]] = {"new": [], "used": []}
    for _ in range(repetitions):
        with TemporaryDirectory() as folder:
            for name in rows:
                rows[name].append(start(Path(folder)))
                time.sleep(4)  # until its server has ended
    for name, found in rows.items():
        columns = list(zip(*found, strict=True))
        shown = [f"{median(column):.1f} ({min(column):.1f}-{max(column):.1f})" for column in columns]
        print(f"| {name} home | " + " | ".join(shown) + " |")
    if also_whole:
        with TemporaryDirectory() as folder:
            seconds, computed = whole(Path(folder))
            print(
                f"| QUICK {seconds:.0f} s | computing {computed:.0f} s | orchestration {1 - computed / seconds:.1%} |"
            )
            again = time.perf_counter()
            with begun(Path(folder)) as run:
                run.communicate()
            print(f"| again, everything cached | {time.perf_counter() - again:.1f} s |")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    main(numbers[0] if numbers else 5, "whole" in sys.argv)
