"""The report's tables of layers are what Keras builds."""

from typing import Any

import keras
import pytest

from charrec.models import MODELS, OWN
from charrec.models.convnet import ConvNet
from charrec.report.layers import layers
from charrec.training.recipe import Recipe
from tests.thorough import some
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

NETWORK = ConvNet(filters_hp_1=16, filters_hp_2=32, filters_hp_3=48, dropout=0.6, units=288)
BEHIND = (keras.layers.BatchNormalization, keras.layers.ReLU)  # named in the row of their convolution


def built(model: str, side: int) -> list[tuple[tuple[int, ...], int]]:
    """Shape and parameters of each layer."""
    recipe = Recipe(
        model=model, network=NETWORK if model == "model_4" else None, seed=1, batch_size=8, image_size=side,
        image_channels=1, precision="float32",
    )  # fmt: skip
    made: Any = recipe.build()((side, side, 1), 62, **({"net": NETWORK} if model == "model_4" else {}))
    rows: list[tuple[tuple[int, ...], int]] = []
    for layer in made.layers:
        count = layer.count_params()
        if isinstance(layer, BEHIND):
            rows[-1] = (rows[-1][0], rows[-1][1] + count)
        else:
            rows.append(
                (tuple(layer.compute_output_shape((None, *(rows[-1][0] if rows else (side, side, 1)))))[1:], count)
            )
    assert sum(count for _, count in rows) == made.count_params()
    return rows


@pytest.mark.parametrize("model", some(MODELS, 2))
def test_the_table_of_layers_is_what_keras_builds(model: str) -> None:
    side = OWN.get(model, {}).get("image_size", 64)
    network = NETWORK.model_dump() if model == "model_4" else {}
    table = layers(model, side, 1, 62, network)
    assert [(row.shape, row.parameters) for row in table] == built(model, side)


@pytest.mark.parametrize(
    ("model", "parameters"), [("model_1", 829_758), ("model_2", 829_758), ("model_3", 3_978_536), ("model_5", 490_718)]
)
def test_the_networks_have_the_parameters_of_the_published_run(model: str, parameters: int) -> None:
    side = OWN.get(model, {}).get("image_size", 128)
    assert sum(row.parameters for row in layers(model, side, 1, 62, {})) == parameters


def test_a_strange_model_has_no_table() -> None:
    assert layers("model_9", 128, 1, 62, {}) == ()
