"""Model 5 at FULL's length, and what each of its parts is worth, from several seeds:

    python -m tests.benchmarks.model_5 --folder FOLDER --glyphs chars74kdigitalenglishfont.zip --only full
    python -m tests.benchmarks.model_5 --folder FOLDER --glyphs chars74kdigitalenglishfont.zip --only parts
    python -m tests.benchmarks.model_5 --folder FOLDER --glyphs chars74kdigitalenglishfont.zip --only proxy --seeds 1

FOLDER becomes a store of its own. A finished training is recalled from it, and one that was ended goes on, after
SIGTERM from its last step, else from its last epoch: run the same command again. Each seed has font groups of its own
held out and initial weights of its own; no foreign set is read. `full` is 32 epochs of model 5. `parts` are 8 epochs
each of model 5, of it without one of its parts, and of model 3 at 32 px. `proxy` is the same for 4 epochs, with all
fonts that look handwritten held out too (tests/benchmarks/handwritten.py). tests/benchmarks/model_5_told.py makes the
tables.

An epoch of model 5 takes about a minute of one core of an AMD EPYC (Zen 5): `full` half an hour a seed, `parts` as
long, `proxy` a quarter of an hour.
"""

import argparse
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from charrec.data.sources import locate
from charrec.data.sources.source import Role
from charrec.errors import InputError
from charrec.machine.greetings import drop_greetings
from charrec.machine.provenance import commit, this_machine
from charrec.machine.termination import Terminated
from charrec.machine.unneeded import leave_out_unneeded
from charrec.memo.outcome import Outcome
from charrec.memo.step import Bench
from charrec.results import PackResult, TrainingResult
from charrec.steps import pipeline, train
from charrec.steps.pack import PACK
from charrec.steps.precision import PRECISION
from charrec.steps.train import TRAIN
from charrec.storage import open_store
from charrec.study import FULL, Data, Study
from tests.benchmarks.handwritten import Apart, handwritten

SEEDS = (1, 2, 3)
EPOCHS = {"full": FULL.epochs_model_5, "parts": 8, "proxy": 4}
PLAIN = "model_3"  # the deck's best, which has neither residual blocks nor warped coordinates
ENDED = 143  # what a shell says of a process that SIGTERM ended


class Run(NamedTuple):
    """A training of one seed."""

    name: str
    seed: int
    given: train.Given


def study_of(seed: int, data: Data) -> Study:
    """FULL at model 5's size, with whole font groups held out."""
    return FULL.model_copy(
        update={"seed": seed, "data": data, "split": "font", "image_size": 32, "precision": "mixed_bfloat16"}
    )


def packed(data: Data, role: Role, bench: Bench) -> Outcome[PackResult]:
    """The same for every seed, but for the sample of letters, which is the first one's."""
    study = study_of(SEEDS[0], data)
    return PACK.run(pipeline.packing(study, locate(role, study.data, bench.cache)), bench)


def runs(study: Study, sets: pipeline.Sets, bench: Bench, only: str, epochs: int) -> Iterator[Run]:
    """The trainings of a seed."""
    chosen = PRECISION.run(pipeline.choosing(study, pipeline.this_kind_of_machine()), bench)
    whole, plain = (
        pipeline.training(study, model, sets, chosen).model_copy(update={"epochs": epochs})
        for model in ("model_5", PLAIN)
    )
    if only == "proxy":
        glyphs = whole.glyphs
        apart = handwritten(glyphs.packed.local(bench.store, bench.cache))
        split = {"glyphs": Apart(apart=apart, **glyphs.model_dump())}
        whole, plain = whole.model_copy(update=split), plain.model_copy(update=split)
    yield Run("model 5", study.seed, whole)
    if only != "full":
        from tests.benchmarks.without import PARTS, Without  # Keras, which the rest need not import

        for part in PARTS:
            recipe = Without(part=part, **whole.recipe.model_dump())
            yield Run(f"without {part}", study.seed, whole.model_copy(update={"recipe": recipe}))
        yield Run("model 3", study.seed, plain)


def trained(run: Run, bench: Bench) -> Outcome[TrainingResult]:
    """A line an epoch, and one at the end."""
    outcome = TRAIN.recall(run.given, bench.store)
    if outcome is None:
        done = train.epochs_done(run.given, bench.store)
        print(f"{run.name}, seed {run.seed}: {run.given.epochs} epochs, {done} of them stored", flush=True)
        outcome = TRAIN.run(run.given, bench)
    found = outcome.value
    print(
        f"{run.name}, seed {run.seed}: {100 * max(row.val_accuracy for row in found.epochs):.2f} % of unseen fonts"
        f" after epoch {found.best_epoch} of {len(found.epochs)}, {sum(row.seconds for row in found.epochs):.0f} s"
        f"{', recalled' if outcome.cached else ''}",
        flush=True,
    )
    return outcome


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--glyphs", default=FULL.data.glyphs)
    parser.add_argument("--fonts", type=int, help="use only so many, to try this out")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--only", choices=tuple(EPOCHS), default="full")
    parser.add_argument("--networks", nargs="+", help="these alone, as 'model 5' 'without warp'; none: all")
    parser.add_argument("--epochs", type=int, help=f"of each training; none: {EPOCHS}")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    given = parsed(words)
    data = Data(glyphs=given.glyphs, fonts=given.fonts)
    bench = Bench(open_store(str(given.folder / "store")), given.folder / "cache")
    print(f"{len(os.sched_getaffinity(0))} cores of {this_machine().cpu}; commit {commit()}", flush=True)
    try:
        sets: pipeline.Sets = {"glyphs": packed(data, "glyphs", bench)}
        for seed in given.seeds:
            for run in runs(study_of(seed, data), sets, bench, given.only, given.epochs or EPOCHS[given.only]):
                if not given.networks or run.name in given.networks:
                    trained(run, bench)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except Terminated as ended:
        print(f"{ended}. Run the same command again.", flush=True)
        return ENDED
    return 0


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    drop_greetings()
    leave_out_unneeded()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout)
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("charrec").setLevel(logging.INFO)
    sys.exit(main())
