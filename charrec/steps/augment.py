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
    import keras

    from charrec.models.augmentation import augmentation

    require_backend(given.backend)
    settle()
    data = load_arrays(given.glyphs, given.image_size, bench.store, bench.cache)
    chosen = np.random.default_rng(given.seed).choice(data.training, ROWS, replace=False)
    images = data.images[np.sort(chosen)]
    keras.utils.set_random_seed(given.seed)
    layers = augmentation()
    batch = images[..., None].astype(np.float32)
    versions = [np.asarray(layers(batch, training=True))[..., 0] for _ in range(COLUMNS - 1)]
    table = np.stack([images, *[np.rint(v).clip(0, 255).astype(np.uint8) for v in versions]], axis=1)
    content = BytesIO()
    np.save(content, table, allow_pickle=False)
    return AugmentResult(images=bench.put(f"{AUGMENT.key(given)}/augmented.npy", content.getvalue()))


AUGMENT = Step("augment", "augmentations/", Given, AugmentResult, compute)
