"""The same glyphs slanted, for a mean over what a network says of each: hands slant, and by any angle."""

import numpy as np

SHEARS = (-0.3, -0.15, 0.0, 0.15, 0.3)  # the foot to the right; what model 5 is trained on has a deviation of 0.3
AT_ONCE = 512  # images


def slanted(images: np.ndarray) -> dict[float, np.ndarray]:
    """(n, size, size) uint8, black on white -> by each shear, the unsheared as they are.

    Sheared, measured anew and resampled once by the warp that trains model 5, its edges sharpened by its mean.
    """
    parts = [images[start : start + AT_ONCE] for start in range(0, len(images), AT_ONCE)]
    return {shear: np.concatenate([_sheared(part, shear) for part in parts]) if shear else images for shear in SHEARS}


def _sheared(images: np.ndarray, shear: float) -> np.ndarray:
    from keras import ops, random  # seconds, which only a reading needs

    from charrec.models import warp

    n = len(images)
    still, none = np.zeros(n, np.float32), np.zeros((n, 2), np.float32)
    slant = warp.Warp(
        linear=warp.linear(still, still + shear, still),
        perspective=none,
        nodes=tuple(0 * nodes for nodes in warp.draw(1, random.SeedGenerator(0)).nodes),  # no elastic field
        scale=still + 1,
        shift=none,
        edge=still + sum(warp.EDGE) / 2,
    )
    ink = warp.apply(slant, ops.convert_to_tensor(1 - images.astype(np.float32) / 255))
    found: np.ndarray = np.rint(255 * (1 - ops.convert_to_numpy(ink))).astype(np.uint8)
    return found
