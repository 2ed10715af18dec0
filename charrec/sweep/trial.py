"""One trial: it continues the training of its configuration.

Its numbers come from the search's seed, the index of the configuration and the epoch; they do not depend on which
worker runs it, or how often it was interrupted.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from charrec.storage.folder import FolderStore
from charrec.sweep.oracle import Assignment
from charrec.sweep.plan import Plan
from charrec.sweep.trainable import Place, Trainable


def run(given: Assignment, plan: Plan, trainable: Trainable, place: Place) -> tuple[float, float]:
    """The best value of the objective in all epochs so far, and the seconds that this trial's own epochs took.

    A promoted trial resumes from its parent's last epoch, optimizer slots included.
    """
    epochs = trainable.train(given.values, trial_seed(plan.seed, given.configuration), given.epochs, place)
    done = epochs[: given.epochs]
    return plan.objective.best(row.value for row in done), sum(row.seconds for row in done[given.first :])


def repeat(given: Assignment, plan: Plan, trainable: Trainable, interrupt: Callable[[], bool]) -> None:
    """Train the first epoch of a completed trial and forget it: raises what keeps this machine from training at all."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(FolderStore(Path(folder)), "proof", interrupt=interrupt)
        trainable.train(given.values, trial_seed(plan.seed, given.configuration), 1, place)


def trial_seed(seed: int, configuration: int) -> int:
    """One seed per configuration, far from all others."""
    return int(np.random.SeedSequence([seed, configuration]).generate_state(1)[0]) >> 1
