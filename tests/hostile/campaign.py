"""`python -m tests.hostile.campaign`: every door tried, in a process of its own, and a table of the figures.

`--cases` is for each kind of input, shared among its doors. `--door NAME --seed N --case N` repeats one case.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.hostile.door import MIB, Figures, tried
from tests.hostile.doors import doors, share

HEAD = ("door", "cases", "accepted", "refused", "most memory, MiB", "slowest, ms of CPU")


def main() -> int:
    options = _options()
    if options.door:
        numbers = [options.case] if options.case is not None else range(options.cases)
        found = run(options.door, options.seed, numbers)
        print(json.dumps(vars(found)))
        return bool(found.failures)
    rows, failures = [], []
    for door in doors():
        if options.kind in (None, door.kind):
            found = _apart(door.name, options.seed, share(door, options.cases))
            rows.append((door.name, found))
            failures += found.failures
            print(row(door.name, found), flush=True)
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"{sum(found.cases for _, found in rows):,} cases of seed {options.seed}, {len(failures)} defects")
    return bool(failures)


def run(name: str, seed: int, numbers: "range | list[int]") -> Figures:
    (door,) = [door for door in doors() if door.name == name]
    with TemporaryDirectory() as folder:
        return tried(door, seed, numbers, Path(folder))


def row(name: str, found: Figures) -> str:
    refused = ", ".join(f"{n:,} {error}" for error, n in sorted(found.ends.items()) if error != "accepted")
    cells = (
        name, f"{found.cases:,}", f"{found.ends.get('accepted', 0):,}", refused or "none", f"{found.memory / MIB:.0f}",
        f"{1000 * found.slowest:.0f}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _apart(name: str, seed: int, cases: int) -> Figures:
    """In a process of its own: a crash of a library is a defect too, and no other door's."""
    words = [sys.executable, "-m", "tests.hostile.campaign", "--door", name, "--seed", str(seed), "--cases", str(cases)]
    done = subprocess.run(words, capture_output=True, text=True)
    try:
        plain = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return Figures(failures=[f"{name}: the process ended with {done.returncode}: {done.stderr[-2000:]}"])
    return Figures(**plain)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.campaign", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="of each kind; of the one door with --door")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", help="archive, image, table, array, document or weights")
    parser.add_argument("--door", metavar="NAME")
    parser.add_argument("--case", type=int, metavar="NUMBER")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
