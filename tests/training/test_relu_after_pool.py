"""What is computed is the slide's network: the same values, gradients and weights."""

from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf

from charrec.models import DECK, SEARCHED
from charrec.models.convnet import ConvNet
from charrec.training.precision import PRECISIONS
from charrec.training.recipe import seed_weights
from charrec.training.relu_after_pool import relu_after_pool
from tests.toy import RECIPE, toy_arrays

NET = ConvNet(filters_hp_1=16, filters_hp_2=32, filters_hp_3=16, dropout=0.3, units=256)


@pytest.fixture(params=PRECISIONS)
def precision(request: pytest.FixtureRequest) -> Iterator[str]:
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


def built(model: str) -> keras.Sequential:
    net = {"net": NET} if model == SEARCHED else {}
    network = RECIPE.model_copy(update={"model": model}).build()((32, 32, 1), 62, **net)
    seed_weights(network, RECIPE.seed)
    return network


def step(network: keras.Sequential) -> tuple[np.ndarray, list[np.ndarray]]:
    """Logits and gradients of a training step, random layers seeded."""
    for place, variable in enumerate(v for v in network.variables if v.name == "seed_generator_state"):
        variable.assign([place, 7])
    arrays = toy_arrays(64, 1)
    with tf.GradientTape() as tape:
        logits = network(arrays.images[:64, ..., None], training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(arrays.labels[:64], logits))
    weights = [variable.value for variable in network.trainable_variables]
    return logits.numpy(), [np.asarray(gradient, np.float64) for gradient in tape.gradient(loss, weights)]


@pytest.mark.parametrize("model", DECK)
def test_values_and_gradients_are_the_slides_bit_for_bit(model: str, precision: str) -> None:
    network = built(model)
    logits, gradients = step(network)
    moved = relu_after_pool(network)
    assert not any(layer.activation is keras.activations.relu for layer in moved.layers if "conv" in layer.name)
    assert [layer.compute_dtype for layer in moved.layers if isinstance(layer, keras.layers.ReLU)] == 3 * [
        keras.DTypePolicy(precision).compute_dtype
    ]
    moved_logits, moved_gradients = step(moved)
    np.testing.assert_array_equal(logits, moved_logits)
    for one, other in zip(gradients, moved_gradients, strict=True):
        assert np.any(one)
        np.testing.assert_array_equal(one, other)
