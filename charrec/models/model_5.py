"""This project's own, after the deck: a small residual network that is trained on warped glyphs."""

import keras
from keras import layers

from charrec.models.handwriting import Handwriting
from charrec.models.residual import Residual, convolution

PEAK, WARM_UP = 2e-3, 200  # of the learning rate; steps in which it rises to that


def model_5(shape: tuple[int, int, int], classes: int) -> keras.Sequential:
    """(32, 32, 1) in [0, 255] -> (classes,) logits."""
    return keras.Sequential(
        [
            layers.Input(shape),
            Handwriting(),
            layers.Rescaling(-1 / 255, 1),  # paper is 0, like what convolutions pad with
            *convolution(32, 5, strides=2),  # 16 x 16
            Residual(32),
            *convolution(64, 3, strides=2),  # 8 x 8
            Residual(64),
            *convolution(128, 3, strides=2),  # 4 x 4
            Residual(128),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.1),
            layers.Dense(classes, dtype="float32"),  # logits in float32 under any policy
        ]
    )


def optimizer(steps: int) -> keras.optimizers.Optimizer:
    """For a training of so many steps. The learning rate rises, then falls to 0 along a cosine.

    That makes a mean of weights needless: over the last 500 of FULL's 12,600 steps it is below 0.5 % of its peak.
    """
    rising = min(WARM_UP, steps // 10)
    falling = max(steps - rising, 1)
    first, then = (0.0, PEAK) if rising else (PEAK, None)
    rate = keras.optimizers.schedules.CosineDecay(first, falling, warmup_target=then, warmup_steps=rising)
    return keras.optimizers.AdamW(rate, weight_decay=1e-3, beta_2=0.99)
