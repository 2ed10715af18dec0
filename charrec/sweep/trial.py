"""One trial: it continues the training of its configuration, or each of its executions: trainings from other seeds.

Its numbers come from the search's seed, the indices of configuration and execution, and the epoch; they do not depend
on which worker runs it, or how often it was interrupted.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from charrec.storage.folder import FolderStore
from charrec.sweep.oracle import Assignment
from charrec.sweep.plan import Plan
from charrec.sweep.trainable import Place, Trainable


def run(given: Assignment, plan: Plan, trainable: Trainable, place: Place, execution: int = 0) -> tuple[float, float]:
    """An execution's best value of the objective in all epochs so far, and the seconds that the trial's own ones took.

    A promoted trial resumes from its parent's last epoch, optimizer slots included.
    """
    epochs = trainable.train(given.values, trial_seed(plan.seed, given.configuration, execution), given.epochs, place)
    done = epochs[: given.epochs]
    return plan.objective.best(row.value for row in done), sum(row.seconds for row in done[given.first :])


def repeat(given: Assignment, plan: Plan, trainable: Trainable, interrupt: Callable[[], bool]) -> None:
    """Train the first epoch of a completed trial and forget it: raises what keeps this machine from training at all."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(FolderStore(Path(folder)), "proof", interrupt=interrupt)
        trainable.train(given.values, trial_seed(plan.seed, given.configuration), 1, place)


def trial_seed(seed: int, configuration: int, execution: int = 0) -> int:
    """One seed per execution of a configuration, far from all others.

    To NumPy a last 0 changes nothing: the first execution's seed is that of searches from before there were others.
    """
    return int(np.random.SeedSequence([seed, configuration, execution]).generate_state(1)[0]) >> 1
