"""Ten classes that a network learns in seconds, and a process that works on them until it is killed.

`python -m tests.toy train STORE` is for a kill in the middle of epoch 2 of 3, `search STORE` in a trial's second epoch:
it prints MIDDLE there and waits. `python -m tests.toy jax STORE` prints what trainings and a search find there.
"""

import gc
import itertools
import math
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from charrec.machine.unneeded import leave_out_unneeded
from charrec.results import SearchResult
from charrec.storage import Store, open_store
from charrec.study import Frozen, Search
from charrec.training.checkpoints import Progress, load, read_progress
from charrec.training.recipe import Arrays, Recipe, compiled
from charrec.training.train import train
from charrec.tuning.plan import Sweep
from tests.thorough import THOROUGH, some

ROOT = Path(__file__).parents[1]
MIDDLE = "in the middle"
KERAS_TUNERS = (
    "ignore:currentThread\\(\\) is deprecated:DeprecationWarning",
    "ignore:getName\\(\\) is deprecated:DeprecationWarning",
)
WARNINGS = (
    "error",
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",  # Keras on TensorFlow
    *KERAS_TUNERS,
)

RECIPE = Recipe(
    model="model_2",
    network=None,
    seed=1,
    batch_size=8,
    image_size=32,
    image_channels=1,
    precision="float32",
)
SMALL = RECIPE.model_copy(update={"model": "model_1"})
EPOCHS = 3

SEARCH = Search(max_epochs=2, factor=2)  # 5 trials: 2 of one epoch, one of them promoted, 2 of two epochs
SEARCH_RECIPE = RECIPE.model_copy(update={"model": "model_4", "seed": 6})
# Each takes half a minute of a core, to compile, to train or to install; `make test` runs one of them.
HEAVY = (
    "trainings on JAX", "a store on JAX", "as the roles of the cloud", "as the image is installed",
    "model 5, interrupted", "model 5 in a study of another size",
)  # fmt: skip
ON_JAX_WAYS = some(["resumed", "interrupted"], 1)
ON_JAX_TRIALS = 2  # each is 10 s of compiling
ON_JAX_SEARCH = Search(max_epochs=ON_JAX_TRIALS, factor=4)  # as many trials of as many epochs
ON_JAX = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_backend_optimization_level=0"}  # 1/4 less
SWEEP = Sweep(key="sweep", search=SEARCH, recipe=SEARCH_RECIPE)
DOOMED = 288  # units of one of the four networks that the seed proposes; its second epoch diverges


