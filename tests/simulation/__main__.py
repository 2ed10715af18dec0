"""`python -m tests.simulation 7` prints the interleaving of seed 7; `python -m tests.simulation 0 10000` runs many.

The word `training` before the numbers asks for plain trainings instead of searches, a schedule's name, as ASHA, for
searches by that one, with "x 2" behind it of two executions of each trial: `'ASHA x 2'`.
"""

import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
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


if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)  # Keras Tuner's
    words = sys.argv[1:]
    kinds = {name: partial(searching.simulate, by=by) for name, by in SCHEDULES.items()}
    kinds |= {f"{name} x 2": partial(searching.simulate, by=by, executions=2) for name, by in SCHEDULES.items()}
    kinds["training"] = plain_training.simulate
    named = words[0] in kinds
    sys.exit(main(kinds[words[0]] if named else searching.simulate, *map(int, words[named:])))
