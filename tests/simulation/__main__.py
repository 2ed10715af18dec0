"""`python -m tests.simulation 7` prints the interleaving of seed 7; `python -m tests.simulation 0 10000` runs many.

The word `training` before the numbers asks for plain trainings instead of searches, a schedule's name, as ASHA, for
searches by that one, with "x 2" behind it of two executions of each trial: `'ASHA x 2'`; `short` for searches in
which memory ends.
"""

import argparse
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial

from tests.simulation import plain_training, searching
from tests.simulation.searching import Run
from tests.sweep.scheduled import SCHEDULES


def main(simulate: Callable[[int], Run], first: int, after: int | None = None) -> int:
    if after is None:
        run = simulate(first)
        print(run)
        return 1 if run.violation else 0
    counts: Counter[str] = Counter()
    violated, began = 0, time.process_time()
    for seed in range(first, after):
        run = simulate(seed)
        counts += run.counts()
        if run.violation:
            violated += 1
            print(f"seed {seed}: {run.violation}", flush=True)
    seconds = time.process_time() - began
    print(f"seeds {first} to {after - 1}: {violated} violated; {seconds:.0f} s of CPU; {dict(counts)}")
    return 1 if violated else 0


def parsed(kinds: Collection[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", nargs="?", choices=kinds, default="Hyperband")
    parser.add_argument("first", type=int, help="a seed")
    parser.add_argument("after", type=int, nargs="?", help="the seed after the last; none: the first alone")
    return parser.parse_args()


if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)  # Keras Tuner's
    simulated: dict[str, Callable[[int], Run]] = {
        name: partial(searching.simulate, by=by) for name, by in SCHEDULES.items()
    }
    simulated |= {f"{name} x 2": partial(searching.simulate, by=by, executions=2) for name, by in SCHEDULES.items()}
    simulated["short"] = partial(searching.simulate, short=True)
    simulated["training"] = plain_training.simulate
    given = parsed(simulated)
    sys.exit(main(simulated[given.kind], given.first, given.after))
