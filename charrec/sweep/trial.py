"""One trial: it continues the training of its configuration.

Its numbers come from the study's seed, the index of the configuration and the epoch; they do not depend on which worker
runs it, or how often it was interrupted.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from charrec.data.arrays import Arrays
from charrec.storage import Store
from charrec.storage.folder import FolderStore
from charrec.study import Search
from charrec.sweep.oracle import Assignment
from charrec.sweep.plan import Sweep
from charrec.training.recipe import Recipe
from charrec.training.train import train


def run(
    given: Assignment,
    sweep: Sweep,
    store: Store,
    arrays: Arrays,
    owner: str,
    interrupt: Callable[[], bool],
    show: Callable[..., Any] | None,
    entitled: Callable[[], None],
) -> tuple[float, float]:
    """The best validation accuracy of all epochs so far, and the seconds that this trial's own epochs took.

    A promoted trial resumes from its parent's last epoch, optimizer slots included.
    """
    key = sweep.training(given.configuration)
    progress = train(_recipe(given, sweep), arrays, given.epochs, store, key, show, owner, interrupt, entitled)
    done = progress.epochs[: given.epochs]
    return max(row.val_accuracy for row in done), sum(row.seconds for row in done[given.first :])


def repeat(given: Assignment, sweep: Sweep, arrays: Arrays, interrupt: Callable[[], bool]) -> None:
    """Train the first epoch of a completed trial and forget it: raises what keeps this machine from training at all."""
    with tempfile.TemporaryDirectory() as folder:
        train(_recipe(given, sweep), arrays, 1, FolderStore(Path(folder)), "proof", interrupt=interrupt)


def _recipe(given: Assignment, sweep: Sweep) -> Recipe:
    seed = trial_seed(sweep.recipe.seed, given.configuration)
    return sweep.recipe.model_copy(update={"network": given.network, "seed": seed})


def subset(arrays: Arrays, search: Search, seed: int) -> Arrays:
    """The arrays with as many training images as the search asks for, drawn at random."""
    if search.images is None or search.images >= len(arrays.training):
        return arrays
    chosen = np.random.default_rng(seed).permutation(arrays.training)[: search.images]
    return Arrays(arrays.images, arrays.labels, chosen, arrays.validation)


def trial_seed(seed: int, configuration: int) -> int:
    """One seed per configuration, far from all others."""
    return int(np.random.SeedSequence([seed, configuration]).generate_state(1)[0]) >> 1
