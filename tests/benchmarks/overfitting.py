"""When does model 1 overfit, and what decides it? `python -m tests.benchmarks.overfitting ARCHIVE`, Chars74K's zip.

Trains it from several seeds on one grey channel in both precisions and on the deck's three in float32, on the study's
own split, and shows the epoch at which the validation loss is lowest.

    --size 32 --epochs 15 --seeds 3 --folder FOLDER    trainings are kept there, and shared with benchmarks.precisions

At 32 px it has not overfitted after 15 epochs, so what decides it can only be seen at 128 (docs/results.md).
"""

import os

from charrec.machine.provenance import commit, this_machine
from charrec.markdown import table
from charrec.training.precision import PRECISIONS
from tests.benchmarks.precisions import asked, history

MODEL = "model_1"
VARIANTS = (*((1, precision) for precision in PRECISIONS), (3, "float32"))  # channels, precision


def main() -> None:
    given, arrays = asked(__doc__, epochs=15)
    machine = this_machine()
    print(f"{machine.cpu}, {machine.cores} cores; commit {commit()}; {MODEL}, {given.size} px, {given.epochs} epochs, "
          f"seeds 1 to {given.seeds}\n")  # fmt: skip
    rows = []
    for channels, precision in VARIANTS:
        runs = [
            history(MODEL, precision, seed, given.epochs, arrays, given.folder, channels)
            for seed in range(1, given.seeds + 1)
        ]
        lowest = [min(run, key=lambda epoch: epoch.val_loss) for run in runs]
        highest = [max(run, key=lambda epoch: epoch.val_accuracy) for run in runs]
        rows.append([
            str(channels), precision,
            ", ".join(str(epoch.epoch) for epoch in lowest), ", ".join(f"{epoch.val_loss:.3f}" for epoch in lowest),
            ", ".join(str(epoch.epoch) for epoch in highest),
            ", ".join(f"{100 * epoch.val_accuracy:.2f}" for epoch in highest),
        ])  # fmt: skip
    head = ["channels", "precision", "lowest val loss in epoch", "loss", "best accuracy in epoch", "accuracy %"]
    print(table(head, rows))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
