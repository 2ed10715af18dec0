"""Images/s that each model trains and reads at, in both precisions, on noise: `python tests/benchmarks/models.py`.

The median of some epochs after one that compiles. The keras backend is KERAS_BACKEND's.
"""

import os
import sys
import time
from statistics import median

import numpy as np

from charrec.machine.provenance import this_machine
from charrec.models import DECK
from charrec.models.convnet import ConvNet
from charrec.reference import SEARCH_CHOSEN
from charrec.training.batches import batches
from charrec.training.epoch import VALIDATION_BATCH
from charrec.training.precision import PRECISIONS
from charrec.training.recipe import Arrays, Recipe, compiled

BATCH = 64
STEPS = 30  # of training in an epoch
EPOCHS = 3  # timed


def rates(model: str, precision: str, size: int) -> tuple[float, float]:
    """Training and validation images/s."""
    n = BATCH * STEPS
    rng, everything = np.random.default_rng(0), np.arange(n)
    arrays = Arrays(rng.integers(0, 256, (n, size, size), np.uint8), rng.integers(0, 62, n), everything, everything[:0])
    network = ConvNet.model_validate(SEARCH_CHOSEN) if model == "model_4" else None
    compiled_model = compiled(
        Recipe(
            model=model, network=network, seed=0, batch_size=BATCH, image_size=size, image_channels=1,
            precision=precision,
        ),
        arrays,
    )  # fmt: skip

    def timed(part: str) -> float:
        start = time.perf_counter()
        if part == "train":
            compiled_model.fit(batches(everything, arrays.labels, BATCH), shuffle=False, verbose=0)
        else:
            compiled_model.evaluate(batches(everything, arrays.labels, VALIDATION_BATCH), verbose=0)
        return n / (time.perf_counter() - start)

    return tuple(median([timed(part) for _ in range(EPOCHS + 1)][1:]) for part in ("train", "read"))  # type: ignore[return-value]


def main(size: int) -> None:
    """Print a table in Markdown."""
    machine = this_machine()
    print(f"{machine.gpus[0] if machine.gpus else machine.cpu}, {machine.cores} cores, {size} px")
    print("\n| model | precision | training images/s | validation images/s |\n|---|---|---|---|")
    for model in DECK:
        for precision in PRECISIONS:
            train, read = rates(model, precision, size)
            print(f"| {model[-1]} | {precision} | {train:,.0f} | {read:,.0f} |", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 128)
