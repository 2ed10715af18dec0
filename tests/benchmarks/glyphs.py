"""How long packing and loading the data take: `make bench ARGS=path/to/chars74kdigitalenglishfont.zip`.

Prints the medians of some runs, each in a process of its own; without an archive, on the embedded fonts.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from charrec.data.glyphs import load_images
from charrec.data.packing import pack
from charrec.data.sources import Selection, locate, read
from charrec.machine.provenance import this_machine
from charrec.study import Data

RUNS = 5


def measure(what: str, glyphs: str, path: Path) -> dict[str, float]:
    """Seconds of one run and the peak memory of this process so far, in GiB."""
    data = Data(glyphs=glyphs)
    start = time.perf_counter()
    if what == "pack":
        pack(read(locate("glyphs", data, Path()), Selection()), path)
    else:
        load_images(path)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def main(glyphs: str) -> None:
    """Print a table."""
    machine = this_machine()
    print(f"{glyphs} on {machine.cpu}, {machine.cores} cores")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "glyphs.parquet"
        for what in ("pack", "load"):
            runs = [_child(what, glyphs, path) for _ in range(RUNS)]
            seconds, peak = median(r["seconds"] for r in runs), max(r["GiB"] for r in runs)
            print(f"{what}: median {seconds:.2f} s of {RUNS} runs, at most {peak:.2f} GiB")
        print(f"file: {path.stat().st_size / 1e6:.1f} MB")


def _child(what: str, glyphs: str, path: Path) -> dict[str, float]:
    command = [sys.executable, __file__, what, glyphs, str(path)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {name: float(value) for name, value in json.loads(answer).items()}


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(measure(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
    else:
        main(sys.argv[1] if len(sys.argv) == 2 else "fonts")
