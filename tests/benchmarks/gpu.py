"""What a GPU makes of the study's trainings, on noise: `python -m tests.benchmarks.gpu --out gpu.json`.

Ours: one channel, resident images, mixed_bfloat16, `train_epoch`. The deck's: three channels, float32, the slide's
network, Keras's `fit` from arrays of the host. The deck itself reads files by `image_dataset_from_directory`, which
needs TensorFlow and is slower than arrays; so the ratio is a lower bound. Beside them stands the card's peak, a large
product of matrices.

It prints each row as it is measured, the most important first. After `--minutes` it begins no further one and says
which are left out. KERAS_BACKEND is jax unless it is set.

A machine without package registries needs jax with CUDA, numpy, pandas and pyarrow, and 6 MB that another one fetches
(`unzip -p wheels/keras-*.whl '*/METADATA'` lists what a version needs; `cp312` is the machine's Python):

    pip download --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \\
        --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 -d wheels \\
        keras==3.15.1 namex optree pydantic==2.14.3 pydantic-core==2.50.4 annotated-types typing-inspection
    pip install --no-index --no-deps --target site wheels/*.whl   # there, in the repository's root
    PYTHONPATH=site python -m tests.benchmarks.gpu --out gpu.json
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from charrec.alphabet import CLASSES
from charrec.data.arrays import Arrays
from charrec.machine.hardware import require_usable_gpu
from charrec.machine.provenance import commit, this_machine
from charrec.models import DECK, SEARCHED
from charrec.study import FULL
from charrec.sweep.schedule import schedule
from charrec.training.epoch import VALIDATION_BATCH, train_epoch
from charrec.training.interruption import Begun
from charrec.training.recipe import Recipe, compiled
from tests.benchmarks import deck

PRECISION = "mixed_bfloat16"
ORDER = ("model_1", "model_3", "model_4", "model_2")
PRODUCTS = 10  # of large matrices, before the host looks
DECKS = 4096  # images that the deck's way is given: 0.8 GB of float32
GOAL = 3.0  # seconds for model 1's epochs on an H100


def main(
    minutes: float = 8,
    out: str | None = None,
    models: tuple[str, ...] = ORDER,
    batches: tuple[int, ...] = (64, 256, 1024),
    size: int = FULL.image_size,
    training: int = 50_394,
    validation: int = 12_598,
    side: int = 8192,
) -> dict[str, Any]:
    """Print tables in Markdown; returns what `--out` writes."""
    require_usable_gpu()
    began = time.perf_counter()
    found: dict[str, Any] = {"machine": about(), "size": size, "training": training, "validation": validation,
                             "peak": peak(side), "ours": [], "deck": [], "left_out": []}  # fmt: skip
    print(heading(found), flush=True)
    arrays = noise(training, validation, size)

    def each(
        title: str, head: str, names: list[tuple[str, int]], measure: Callable[[str, int], dict[str, Any]]
    ) -> None:
        print(f"\n{head}\n|{'---|' * (head.count('|') - 1)}", flush=True)
        for model, batch in names:
            if time.perf_counter() - began > 60 * minutes:
                found["left_out"].append(f"{title}, {model}, batch {batch}")
                continue
            row = measure(model, batch)
            found[title].append(row)
            print("| " + " | ".join(row["shown"]) + " |", flush=True)
            if out:
                Path(out).write_text(json.dumps(found, indent=1) + "\n")

    def measure_ours(model: str, batch: int) -> dict[str, Any]:
        return ours(model, batch, arrays, found["peak"], first_of_all=(model, batch) == (models[0], batches[0]))

    def measure_deck(model: str, batch: int) -> dict[str, Any]:
        return decks(model, batch, arrays, found["ours"])

    head = "| ours | batch | training images/s | compilation, s | epoch with validation, s | TFLOP/s | of the peak |"
    each("ours", head, [(model, batches[0]) for model in models], measure_ours)
    each("deck", f"| batch {batches[0]} | the deck, images/s | ours | ratio |",
         [(model, batches[0]) for model in models], measure_deck)  # fmt: skip
    if batches[1:]:
        each("ours", head, [(model, batch) for batch in batches[1:] for model in models], measure_ours)
    found["full"] = full(found["ours"], batches[0])
    print("\n" + "\n".join(sentences(found)), flush=True)
    if out:
        Path(out).write_text(json.dumps(found, indent=1) + "\n")
    return found


# The machine


def about() -> dict[str, Any]:
    import keras

    machine = this_machine()
    packages = (keras.backend.backend(), "keras", "numpy")
    return {
        "device": machine.gpus[0] if machine.gpus else f"no GPU: {machine.cpu}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "versions": {"python": platform.python_version(), **{name: its_version(name) for name in packages}},
    }


def its_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # tensorflow-cpu, for example
        return "?"


def peak(side: int) -> dict[str, float]:
    """FLOP/s of a product of large matrices."""
    import keras

    rates = {}
    for kind in ("bfloat16", "float32"):
        matrix = keras.ops.cast(np.random.default_rng(0).standard_normal((side, side), np.float32), kind)

        def products(matrix: Any = matrix) -> float:
            for _ in range(PRODUCTS):
                product = keras.ops.matmul(matrix, matrix)
            return float(product[0, 0])

        rates[kind] = PRODUCTS * 2 * side**3 / deck.fastest(products)
    return rates


def heading(found: dict[str, Any]) -> str:
    machine, rates = found["machine"], found["peak"]
    versions = ", ".join(f"{name} {its}" for name, its in machine["versions"].items())
    return (
        f"{machine['device']}; {machine['date']}; {versions}; commit {machine['commit'] or 'unknown'}; noise of"
        f" {found['size']} px, {found['training']:,} images to train on, {found['validation']:,} to validate.\n"
        f"Large products of matrices: {rates['bfloat16'] / 1e12:,.1f} TFLOP/s in bfloat16,"
        f" {rates['float32'] / 1e12:,.1f} in float32."
    )


# Ours


def noise(training: int, validation: int, size: int) -> Arrays:
    rng, n = np.random.default_rng(0), training + validation
    images = np.frombuffer(rng.bytes(n * size * size), np.uint8).reshape(n, size, size)
    return Arrays(images, rng.integers(0, len(CLASSES), n), np.arange(training), np.arange(training, n))


def ours(model: str, batch: int, arrays: Arrays, best: dict[str, float], first_of_all: bool) -> dict[str, Any]:
    """Epochs of a network: model 1's fifteen where it is the first, else three; the first of them compiles.

    With larger batches than FULL's there is one shape of batches, to compile less.
    """
    if batch != FULL.batch_size and not first_of_all:
        whole = len(arrays.training) // 4096 * 4096 or len(arrays.training)
        arrays = replace(arrays, training=arrays.training[:whole], validation=arrays.validation[:VALIDATION_BATCH])
    recipe = recipe_of(model, batch, arrays.images.shape[1])
    network, count = compiled(recipe, arrays), FULL.epochs_model_1 if first_of_all else 3
    seconds, trained = [], list[float]()
    for epoch in range(1, count + 1):
        start = time.perf_counter()
        train_epoch(network, recipe, arrays, epoch, Begun(), [ending(trained)], lambda: False)
        seconds.append(time.perf_counter() - start)
        trained[-1] -= start
    rate, later = len(arrays.training) / median(trained[1:]), median(seconds[1:])
    work = deck.TRAINING * deck.arithmetic(slides(recipe, 1)) * rate
    validating = max(later - len(arrays.training) / rate, 0.0)
    return {
        "model": model, "batch": batch, "images_per_second": rate, "epoch": later, "validation": validating,
        "compilation": max(seconds[0] - later, 0.0), "epochs": seconds, "flops": work,
        "of_the_peak": work / best["bfloat16"],
        "shown": [model, f"{batch:,}", f"{rate:,.0f}", f"{max(seconds[0] - later, 0.0):.1f}", f"{later:.2f}",
                  f"{work / 1e12:,.2f}", f"{work / best['bfloat16']:.1%}"],
    }  # fmt: skip


def ending(trained: list[float]) -> Any:
    """A callback that notes when the device has done an epoch's last step; the host is ahead of it."""
    import keras

    class Ending(keras.callbacks.Callback):
        def on_test_begin(self, logs: object = None) -> None:
            float(self.model.metrics_variables[0])
            trained.append(time.perf_counter())

    return Ending()


