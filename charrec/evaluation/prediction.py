"""What a trained network says: probabilities of the 62 classes, for any images."""

import numpy as np
import pandas as pd

from charrec.alphabet import CLASSES
from charrec.storage import Store
from charrec.training.checkpoints import Progress, load
from charrec.training.epoch import VALIDATION_BATCH
from charrec.training.recipe import Arrays, Recipe, compiled, network_of


def predict(recipe: Recipe, progress: Progress, sets: dict[str, np.ndarray], store: Store) -> dict[str, np.ndarray]:
    """Sets of (n, size, size) uint8 images -> (n, 62) float32 probabilities each, by the best epoch's weights."""
    if progress.best is None:
        raise ValueError(f"{recipe.model} has no checkpoint; train it first")
    nothing = np.empty(0, np.int64)
    blank = np.zeros((1, recipe.image_size, recipe.image_size), np.uint8)
    model = compiled(recipe, Arrays(blank, nothing, nothing, nothing))
    load(model, store, progress.best)
    network = network_of(model)

    def probabilities(images: np.ndarray) -> np.ndarray:
        channels = np.repeat(images[..., None], recipe.image_channels, axis=-1)
        logits: np.ndarray = network.predict(channels, batch_size=VALIDATION_BATCH, verbose=0)
        return softmax(logits)

    return {name: probabilities(images) for name, images in sets.items()}


def softmax(logits: np.ndarray) -> np.ndarray:
    """(n, k) logits -> (n, k) float32 probabilities."""
    scaled = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    shares: np.ndarray = scaled / scaled.sum(axis=1, keepdims=True)
    return shares.astype(np.float32)


def as_table(names: list[str], labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """One row an image: its name, its character, and a column for each class."""
    head = pd.DataFrame({"name": names, "truth": [CLASSES[label] for label in labels]})
    return pd.concat([head, pd.DataFrame(probabilities, columns=list(CLASSES))], axis=1)
