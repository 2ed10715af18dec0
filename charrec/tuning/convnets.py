"""What the search for network 4 trains: the network at a point of its space, by the study's recipe."""

from collections.abc import Sequence

import numpy as np

from charrec.data.arrays import Arrays
from charrec.study import Search
from charrec.sweep.space import Value
from charrec.sweep.trainable import Place, Scored
from charrec.training.train import train
from charrec.tuning.plan import Sweep
from charrec.tuning.space import propose


class ConvNets:
    """A `Trainable` of `charrec.sweep`."""

    def __init__(self, sweep: Sweep, arrays: Arrays) -> None:
        self.recipe, self.arrays = sweep.recipe, subset(arrays, sweep.search, sweep.seed)

    def train(self, values: dict[str, Value], seed: int, epochs: int, place: Place) -> Sequence[Scored]:
        recipe = self.recipe.model_copy(update={"network": propose(values), "seed": seed})
        progress = train(
            recipe, self.arrays, epochs, place.store, place.key, place.show, place.owner, place.interrupt,
            place.entitled,
        )  # fmt: skip
        return [Scored(row.val_accuracy, row.seconds) for row in progress.epochs]

    def forget(self) -> None:
        import keras

        keras.backend.clear_session()


def subset(arrays: Arrays, search: Search, seed: int) -> Arrays:
    """The arrays with as many training images as the search asks for, drawn at random."""
    if search.images is None or search.images >= len(arrays.training):
        return arrays
    chosen = np.random.default_rng(seed).permutation(arrays.training)[: search.images]
    return Arrays(arrays.images, arrays.labels, chosen, arrays.validation)
