"""What a trained network says: probabilities of the 62 classes, for any images."""

import numpy as np

from charrec.data.arrays import Arrays
from charrec.results import Stored
from charrec.storage import Store
from charrec.storage.document import foreign
from charrec.training.checkpoints import load
from charrec.training.epoch import VALIDATION_BATCH
from charrec.training.recipe import Recipe, compiled, network_of


def predict(recipe: Recipe, weights: Stored, sets: dict[str, np.ndarray], store: Store) -> dict[str, np.ndarray]:
    """Sets of (n, size, size) uint8 images -> (n, 62) float32 probabilities each, by these weights.

    Raises Corrupt and Foreign for weights that are not this network's, or not finite.
    """
    nothing = np.empty(0, np.int64)
    blank = np.zeros((1, recipe.image_size, recipe.image_size), np.uint8)
    model = compiled(recipe, Arrays(blank, nothing, nothing, nothing))
    load(model, store, weights)
    network = network_of(model)
    if not all(np.isfinite(weight).all() for weight in network.get_weights()):  # relu and pooling may hide it
        raise foreign(weights.key, "weights that are infinite or not a number")

    def probabilities(images: np.ndarray) -> np.ndarray:
        channels = np.repeat(images[..., None], recipe.image_channels, axis=-1)
        logits: np.ndarray = network.predict(channels, batch_size=VALIDATION_BATCH, verbose=0)
        return softmax(logits)

    return {name: probabilities(images) for name, images in sets.items()}


def softmax(logits: np.ndarray) -> np.ndarray:
    """(n, k) logits -> (n, k) float32 probabilities."""
    from scipy import special  # 0.2 s, which only a prediction needs

    shares: np.ndarray = special.softmax(logits.astype(np.float64), axis=1)
    return shares.astype(np.float32)
