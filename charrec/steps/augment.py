"""Training images -> what the augmentation makes of them, for the report."""

from io import BytesIO

import numpy as np

from charrec.data.arrays import Glyphs, load_arrays
from charrec.machine.backend import require_backend, settle
from charrec.memo.step import Bench, Step
from charrec.results import AugmentResult
from charrec.study import Frozen

ROWS, COLUMNS = 4, 6


class Given(Frozen):
    glyphs: Glyphs
    image_size: int
    seed: int
    backend: str  # of Keras: each has random numbers of its own


def compute(given: Given, bench: Bench) -> AugmentResult:
    """(rows, columns, s, s) uint8: a training image, then versions of it."""
    require_backend(given.backend)
    data = load_arrays(given.glyphs, given.image_size, bench.store, bench.cache)
    chosen = np.random.default_rng(given.seed).choice(data.training, ROWS, replace=False)
    content = BytesIO()
    np.save(content, drawn(data.images[np.sort(chosen)], given.seed), allow_pickle=False)
    return AugmentResult(images=bench.put(f"{AUGMENT.key(given)}/augmented.npy", content.getvalue()))


def drawn(images: np.ndarray, seed: int) -> np.ndarray:
    """(rows, s, s) uint8 -> (rows, columns, s, s): each image, then versions of it."""
    settle()
    from charrec.models.augmentation import augmentation
    from charrec.training.seeds import seed_layers

    layers = augmentation()
    seed_layers(layers, seed, 0)  # by Keras itself from Python's global generator, which all threads share
    batch = images[..., None].astype(np.float32)
    versions = [np.asarray(layers(batch, training=True))[..., 0] for _ in range(COLUMNS - 1)]
    return np.stack([images, *[np.rint(v).clip(0, 255).astype(np.uint8) for v in versions]], axis=1)


AUGMENT = Step("augment", "augmentations/", Given, AugmentResult, compute)
