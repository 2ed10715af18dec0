"""The plans of `charrec.report.plain` are the models' layers, and its arithmetic is Keras's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from charrec.models import MODELS
from charrec.models.convnet import ConvNet
from charrec.models.handwriting import Handwriting
from charrec.models.residual import Residual
from charrec.report import plain
from charrec.training.recipe import Recipe
from tests.thorough import some
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

NETWORK = ConvNet(filters_hp_1=16, filters_hp_2=16, filters_hp_3=32, dropout=0.5, units=64)
IDLE = (Handwriting, keras.Sequential, keras.layers.Dropout)  # act in training alone


def network(model: str) -> Any:
    shown = Recipe(
        model=model, network=NETWORK if model == "model_4" else None, seed=1, batch_size=8, image_size=32,
        image_channels=1, precision="float32",
    )  # fmt: skip
    return shown.build()((32, 32, 1), 62, **({"net": shown.network} if shown.network else {}))


def described(layers: list[Any]) -> Iterator[dict[str, Any]]:
    """As `plain.Layer` has them."""
    pending: dict[str, Any] = {}
    for layer in layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            assert layer.epsilon == plain.EPSILON
            pending["normalised"] = True
            continue
        if isinstance(layer, keras.layers.ReLU):
            pending["relu"] = True
            continue
        if pending:
            yield pending
            pending = {}
        if isinstance(layer, keras.layers.Rescaling):
            yield {"kind": "scale", "factor": layer.scale, "offset": float(layer.offset)}
        elif isinstance(layer, keras.layers.Conv2D):
            assert layer.activation in (keras.activations.linear, keras.activations.relu)
            pending = {"kind": "conv", "stride": layer.strides[0], "same": layer.padding == "same"}
            pending |= {"relu": layer.activation is keras.activations.relu}
        elif isinstance(layer, keras.layers.MaxPooling2D):
            assert layer.padding == "valid"
            yield {"kind": "pool", "size": layer.pool_size[0], "stride": layer.strides[0]}
        elif isinstance(layer, keras.layers.Dense):
            yield {"kind": "dense", "relu": layer.activation is keras.activations.relu}
        elif isinstance(layer, Residual):
            yield {"kind": "residual", "inner": list(described(layer.change.layers))}
        elif isinstance(layer, keras.layers.Flatten | keras.layers.GlobalAveragePooling2D):
            yield {"kind": "flat" if isinstance(layer, keras.layers.Flatten) else "mean"}
        else:
            assert isinstance(layer, IDLE), layer
    if pending:
        yield pending


def planned(layers: tuple[plain.Layer, ...]) -> list[dict[str, Any]]:
    """What differs from a layer's defaults, and what `described` always says."""
    said = []
    for layer in layers:
        of_kind = {"conv": ("stride", "same", "relu"), "dense": ("relu",), "scale": ("factor", "offset")}
        row = {name: getattr(layer, name) for name in ("kind", *of_kind.get(layer.kind, ()))}
        row |= {"size": layer.size, "stride": layer.stride} if layer.kind == "pool" else {}
        row |= {"inner": planned(layer.inner)} if layer.kind == "residual" else {}
        said.append(row | ({"normalised": True} if layer.normalised else {}))
    return said


@pytest.mark.parametrize("model", some(MODELS, 1))
def test_the_plan_is_the_model(model: str) -> None:
    assert list(described(network(model).layers)) == planned(plain.plan(model))


def test_stored_weights_are_read_and_computed_as_keras_does(tmp_path: Path) -> None:
    """Of model 5, with statistics as after a training, in the file of a whole training model."""
    made = network("model_5")
    rng = np.random.default_rng(1)
    for weight in made.weights:
        if weight.path.endswith(("moving_mean", "moving_variance", "gamma", "beta")):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Identity(), made]).save_weights(tmp_path / "w.weights.h5")
    layers = plain.read((tmp_path / "w.weights.h5").read_bytes(), "model_5", "w")
    images = rng.integers(0, 256, (5, 32, 32)).astype(np.uint8)
    expected = np.asarray(made(images[..., None]))
    assert np.allclose(plain.logits(layers, images), expected, atol=1e-4 * np.abs(expected).max())
    assert np.abs(expected).max() > 0.1
