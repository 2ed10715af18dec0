"""What slows first under load, and by how much: the tables of docs/reliability.md.

`.venv/bin/python -m tests.benchmarks.load FOLDER studies waiting workers objects`: any of them, on its own stacks.
Figures that are there already are not measured again, so the same command goes on after an interruption.

Each figure is the wall time of one call in the median, and in brackets the CPU seconds that a call cost the processes
that answer it, on average, without what they spend at rest. CPU seconds hardly depend on what else the machine does.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.processes import descendants

TICKS = os.sysconf("SC_CLK_TCK")
ENOUGH = 2.0  # seconds that a figure is measured at least
REST = 20.0  # seconds in which nobody asks anything


class Sizes(NamedTuple):
    """Under load; each is compared with next to nothing."""

    studies: int = 1000
    waiting: int = 100
    workers: int = 64
    objects: int = 10_000


class Figure(NamedTuple):
    seconds: float
    cpu: float
    calls: int


class Notes:
    """What was measured, in a file that outlives this process."""

    def __init__(self, path: Path) -> None:
        self.path, self.idle = path, 0.0
        self.found: dict[str, dict[str, Figure]] = {}  # what -> under which load -> figure
        if path.exists():
            text = json.loads(path.read_text())
            self.found = {what: {load: Figure(*one) for load, one in row.items()} for what, row in text.items()}

    def rest(self, what: str, load: str, cpu: Callable[[], float]) -> None:
        """What is spent while nobody asks, a figure of its own; from now on it does not count as a call's."""
        before = cpu()
        time.sleep(REST)
        spent = cpu() - before
        self.idle = spent / REST
        self.note(what, load, Figure(REST, spent, 1))

    def measure(
        self, what: str, load: str, call: Callable[[], object], cpu: Callable[[], float], least: int = 3
    ) -> None:
        """At least so many calls, and for a while. `cpu`: seconds spent so far by whoever works on them."""
        if load in self.found.get(what, {}):
            return
        if least > 1:
            call()  # connections and caches
        took, before, began = [], cpu(), time.perf_counter()
        while len(took) < least or time.perf_counter() - began < ENOUGH:
            start = time.perf_counter()
            call()
            took.append(time.perf_counter() - start)
        spent = cpu() - before - self.idle * (time.perf_counter() - began)
        self.note(what, load, Figure(median(took), max(0.0, spent) / len(took), len(took)))

    def note(self, what: str, load: str, figure: Figure) -> None:
        self.found.setdefault(what, {})[load] = figure
        self.path.write_text(json.dumps(self.found, indent=1))
        print(f"{what}, {load}: {told(figure)}", file=sys.stderr, flush=True)

    def table(self, kind: str) -> Iterator[str]:
        """The rows of one kind; each column is a load."""
        rows = {what.removeprefix(f"{kind}: "): row for what, row in self.found.items() if what.startswith(f"{kind}: ")}
        loads = list(dict.fromkeys(load for row in rows.values() for load in row))
        yield f"| {' | '.join(['', *loads])} |"
        yield "|---" * (len(loads) + 1) + "|"
        for what, row in rows.items():
            yield f"| {' | '.join([what, *(told(row[load]) if load in row else '' for load in loads)])} |"


def told(figure: Figure) -> str:
    return f"{in_words(figure.seconds)} ({in_words(figure.cpu)})"


def in_words(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 0.9995 else f"{seconds:.3g} s"


def cpu_of(*pids: int) -> float:
    """Seconds spent by these processes and what they started, also by what has ended since (proc(5))."""
    spent = 0
    for pid in {each for root in pids for each in (root, *descendants(root))}:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        spent += sum(map(int, fields[11:15]))
    return spent / TICKS


@contextmanager
def part(name: str, notes: Notes) -> Iterator[None]:
    print(f"\n{name}, load of the machine {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    yield
    print("\n".join([f"\n{name}\n", *notes.table(name)]), flush=True)


def main(arguments: list[str] | None = None) -> None:
    from tests.benchmarks.load_server import studies, waiting
    from tests.benchmarks.load_store import objects, workers

    parts = {each.__name__: each for each in (studies, waiting, workers, objects)}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="a short path; PostgreSQL's user must be able to enter it")
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(parts)}; none: all")
    for name, usual in Sizes()._asdict().items():
        parser.add_argument(f"--{name}", type=int, default=usual)
    asked = vars(parser.parse_args(arguments))
    folder = asked.pop("folder").resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o711)
    notes = Notes(folder / "load.json")
    for name in asked.pop("parts") or parts:
        with part(name, notes):
            parts[name](folder, notes, Sizes(**asked))


if __name__ == "__main__":
    main()
