"""Does the precision cost accuracy? `python -m tests.benchmarks.precisions chars74kdigitalenglishfont.zip`.

Trains models 1 to 3 from several seeds in float32 and in mixed_bfloat16, on the study's own split, and compares the
best validation accuracies of each pair: same images in the same order, same initial weights, same augmentation.

    --size 32 --epochs 8 --seeds 3 --folder FOLDER    finished trainings are kept there, and never made again
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from scipy.stats import t

from charrec.data.arrays import Arrays
from charrec.data.glyphs import load_columns, load_images
from charrec.data.packing import pack
from charrec.data.sources import Selection, locate, read
from charrec.data.split import split
from charrec.machine.provenance import commit, this_machine
from charrec.models import DECK, SEARCHED
from charrec.results import Epoch
from charrec.storage import open_store
from charrec.study import FULL, Data
from charrec.training.precision import PRECISIONS
from charrec.training.recipe import Recipe
from charrec.training.train import train

COMPARED = tuple(model for model in DECK if model != SEARCHED)
LEVEL = 0.975  # of an interval's upper end: 95 % lie within


def loaded(archive: str, size: int, folder: Path) -> Arrays:
    path = folder / "glyphs.parquet"
    if not path.exists():
        pack(read(locate("glyphs", Data(glyphs=archive), folder), Selection()), path)
    columns = load_columns(path)
    halves = split(columns, FULL.split, FULL.validation_fraction, FULL.seed)
    return Arrays(load_images(path, size), columns["label"].to_numpy(np.int64), *halves)


def history(
    model: str, precision: str, seed: int, epochs: int, arrays: Arrays, folder: Path, channels: int = 1
) -> Sequence[Epoch]:
    """The epochs of a training, which goes on from those that the folder has."""
    size = arrays.images.shape[1]
    recipe = Recipe(
        model=model, network=None, seed=seed, batch_size=FULL.batch_size, image_size=size, image_channels=channels,
        precision=precision,
    )  # fmt: skip
    key = f"{model}-{precision}-{seed}-{size}" + (f"-{channels}-channels" if channels > 1 else "")
    return train(recipe, arrays, epochs, open_store(str(folder / "store")), key).epochs[:epochs]


def best(model: str, precision: str, seed: int, epochs: int, arrays: Arrays, folder: Path) -> float:
    """The highest validation accuracy of a training, in percent."""
    return 100 * max(epoch.val_accuracy for epoch in history(model, precision, seed, epochs, arrays, folder))


def interval(differences: list[float]) -> str:
    """Mean with the 95 % interval of Student's t."""
    half = t.ppf(LEVEL, len(differences) - 1) * stdev(differences) / len(differences) ** 0.5
    return f"{mean(differences):+.2f} ({mean(differences) - half:+.2f} to {mean(differences) + half:+.2f})"


def asked(what: str | None, epochs: int) -> tuple[argparse.Namespace, Arrays]:
    """The options, and the images."""
    parser = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "charrec-precisions"))
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    return given, loaded(given.archive, given.size, given.folder)


def main() -> None:
    given, arrays = asked(__doc__, epochs=8)
    machine = this_machine()
    print(f"{machine.cpu}, {machine.cores} cores; commit {commit()}; {given.size} px, {given.epochs} epochs, "
          f"{given.seeds} seeds, {len(arrays.training):,} and {len(arrays.validation):,} images")  # fmt: skip
    found = {
        (model, precision, seed): best(model, precision, seed, given.epochs, arrays, given.folder)
        for seed, model, precision in product(range(1, given.seeds + 1), COMPARED, PRECISIONS)
    }
    print(f"\n| model | {' | '.join(PRECISIONS)} | difference, points (95 % interval) |\n|---|---|---|---|")
    everything = []
    for model in COMPARED:
        sides = [[found[model, precision, seed] for seed in range(1, given.seeds + 1)] for precision in PRECISIONS]
        differences = [ours - theirs for theirs, ours in zip(*sides, strict=True)]
        everything += differences
        print(f"| {model[-1]} | {' | '.join(f'{mean(side):.2f}' for side in sides)} | {interval(differences)} |")
    print(f"| all | | | {interval(everything)} |")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
