"""The deck's way of training and ours, in turn: `python -m tests.benchmarks.deck chars74kdigitalenglishfont.zip`.

The deck's: a tree of PNGs, `image_dataset_from_directory`, three channels, float32, the slide's network, Keras's `fit`;
Keras Tuner's `Hyperband`. Ours: packed, one channel, resident, the precision that the probe chooses, `train_epoch`; the
sweep's worker. Both train the same number of images of the same archive on one machine. The rounds alternate, so that a
slow minute of the machine strikes both; the ratio is the median of the rounds' own ratios. Beside them stands what the
machine can do at best, so that one sees how much is left.

    --images N    PNGs used, a fifth of them to validate (3100)
    --rounds N    epochs of each (5)
    --models ...  and "search" (all)
"""

import io
import os
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from charrec.alphabet import CLASSES
from charrec.data.arrays import Arrays
from charrec.machine.provenance import commit, this_machine
from charrec.models import DECK, SEARCHED
from charrec.models.convnet import ConvNet
from charrec.reference import SEARCH_CHOSEN
from charrec.study import FULL, Search
from charrec.training.epoch import train_epoch
from charrec.training.interruption import Begun
from charrec.training.recipe import Recipe, compiled

if TYPE_CHECKING:
    import keras

SIZE, BATCH, SEED = FULL.image_size, FULL.batch_size, FULL.seed
SEARCH = Search(max_epochs=2, factor=2)  # 5 trials, 7 epochs in all; the same first networks on both sides
CHOSEN = ConvNet.model_validate(SEARCH_CHOSEN)
TRAINING = 3  # times the arithmetic of a forward pass: forward, by the weights, by the values
SIDE = 3072  # of the matrices whose product is the machine's peak


def main(archive: str, images: int = 3100, rounds: int = 5, models: tuple[str, ...] = (*DECK, "search")) -> None:
    """Print a table in Markdown."""
    machine = this_machine()
    print(f"{machine.gpus[0] if machine.gpus else machine.cpu}, {machine.cores} cores; commit {commit()}; "
          f"{images:,} images of {SIZE} px, {rounds} rounds")  # fmt: skip
    best = peak()
    with tempfile.TemporaryDirectory() as folder:
        tree, arrays = Path(folder, "tree"), Path(folder, "glyphs.parquet")
        unpack(archive, tree, images)
        ours = packed(tree, arrays)
        precision = probed(ours)
        print(f"\nOurs trains in {precision}. The machine's products of matrices of {SIDE}: "
              f"{', '.join(f'{rate / 1e9:,.0f} GFLOP/s in {name}' for name, rate in best.items())}; "
              f"its copies of memory: {copies():.1f} GB/s.")  # fmt: skip
        print("\n| | the deck, images/s | ours, images/s | ratio | lowest and highest | ours, GFLOP/s | of the peak |"
              "\n|---|---|---|---|---|---|---|")  # fmt: skip
        for model in models:
            if model == "search":
                searches(tree, ours, precision, min(rounds, 3))
                continue
            recipe = recipe_of(model, precision)
            sides = deck(model, tree), our_way(recipe, ours)
            work = TRAINING * arithmetic(network(model, 1))
            row(model, [tuple(side() for side in sides) for _ in range(rounds)], work, best[recipe.precision])


def row(name: str, rates: list[tuple[float, ...]], work: float, best: float) -> None:
    theirs, ours = (median(rate[side] for rate in rates) for side in (0, 1))
    ratios = sorted(rate[1] / rate[0] for rate in rates)
    print(f"| {name} | {theirs:,.0f} | {ours:,.0f} | {median(ratios):.2f} | {ratios[0]:.2f}, {ratios[-1]:.2f} "
          f"| {ours * work / 1e9:,.0f} | {ours * work / best:.0%} |", flush=True)  # fmt: skip


# The data


