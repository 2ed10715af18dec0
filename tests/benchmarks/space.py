"""Every point of the search space, trained: the table in docs/space.parquet, on which any schedule plays in a second.

`.venv/bin/python -m tests.benchmarks.space --data ARCHIVE --folder FOLDER` makes it, or goes on: each finished training
is an object in FOLDER and is never repeated. `--play` plays the schedules and prints the tables of docs/sweep.md.
"""

import argparse
import json
import os
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from itertools import groupby, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from charrec.data.arrays import Arrays, Glyphs, load_arrays
from charrec.data.sources import locate
from charrec.errors import InputError
from charrec.machine.provenance import commit, this_machine
from charrec.memo.step import Bench
from charrec.models.convnet import ConvNet
from charrec.results import Epoch
from charrec.steps.pack import PACK
from charrec.steps.pipeline import packing
from charrec.storage import Conflict, NotFound, Store, open_store
from charrec.study import Data, Frozen, Search, Study
from charrec.sweep.trial import trial_seed
from charrec.training.recipe import Recipe, compiled, network_of, seed_weights
from charrec.tuning.convnets import subset
from charrec.tuning.space import SPACE, propose

if TYPE_CHECKING:
    import keras

TABLE = Path(__file__).parents[2] / "docs/space.parquet"
UNITS = SPACE["units"]
POINTS = tuple(propose(dict(zip(SPACE, values, strict=True))) for values in product(*SPACE.values()))
# 256 and 512 units first: until it is whole, the table is a whole one of a coarser space.
ORDER = sorted(range(len(POINTS)), key=lambda point: POINTS[point].units not in (UNITS[0], UNITS[-1]))
METADATA = b"charrec"
METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
SAMPLE = range(0, len(POINTS), 24)  # trained again, to tell how much luck there is
AT_ONCE = 32  # steps for each call from Python, which costs as much as a step of so few images


class Plan(Frozen):
    """What decides the table, apart from the data set. The defaults are those of docs/space.parquet."""

    seed: int = 123
    image_size: int = 32  # px
    training: int = 1536  # images, the same for every point
    validation: int = 1024
    batch_size: int = 16  # an epoch has 96 steps; with 64, or with 24 of 64 images, nothing is learnt in two epochs
    precision: str = "mixed_bfloat16"  # the study's where it pays; here it takes three quarters of float32's time
    epochs: int = 10
    digest: str = ""  # of the packed set

    def recipe(self, repeat: int, point: int) -> Recipe:
        return Recipe(
            model="model_4", network=POINTS[point], seed=trial_seed(self.seed + repeat, point),
            batch_size=self.batch_size, image_size=self.image_size, image_channels=1, precision=self.precision,
        )  # fmt: skip


class Trained(Frozen):
    """One training, as it is stored."""

    epochs: tuple[Epoch, ...]
    commit: str
    ended: datetime


def load(data: Data, plan: Plan, bench: Bench) -> tuple[Plan, Arrays]:
    """The plan with the set's digest, and the images, packed and split as a study does it."""
    study = Study(seed=plan.seed, data=data, image_size=plan.image_size)
    packed = PACK.run(packing(study, locate("glyphs", data, bench.cache)), bench).value
    everything = load_arrays(Glyphs.of(study, packed), plan.image_size, bench.store, bench.cache)
    fewer = subset(everything, Search(images=plan.training), plan.seed)
    arrays = Arrays(fewer.images, fewer.labels, fewer.training, fewer.validation[: plan.validation])
    return plan.model_copy(update={"digest": packed.manifest.digest}), arrays


def begin(store: Store, plan: Plan) -> None:
    """Note the plan in the store. Raises InputError if trainings of another one lie there."""
    try:
        store.create("plan.json", plan.model_dump_json(indent=1).encode())
    except Conflict:
        if (other := Plan.model_validate_json(store.get("plan.json"))) != plan:
            raise InputError(
                f"{store.url} holds trainings of {other}", str(plan), "Name another folder, or repeat its settings."
            ) from None


def make(store: Store, plan: Plan, arrays: Arrays) -> Iterator[str]:
    """Train what is not stored yet: every point, then some again; yields a line for each training."""
    yield from train(store, plan, arrays, [(0, point) for point in ORDER])
    yield from train(store, plan, arrays, [(1, point) for point in again(store)])


def again(store: Store) -> list[int]:
    """The points that are trained again: what the schedules choose, whose lead may be luck, and a sample of all."""
    from tests.benchmarks.regret import choices

    accuracies = [[row.val_accuracy for row in stored(store, 0, point).epochs] for point in range(len(POINTS))]
    return sorted({*choices(np.array(accuracies, np.float32)), *SAMPLE})


