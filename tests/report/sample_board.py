"""Networks of invented weights for the drawing board: a small one of every kind of layer, and one of model 5's size."""

from dataclasses import replace

import numpy as np

from charrec.alphabet import CLASSES
from charrec.report import plain
from charrec.report.board import Board, payload
from charrec.report.plain import Layer

SIDE, FILTERS = 32, (32, 64, 128)  # of model 5


def filled(layer: Layer, rng: np.random.Generator, *shape: int) -> Layer:
    kernel = rng.normal(0, 1 / np.sqrt(np.prod(shape[:-1])), shape).astype(np.float32)
    return replace(layer, kernel=kernel, bias=rng.normal(0, 0.1, shape[-1]).astype(np.float32))


def small() -> tuple[Layer, ...]:
    """Every kind of layer."""
    rng = np.random.default_rng(5)
    conv, same = Layer("conv", relu=True), Layer("conv", same=True, relu=True)
    return (
        Layer("scale", factor=-1 / 255, offset=1.0),
        filled(Layer("conv", stride=2, same=True, relu=True), rng, 5, 5, 1, 4),  # 16 x 16
        Layer("residual", inner=(filled(same, rng, 3, 3, 4, 4), filled(Layer("conv", same=True), rng, 3, 3, 4, 4))),
        filled(same, rng, 4, 4, 4, 6),
        Layer("pool", size=4, stride=2),  # 7 x 7
        filled(conv, rng, 3, 3, 6, 8),  # 5 x 5
        Layer("pool", size=2, stride=2),  # 2 x 2
        Layer("flat"),
        filled(Layer("dense", relu=True), rng, 32, 20),
        filled(Layer("dense"), rng, 20, 62),
    )


def model_5() -> tuple[Layer, ...]:
    """The plan of model 5, 490,000 weights."""
    rng, into, made = np.random.default_rng(6), 1, list[Layer]()
    for layer in plain.plan("model_5"):
        if layer.kind == "conv":
            out = FILTERS[sum(one.kind == "conv" for one in made)]
            side = 5 if into == 1 else 3
            made.append(filled(layer, rng, side, side, into, out))
            into = out
        elif layer.kind == "residual":
            made.append(replace(layer, inner=tuple(filled(one, rng, 3, 3, into, into) for one in layer.inner)))
        elif layer.kind == "dense":
            made.append(filled(layer, rng, into, len(CLASSES)))
        else:
            made.append(layer)
    return tuple(made)


def board() -> Board:
    """As a page has it whose best reader of digits is model 5."""
    return Board(
        "model_5",
        payload(model_5(), SIDE, 0.9),
        validation=2000,
        stored=0.86,
        quantised=0.859,
        agreeing=0.99,
        temperature=0.9,
    )