def unpack(archive: str, tree: Path, images: int) -> None:
    """So many PNGs of each class, evenly chosen, in a folder for each class."""
    with zipfile.ZipFile(archive) as whole:
        classes: dict[str, list[str]] = {}
        for name in sorted(name for name in whole.namelist() if name.endswith(".png")):
            classes.setdefault(name.split("/")[-2], []).append(name)
        for folder, names in classes.items():
            (tree / folder).mkdir(parents=True)
            for place in np.linspace(0, len(names) - 1, images // len(classes)).astype(int):
                (tree / folder / names[place].split("/")[-1]).write_bytes(whole.read(names[place]))


def packed(tree: Path, path: Path) -> Arrays:
    """The same tree as the study packs, loads and splits it."""
    from charrec.data.glyphs import load_columns, load_images
    from charrec.data.packing import pack
    from charrec.data.sources import Selection, locate, read
    from charrec.data.split import split
    from charrec.study import Data

    pack(read(locate("glyphs", Data(glyphs=str(tree)), tree), Selection()), path)
    columns = load_columns(path)
    halves = split(columns, FULL.split, FULL.validation_fraction, SEED)
    return Arrays(load_images(path, SIZE), columns["label"].to_numpy(np.int64), *halves)


# The machine


def peak() -> dict[str, float]:
    """FLOP/s of a product of large matrices, by the precision of a training."""
    import tensorflow as tf

    product = tf.function(tf.matmul)
    rates = {}
    for name, kind in (("float32", tf.float32), ("mixed_bfloat16", tf.bfloat16)):
        matrix = tf.cast(tf.random.stateless_normal((SIDE, SIDE), (0, 0)), kind)
        seconds = fastest(lambda matrix=matrix: product(matrix, matrix).numpy()[0, 0])  # type: ignore[misc]
        rates[name] = 2 * SIDE**3 / seconds
    return rates


def copies() -> float:
    """GB/s read and written by a copy that no cache holds, of one core."""
    source = np.ones(1 << 28, np.uint8)
    target = np.empty_like(source)
    return 2 * source.nbytes / fastest(lambda: np.copyto(target, source)) / 1e9


def fastest(call: Callable[[], Any], times: int = 5) -> float:
    seconds = []
    for _ in range(times + 1):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


# The networks


def network(model: str, channels: int) -> "keras.Sequential":
    """The slide's, as its file says."""
    return recipe_of(model, "float32").build()(
        (SIZE, SIZE, channels), len(CLASSES), **({"net": CHOSEN} if model == SEARCHED else {})
    )


def recipe_of(model: str, precision: str) -> Recipe:
    return Recipe(
        model=model, network=CHOSEN if model == SEARCHED else None, seed=SEED, batch_size=BATCH, image_size=SIZE,
        image_channels=1, precision=precision,
    )  # fmt: skip


def arithmetic(network: "keras.Sequential") -> float:
    """FLOP of an image's forward pass: two for each product of a convolution or a dense layer."""
    products = 0
    for layer in network.layers:
        if hasattr(layer, "kernel"):
            places = np.prod(layer.output.shape[1:-1], dtype=int)
            products += int(places) * int(np.prod(layer.kernel.shape))
    return 2 * products


def probed(arrays: Arrays) -> str:
    from charrec.training.precision import probe

    return probe(recipe_of("model_1", "float32")).chosen


# The two ways


def halves(tree: Path) -> tuple[Any, Any]:
    """The deck's training and validation data."""
    import keras

    with redirect_stdout(io.StringIO()):
        return tuple(
            keras.utils.image_dataset_from_directory(
                tree, validation_split=FULL.validation_fraction, subset=subset, seed=SEED, image_size=(SIZE, SIZE),
                batch_size=BATCH,
            )
            for subset in ("training", "validation")
        )  # fmt: skip


def compile_as_in_the_deck(network: "keras.Sequential") -> "keras.Sequential":
    import keras

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return network


def deck(model: str, tree: Path) -> Callable[[], float]:
    """An epoch of the deck's, in training images/s; the first, which builds the graph, is over."""
    import keras

    training, validation = halves(tree)
    count = len(training.file_paths)
    trained = compile_as_in_the_deck(network(model, 3))

    def epoch() -> float:
        ended: list[float] = []
        watch = keras.callbacks.LambdaCallback(on_test_begin=lambda _logs: ended.append(time.perf_counter()))
        start = time.perf_counter()
        trained.fit(training, validation_data=validation, verbose=0, callbacks=[watch])
        return count / (ended[0] - start)

    epoch()
    return epoch


def our_way(recipe: Recipe, arrays: Arrays) -> Callable[[], float]:
    """An epoch of ours, likewise."""
    model, done = compiled(recipe, arrays), 0

    def epoch() -> float:
        nonlocal done
        done += 1
        return train_epoch(model, recipe, arrays, done, Begun(), [], lambda: False).images_per_second

    epoch()
    return epoch


def searches(tree: Path, arrays: Arrays, precision: str, rounds: int) -> None:
    """Seconds of the same small search, first trial to last, graphs and checkpoints included."""
    trained = 7 * len(arrays.training)
    rates = []
    for _ in range(rounds):
        rates.append(tuple(trained / seconds for seconds in (their_search(tree), our_search(arrays, precision))))
    theirs, ours = (median(rate[side] for rate in rates) for side in (0, 1))
    ratios = sorted(rate[1] / rate[0] for rate in rates)
    print(f"| search, 5 trials of 7 epochs | {theirs:,.0f} | {ours:,.0f} | {median(ratios):.2f} "
          f"| {ratios[0]:.2f}, {ratios[-1]:.2f} | | |", flush=True)  # fmt: skip


def their_search(tree: Path) -> float:
    import keras_tuner as kt

    from charrec.models.model_4 import model_4
    from charrec.tuning.space import SPACE, propose

    def build(hp: Any) -> "keras.Sequential":
        values = {name: hp.Choice(name, list(choices), ordered=True) for name, choices in SPACE.items()}
        return compile_as_in_the_deck(model_4((SIZE, SIZE, 3), len(CLASSES), net=propose(values)))

    training, validation = halves(tree)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        tuner = kt.Hyperband(
            build, objective="val_accuracy", max_epochs=SEARCH.max_epochs, factor=SEARCH.factor, seed=SEED + 1,
            directory=folder, project_name="search",
        )  # fmt: skip
        tuner.search(training, validation_data=validation, verbose=0)
        return time.perf_counter() - start


def our_search(arrays: Arrays, precision: str) -> float:
    from charrec.storage import open_store
    from charrec.tuning.plan import Sweep
    from charrec.tuning.work import work

    recipe = recipe_of(SEARCHED, precision).model_copy(update={"network": None})
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        ending = work(open_store(folder), Sweep(key="sweep", search=SEARCH, recipe=recipe), arrays)
        assert ending == "finished", ending
        return time.perf_counter() - start


def options(words: list[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, values in zip(words[::2], words[1::2], strict=True):
        given[name.removeprefix("--")] = tuple(values.split(",")) if name == "--models" else int(values)
    return given


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", module="keras")  # of the deck's data sets and of Keras Tuner's resumed trials
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], **options(sys.argv[2:]))