def train(store: Store, plan: Plan, arrays: Arrays, trainings: list[tuple[int, int]]) -> Iterator[str]:
    """Train (repeat, point) after (repeat, point), where it is not stored yet.

    Points that differ in their units alone share one network, which is traced once.
    """
    import keras

    from charrec.training.epoch import train_epoch
    from charrec.training.interruption import Begun

    missing = [(repeat, point) for repeat, point in trainings if not store.exists(key(repeat, point))]
    for shape, alike in groupby(missing, key=lambda at: widest(POINTS[at[1]])):
        keras.backend.clear_session()
        model = compiled(plan.recipe(0, 0).model_copy(update={"network": shape}), arrays)
        model.steps_per_execution = AT_ONCE
        unused = [keras.ops.convert_to_numpy(variable) for variable in model.optimizer.variables]
        for repeat, point in alike:
            recipe = plan.recipe(repeat, point)
            for variable, value in zip(model.optimizer.variables, unused, strict=True):
                variable.assign(value)
            narrow(network_of(model), recipe)
            epochs = tuple(
                train_epoch(model, recipe, arrays, epoch, Begun(), [], lambda: False)
                for epoch in range(1, plan.epochs + 1)
            )
            done = Trained(epochs=epochs, commit=commit(), ended=datetime.now(UTC))
            store.put(key(repeat, point), done.model_dump_json().encode())
            best, seconds = max(row.val_accuracy for row in epochs), sum(row.seconds for row in epochs)
            yield f"{key(repeat, point)} {best:.4f} {seconds:.1f} s"


def narrow(network: "keras.Sequential", recipe: Recipe) -> None:
    """Give the network the initial weights of the recipe's own, which has fewer units, and zeros for the others.

    A unit without weights answers 0 and has gradients of 0, so it keeps none: the training is the narrow network's.
    """
    from keras import ops

    own = recipe.build()(network.input_shape[1:], network.output_shape[-1], net=recipe.network)
    seed_weights(own, recipe.seed)
    for wide, weights in zip(network.trainable_variables, own.trainable_variables, strict=True):
        missing = [(0, there - here) for there, here in zip(wide.shape, weights.shape, strict=True)]
        wide.assign(np.pad(ops.convert_to_numpy(weights), missing))


def widest(network: ConvNet) -> ConvNet:
    return network.model_copy(update={"units": UNITS[-1]})


def key(repeat: int, point: int) -> str:
    return f"trainings/{repeat}/{point:03d}.json"


def stored(store: Store, repeat: int, point: int) -> Trained:
    """One training. Raises InputError if it is missing."""
    try:
        return Trained.model_validate_json(store.get(key(repeat, point)))
    except NotFound:
        found = f"{store.url} lacks {key(repeat, point)}"
        raise InputError(found, "every training", "Run the same command again.") from None


def joined(store: Store, plan: Plan, trainings: Collection[tuple[int, int]]) -> pa.Table:
    """The histories of (repeat, point)s, a row for each epoch. Raises InputError if one is missing."""
    trained = {at: stored(store, *at) for at in trainings}
    rows = [
        {"repeat": repeat, "point": point, **POINTS[point].model_dump(), **row.model_dump(include={"epoch", *METRICS})}
        for (repeat, point), training in trained.items()
        for row in training.epochs
    ]
    ends = [training.ended for training in trained.values()]
    told = {
        "plan": plan.model_dump(),
        "commits": sorted({training.commit for training in trained.values()}),
        "machine": this_machine().model_dump(),
        "began": min(ends).isoformat(timespec="seconds"),
        "ended": max(ends).isoformat(timespec="seconds"),
    }
    small: dict[str, Any] = {name: pa.int16() for name in ("repeat", "point", *SPACE, "epoch")}
    types = {**small, **dict.fromkeys(("dropout", *METRICS), pa.float32())}
    columns = {name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()}
    return pa.table(columns).replace_schema_metadata({METADATA: json.dumps(told)})


def write(table: pa.Table, path: Path) -> None:
    """Write the file, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    pq.write_table(table, part, compression="zstd", compression_level=19, write_statistics=False)
    part.replace(path)


def read(path: Path = TABLE) -> np.ndarray:
    """(2, 720, epochs) validation accuracy of the first and the second training; NaN where there was no second."""
    table = pq.read_table(path, columns=["repeat", "point", "epoch", "val_accuracy"])
    repeat, point, epoch, accuracy = (column.to_numpy() for column in table.columns)
    curves = np.full((2, len(POINTS), epoch.max()), np.nan, np.float32)
    curves[repeat, point, epoch - 1] = accuracy
    return curves


def finish(data: Data, plan: Plan, folder: Path, path: Path) -> Iterator[str]:
    """Train what the folder lacks, and write the table. Raises InputError."""
    bench = Bench(open_store(str(folder)), folder / "cache")
    plan, arrays = load(data, plan, bench)
    begin(bench.store, plan)
    yield from make(bench.store, plan, arrays)
    whole = [*((0, point) for point in range(len(POINTS))), *((1, point) for point in again(bench.store))]
    write(joined(bench.store, plan, whole), path)


def main() -> None:
    usual = Plan()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--play", action="store_true", help="play the schedules on the table, and train nothing")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--data", default=Data().glyphs, help="as --data.glyphs of a study")
    parser.add_argument("--folder", type=Path, default=Path("results/space"), help="where finished trainings lie")
    numbers = ("training", "validation", "batch_size", "epochs")
    for name in numbers:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(usual, name))
    asked = parser.parse_args()
    if asked.play:
        from tests.benchmarks import regret

        regret.main(asked.table)
        return
    plan = Plan(**{name: getattr(asked, name) for name in numbers})
    try:
        for line in finish(Data(glyphs=asked.data), plan, asked.folder, asked.table):
            print(line, flush=True)
    except InputError as error:
        parser.exit(2, f"error: {error}\n")


if __name__ == "__main__":
    main()
