"""The search of any Keras model on JAX, in a process of its own: prints what test_fitting_on_jax.py looks at."""

import json
import tempfile
from contextlib import suppress
from typing import Any

import keras
import numpy as np

from charrec.storage import open_store
from charrec.sweep.fits import Fitted
from charrec.sweep.trainable import Place
from charrec.training.checkpoints import read_progress
from charrec.training.interruption import Interrupted
from tests.sweep.test_fitting import DATA, EPOCHS, VALUES, fitting, trained
from tests.sweep.tiny import build

STEPS = 2  # of an epoch, and one of validation


def compiled(hp: Any) -> Any:
    """As users have it: the eager steps of the other tests would not pass through JAX's own state."""
    made = build(hp)
    made.run_eagerly = False
    return made


def main(folder: str) -> None:
    store = open_store(folder)
    whole, weights = trained(Place(store, "whole"), DATA["callbacks"], (EPOCHS,), compiled)
    parts, same = trained(Place(store, "parts"), DATA["callbacks"], (1, EPOCHS), compiled)
    calls = iter(range(100))
    place = Place(store, "interrupted", interrupt=lambda: next(calls) == STEPS + 2)  # after a step of the second epoch
    with suppress(Interrupted):
        fitting(DATA["callbacks"], compiled).train(VALUES, 7, EPOCHS, place)
    left = len(read_progress(store, "interrupted", Fitted).epochs)
    again, too = trained(Place(store, "interrupted"), DATA["callbacks"], (EPOCHS,), compiled)
    found = {
        "backend": keras.backend.backend(),
        "epochs": len(whole),
        "left": left,
        "rows": [parts == whole, again == whole],
        "weights": [[np.array_equal(*pair) for pair in zip(one, weights, strict=True)] for one in (same, too)],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(place)