def toy_arrays(training: int = 320, validation: int = 80, seed: int = 0) -> Arrays:
    """White, 32 px, with a dark square in one of nine places, or none: classes 0 ... 9."""
    rng = np.random.default_rng(seed)
    n = training + validation
    labels = np.arange(n) % 10
    images = np.full((n, 32, 32), 255, np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = 10 * np.array(divmod(label, 3)) + rng.integers(0, 3, 2)
        image[top : top + 10, left : left + 10] = rng.integers(0, 60)
    images[labels == 9] = 255
    return Arrays(images, labels, np.arange(training), np.arange(training, n))


def search_arrays() -> Arrays:
    """Few enough for a search of seconds."""
    return toy_arrays(160, 80)


def needed(progress: Progress) -> list[str]:
    """The keys that the store should hold."""
    return sorted([*progress.needed(), "t/progress.json"])


def history(progress: Progress) -> list[dict[str, float]]:
    """What must repeat; durations need not."""
    return [row.model_dump(exclude={"seconds", "images_per_second"}) for row in progress.epochs]


def state(store: Store, progress: Progress, recipe: Recipe, arrays: Arrays) -> list[np.ndarray]:
    """Weights and optimizer slots after the last epoch."""
    assert progress.last
    model = compiled(recipe, arrays)
    load(model, store, progress.last)
    return [np.asarray(variable, np.float64) for variable in (*model.weights, *model.optimizer.variables)]


def kill_in_the_middle(*words: str) -> None:
    """Start `python -m tests.toy words`, and kill -9 it when it says that it is in the middle."""
    process = subprocess.Popen([sys.executable, "-m", "tests.toy", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout
        said = process.stdout.readline().strip()
        process.kill()
    assert (said, process.returncode) == (MIDDLE, -signal.SIGKILL)


def search(
    store: Store, show: Callable[..., Any] | None = None, arrays: Arrays | None = None, sweep: Sweep = SWEEP
) -> SearchResult:
    """The tiny search, stored under `sweep`."""
    from charrec.sweep.heartbeat import Terms
    from charrec.tuning.outcome import result
    from charrec.tuning.work import work

    arrays = arrays or search_arrays()
    while work(store, sweep, arrays, show or doom, terms=Terms(lease=4, poll=0.2)) == "alone":
        pass  # a failure is believed from two workers
    return result(store, sweep, len(arrays.training))


def doom(_title: str, epoch: int, _epochs: int) -> Any:
    """A Keras callback that makes the DOOMED network diverge in its second epoch."""
    import keras

    class Doom(keras.callbacks.Callback):
        def on_train_begin(self, _logs: object = None) -> None:
            if epoch == 2 and self.model.layers[-1].layers[-2].units == DOOMED:
                self.model.optimizer.learning_rate = math.nan

    return Doom()


def wait_at(step: int) -> Any:
    """A Keras callback that says MIDDLE after so many steps, and waits to be killed."""
    import keras

    def wait(batch: int, logs: object) -> None:  # Keras passes it by name
        if batch == step:
            print(MIDDLE, flush=True)
            time.sleep(600)

    return keras.callbacks.LambdaCallback(on_train_batch_end=wait)


def interrupted(recipe: Recipe, arrays: Arrays, store: Store) -> list[int]:
    """A training of 2 epochs that ends in an error, then is asked to stop, both between two steps of an epoch.

    One step a call, where the undisturbed training has several. Returns the steps after which it was asked to stop.
    """
    from charrec.training import on_jax
    from charrec.training.interruption import Interrupted

    stops, longest, on_jax.LONGEST = [], on_jax.LONGEST, 0.0

    def stop_at(step: int, how: Callable[[], bool]) -> Callable[[], bool]:
        calls = itertools.count()
        return lambda: next(calls) >= step and how()

    def fail() -> bool:
        raise KeyboardInterrupt

    for interrupt in (stop_at(2, fail), stop_at(3, lambda: True)):
        try:
            train(recipe, arrays, 2, store, "interrupted", interrupt=interrupt)
        except KeyboardInterrupt:
            pass
        except Interrupted as stop:
            stops.append(stop.begun.steps)
    train(recipe, arrays, 2, store, "interrupted")
    on_jax.LONGEST = longest
    return stops


class Linear(Frozen):
    """The same two epochs of a network that compiles fast, by Keras's `fit` and by ours."""

    keras: list[dict[str, float]]
    ours: list[dict[str, float]]
    last_steps: list[list[int]]  # of each call of the device, epoch by epoch
    rate: float  # images/s
    freed: bool  # the network, when nobody refers to it any more


def linear() -> Linear:
    import keras

    from charrec.training import on_jax
    from charrec.training.batches import batches
    from charrec.training.lookup import Lookup, resident

    arrays = toy_arrays(67, 23)
    order, positions = arrays.training[::-1].astype(np.int32), arrays.validation.astype(np.int32)
    training, validation = (order, arrays.labels[order]), (positions, arrays.labels[positions])

    def made() -> Any:
        keras.utils.set_random_seed(1)
        layers = [keras.layers.Flatten(), keras.layers.Rescaling(1 / 255), keras.layers.Dropout(0.5)]
        network = keras.Sequential([keras.Input((32, 32, 1)), *layers, keras.layers.Dense(10)])
        model = keras.Sequential([keras.Input((), dtype="int32"), Lookup(resident(arrays.images), 1), network])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(), loss, metrics=["accuracy"])
        model.optimizer.build(model.trainable_variables)
        model.evaluate(batches(*validation, 10), verbose=0)
        return model

    steps: list[list[int]] = [[], []]
    model, rows = made(), []
    for ends in steps:
        seen = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs, ends=ends: ends.append(batch))
        rows.append(on_jax.fit(model, training, validation, (4, 10), 0, [seen]))
    rate = on_jax.rate(model, training, 4)
    network = weakref.ref(model)
    del model, seen
    gc.collect()
    freed, model = network() is None, made()
    theirs = [
        model.fit(batches(*training, 4), validation_data=batches(*validation, 10), shuffle=False, verbose=0).history
        for _ in steps
    ]
    last = [[{name: float(column[-1]) for name, column in row.items()} for row in each] for each in (theirs, rows)]
    return Linear(keras=last[0], ours=last[1], last_steps=steps, rate=rate, freed=freed)


class OnJax(Frozen):
    """What one process found on JAX: histories of the same network, and in full a search.

    A sample has one of the resumed and the interrupted training, and no search: each network is compiled anew.
    """

    backend: str
    undisturbed: list[dict[str, float]]
    resumed: list[dict[str, float]] | None = None
    interrupted: list[dict[str, float]] | None = None
    stops: list[int]  # steps after which the interrupted one was asked to stop
    linear: Linear
    search: SearchResult | None


def keras_backend() -> str:
    import keras

    name: str = keras.config.backend()
    return name


def main(command: str, place: str) -> None:
    leave_out_unneeded()
    store = open_store(place)
    if command == "train":
        train(RECIPE, toy_arrays(), EPOCHS, store, "t", lambda _title, epoch, _of: wait_at(20) if epoch == 2 else None)
    elif command == "search":  # the promoted trial is the first to train an epoch 2
        search(store, lambda title, epoch, epochs: wait_at(10) if epoch == 2 else doom(title, epoch, epochs))
    elif command == "jax":
        recipe, arrays = RECIPE.model_copy(update={"batch_size": 16}), toy_arrays(64, 32)
        for epochs in (1, 2) if "resumed" in ON_JAX_WAYS else ():
            train(recipe, arrays, epochs, store, "resumed")
        train(recipe, arrays, 2, store, "undisturbed")
        stops = interrupted(recipe, arrays, store) if "interrupted" in ON_JAX_WAYS else []
        sweep = SWEEP.model_copy(update={"search": ON_JAX_SEARCH})
        found = search(store, lambda *_: None, toy_arrays(40, 40), sweep) if THOROUGH else None
        told = {key: history(read_progress(store, key)) for key in ("undisturbed", *ON_JAX_WAYS)}
        print(OnJax(backend=keras_backend(), search=found, stops=stops, linear=linear(), **told).model_dump_json())


if __name__ == "__main__":
    main(*sys.argv[1:])