def recipe_of(model: str, batch: int, size: int) -> Recipe:
    return deck.recipe_of(model, PRECISION).model_copy(update={"batch_size": batch, "image_size": size})


def slides(recipe: Recipe, channels: int) -> Any:
    """The slide's network in float32, as its file says."""
    network = {"net": recipe.network} if recipe.network else {}
    return recipe.build()((recipe.image_size, recipe.image_size, channels), len(CLASSES), **network)


# The deck's


def decks(model: str, batch: int, arrays: Arrays, measured: list[dict[str, Any]]) -> dict[str, Any]:
    """An epoch of the deck's code, from arrays; one before it compiles."""
    recipe = recipe_of(model, batch, arrays.images.shape[1])
    network = deck.compile_as_in_the_deck(slides(recipe, 3))
    chosen = arrays.training[: DECKS // batch * batch]
    images = np.repeat(arrays.images[chosen, ..., None], 3, axis=-1).astype(np.float32)
    labels = arrays.labels[chosen]
    network.fit(images[:batch], labels[:batch], batch_size=batch, verbose=0)
    start = time.perf_counter()
    network.fit(images, labels, batch_size=batch, verbose=0)
    rate = len(images) / (time.perf_counter() - start)
    mine = next(row["images_per_second"] for row in measured if (row["model"], row["batch"]) == (model, batch))
    return {"model": model, "batch": batch, "images_per_second": rate, "ratio": mine / rate,
            "shown": [model, f"{rate:,.0f}", f"{mine:,.0f}", f"{mine / rate:.1f}"]}  # fmt: skip


# FULL


def full(measured: list[dict[str, Any]], batch: int) -> dict[str, Any]:
    """Seconds of FULL's trainings: epochs times the measured epoch, and a compilation for each network."""
    rows = {row["model"]: row for row in measured if row["batch"] == batch}
    rungs = schedule(FULL.search)
    trials, epochs = sum(rung.trials for rung in rungs), sum(rung.trials * (rung.epochs - rung.first) for rung in rungs)
    parts = {name: (getattr(FULL, f"epochs_{name}"), 1, rows.get(name)) for name in DECK}
    parts["search"] = epochs, trials, rows.get(SEARCHED)
    return {
        name: {"epochs": count, "networks": networks, "training": count * row["epoch"],
               "compilation": networks * row["compilation"]}
        for name, (count, networks, row) in parts.items() if row
    }  # fmt: skip


def sentences(found: dict[str, Any]) -> list[str]:
    lines = []
    first = found["ours"][0] if found["ours"] else None
    if first and len(first["epochs"]) == FULL.epochs_model_1:
        lines.append(
            f"{first['model']}'s {len(first['epochs'])} epochs: measured {sum(first['epochs']):.1f} s, of it"
            f" {first['compilation']:.1f} s compilation; without it"
            f" {sum(first['epochs']) - first['compilation']:.1f} s, of it validation"
            f" {len(first['epochs']) * first['validation']:.1f} s. The goal on an H100: {GOAL:.0f} s."
        )
    rows = found["full"]
    if rows:
        lines.append(
            "\n| FULL, extrapolated | epochs | networks | training, s | compilation, s |\n|---|---|---|---|---|"
        )
        lines += [
            f"| {name} | {row['epochs']} | {row['networks']} | {row['training']:.1f} | {row['compilation']:.1f} |"
            for name, row in rows.items()
        ]
        sums = [sum(row[part] for row in rows.values()) for part in ("epochs", "networks", "training", "compilation")]
        lines.append(f"| sum | {sums[0]} | {sums[1]} | {sums[2]:.1f} | {sums[3]:.1f} |")
        lines.append(
            "\nEpochs times the measured epoch; every trial of the search is taken for the deck's best network. Storing"
            " checkpoints is not in it."
        )
    if found["left_out"]:
        lines.append(f"\nLeft out for want of time: {'; '.join(found['left_out'])}.")
    return lines


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8, help="after so many, nothing further is begun (8)")
    parser.add_argument("--out", help="a JSON file of all that was measured")
    parser.add_argument("--models", type=lambda text: tuple(text.split(",")), default=ORDER)
    parser.add_argument("--batches", type=lambda text: tuple(map(int, text.split(","))), default=(64, 256, 1024))
    for name, default, what in (
        ("size", FULL.image_size, "px"), ("training", 50_394, "images"), ("validation", 12_598, "images"),
        ("side", 8192, "of the matrices whose product is the peak"),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{what} ({default:,})")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "jax")
    main(**vars(options()))
