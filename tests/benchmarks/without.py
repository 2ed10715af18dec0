"""Model 5 without one of its parts: recipes of its own, which the study's steps train as they train any other."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import ops, random

from charrec.models import warp
from charrec.models.handwriting import PLAIN, WHITE, Handwriting
from charrec.models.model_5 import model_5, optimizer
from charrec.models.residual import Residual
from charrec.models.strokes import strokes
from charrec.training.recipe import Build, Recipe

__all__ = ("PARTS", "Without", "optimizer")  # a recipe's module has its optimizer

PARTS = ("warp", "strokes", "augmentation", "residuals")


class Without(Recipe):
    """Model 5's recipe without a part. This module counts in the identity of its training, since it is the model's."""

    part: str

    @property
    def module(self) -> str:
        return __name__

    def build(self) -> Build:
        return partial(_without, self.part)  # type: ignore[return-value]


class Partly(Handwriting):
    """The augmentation with the warp or the strokes alone, or with neither."""

    def __init__(self, warped: bool, stroked: bool) -> None:
        super().__init__()
        self.warped, self.stroked = warped, stroked

    def call(self, images: Any, training: bool = False) -> Any:
        images = ops.cast(images, "float32")
        if not training:
            return images
        ink = written = 1 - images[..., 0] / WHITE
        n = ops.shape(ink)[0]
        plain = random.uniform((n, 1, 1), seed=self.generator) < PLAIN
        if self.warped:
            written = warp.apply(warp.draw(n, self.generator), written)
        if self.stroked:
            written = strokes(written, self.generator)
        return WHITE * (1 - ops.where(plain, ink, written))[..., None]


class Chain(Residual):
    """A residual block without the sum: as many weights."""

    def call(self, values: Any, training: bool = False) -> Any:
        return ops.relu(self.change(values, training=training))


def _without(part: str, shape: tuple[int, int, int], classes: int) -> keras.Sequential:
    """The same layers with the same initial weights, but for the part."""
    instead: dict[type[keras.Layer], Callable[[Any], keras.Layer]] = {
        "warp": {Handwriting: lambda _: Partly(warped=False, stroked=True)},
        "strokes": {Handwriting: lambda _: Partly(warped=True, stroked=False)},
        "augmentation": {Handwriting: lambda _: Partly(warped=False, stroked=False)},
        "residuals": {Residual: lambda block: Chain(block.filters)},
    }[part]
    layers = [instead.get(type(layer), lambda same: same)(layer) for layer in model_5(shape, classes).layers]
    return keras.Sequential([keras.layers.Input(shape), *layers])
