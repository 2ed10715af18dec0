"""`python -m tests.simulation 7` prints the interleaving of seed 7; `python -m tests.simulation 0 10000` runs many.

The word `training` before the numbers asks for plain trainings instead of searches.
"""

import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable

from tests.simulation import plain_training, searching
from tests.simulation.searching import Run


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
    trainings = words[:1] == ["training"]
    sys.exit(main((plain_training if trainings else searching).simulate, *map(int, words[trainings:])))
