"""How much more each network reads than the one before it, on the same validation images."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from charrec.evaluation.paired import Answers, figure
from charrec.results import Gain

PAIRED = {"difference", "low", "high", "n", "groups"}  # of a figure


def gains(read: Mapping[str, np.ndarray], labels: np.ndarray, groups: np.ndarray, seed: int) -> tuple[Gain, ...]:
    """From the (n,) classes that each network read, the first network first, (n,) labels and groups of fonts."""
    found = []
    for before, model in pairwise(read):
        one = figure("accuracy", Answers(labels, read[before], read[model], groups), seed)
        found.append(Gain(model=model, before=before, **one.model_dump(include=PAIRED)))
    return tuple(found)
