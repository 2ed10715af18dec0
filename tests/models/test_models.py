"""The networks match the slides layer by layer."""

from typing import Any

import keras
import numpy as np
import pytest

from charrec.models import MODELS
from charrec.models.augmentation import augmentation
from charrec.models.convnet import ConvNet
from charrec.models.model_5 import optimizer
from charrec.study import FULL
from charrec.training.precision import PRECISIONS
from charrec.training.recipe import Arrays, compiled, network_of, recipe_of
from tests.toy import RECIPE, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

CHOSEN = ConvNet(filters_hp_1=16, filters_hp_2=32, filters_hp_3=64, dropout=0.6, units=288)  # the deck's search result

RESCALE = ("Rescaling", 1 / 255, 0)
FLAT = ("Flatten",)
AUGMENT = ("Sequential", "augmentation")


def conv(filters: int, kernel: int, padding: str) -> tuple[Any, ...]:
    return ("Conv2D", filters, (kernel, kernel), (1, 1), padding, "relu")


def pool(size: int, strides: int) -> tuple[Any, ...]:
    return ("MaxPooling2D", (size, size), (strides, strides), "valid")


def dense(units: int, activation: str = "relu") -> tuple[Any, ...]:
    return ("Dense", units, activation)


def normalised(filters: int, kernel: int) -> list[tuple[Any, ...]]:
    """A convolution of stride 2 with what follows it."""
    return [("Conv2D", filters, (kernel, kernel), (2, 2), "same", "linear"), ("BatchNormalization", 0.95), ("ReLU",)]


SLIDE_1 = [RESCALE, *[conv(32, 3, "valid"), pool(2, 2)] * 3, FLAT]
LAYERS = {
    "model_1": [*SLIDE_1, dense(128), dense(62, "linear")],
    "model_2": [AUGMENT, *SLIDE_1, ("Dropout", 0.2), dense(128), dense(62, "linear")],
    "model_3": [
        AUGMENT,
        RESCALE,
        conv(32, 4, "same"),
        pool(4, 2),
        conv(64, 4, "same"),
        pool(2, 2),
        conv(64, 3, "same"),
        pool(4, 2),
        FLAT,
        ("Dropout", 0.4),
        dense(310),
        dense(62, "linear"),
    ],
    "model_4": [
        AUGMENT,
        RESCALE,
        conv(16, 4, "same"),
        pool(4, 2),
        conv(32, 4, "same"),
        pool(4, 2),
        conv(64, 4, "same"),
        pool(4, 2),
        FLAT,
        ("Dropout", 0.6),
        dense(288),
        dense(62, "linear"),
    ],
    "model_5": [
        ("Handwriting",),
        ("Rescaling", -1 / 255, 1),
        *normalised(32, 5),
        ("Residual", 32),
        *normalised(64, 3),
        ("Residual", 64),
        *normalised(128, 3),
        ("Residual", 128),
        ("GlobalAveragePooling2D",),
        ("Dropout", 0.1),
        dense(62, "linear"),
    ],
}


def network(model: str, shape: tuple[int, int, int] = (128, 128, 1)) -> keras.Sequential:
    network = {"net": CHOSEN} if model == "model_4" else {}
    return RECIPE.model_copy(update={"model": model}).build()(shape, 62, **network)


def summary_of(layer: keras.Layer) -> tuple[Any, ...]:
    """A layer's type and the numbers that the slide gives for it."""
    numbers = layer.get_config()
    fields = {
        "Rescaling": ("scale", "offset"),
        "Conv2D": ("filters", "kernel_size", "strides", "padding", "activation"),
        "MaxPooling2D": ("pool_size", "strides", "padding"),
        "Flatten": (),
        "Dropout": ("rate",),
        "Dense": ("units", "activation"),
        "Handwriting": (),
        "ReLU": (),
        "GlobalAveragePooling2D": (),
        "Sequential": ("name",),
        "BatchNormalization": ("momentum",),
        "Residual": ("filters",),
    }[type(layer).__name__]
    values = (numbers[field] for field in fields)
    return (type(layer).__name__, *(tuple(value) if isinstance(value, list) else value for value in values))


@pytest.mark.parametrize("model", MODELS)
def test_a_model_has_its_slides_layers(model: str) -> None:
    assert [summary_of(layer) for layer in network(model).layers] == LAYERS[model]


@pytest.mark.parametrize(
    ("model", "channels", "parameters"),
    [
        ("model_1", 3, 830_334),
        ("model_2", 3, 830_334),
        ("model_3", 3, 3_979_560),
        ("model_1", 1, 830_334 - 3 * 3 * 2 * 32),
        ("model_3", 1, 3_979_560 - 4 * 4 * 2 * 32),
        # (4*4*3 + 1)*16, (4*4*16 + 1)*32, (4*4*32 + 1)*64, (14*14*64 + 1)*288, (288 + 1)*62
        ("model_4", 3, 784 + 8_224 + 32_832 + 3_612_960 + 17_918),
    ],
)
def test_a_model_has_its_slides_parameter_count(model: str, channels: int, parameters: int) -> None:
    assert sum(int(np.prod(w.shape)) for w in network(model, (128, 128, channels)).trainable_weights) == parameters


def test_model_5_has_the_parameters_that_were_measured_with() -> None:
    """489,374 of them are trained; the rest are mean and variance of 672 channels."""
    weights = network("model_5", (32, 32, 1))
    assert weights.count_params() == 490_718
    assert sum(int(np.prod(w.shape)) for w in weights.trainable_weights) == 489_374


def test_a_study_of_any_size_trains_model_5_at_32_px_in_grey() -> None:
    study = FULL.model_copy(update={"image_size": 128, "image_channels": 3, "batch_size": 64})
    recipe = recipe_of(study, "model_5", "float32", None, "tensorflow")
    assert (recipe.image_size, recipe.image_channels, recipe.batch_size) == (32, 1, 128)


@pytest.mark.parametrize(
    ("step", "rate"),
    # 2e-3 after 200 steps, half of it halfway from there to the end, 0 at the end
    [(0, 0.0), (100, 1e-3), (200, 2e-3), (1100, 1e-3), (2000, 0.0)],
)
def test_the_learning_rate_of_model_5_rises_and_falls(step: int, rate: float) -> None:
    found = optimizer(2000)
    assert float(found._learning_rate(step)) == pytest.approx(rate, abs=1e-9)
    assert (type(found), found.weight_decay, found.beta_2) == (keras.optimizers.AdamW, 1e-3, 0.99)


def test_a_short_training_of_model_5_warms_up_in_a_tenth_of_it() -> None:
    found = optimizer(50)
    assert float(found._learning_rate(5)) == pytest.approx(2e-3)
    assert float(optimizer(5)._learning_rate(0)) == pytest.approx(2e-3)  # too short for that


def test_model_3_names_its_last_layer_outputs() -> None:
    assert network("model_3").layers[-1].name == "outputs"


@pytest.mark.parametrize(
    "net",
    [
        ConvNet(filters_hp_1=32, filters_hp_2=16, filters_hp_3=48, dropout=0.3, units=512),
        ConvNet(filters_hp_1=16, filters_hp_2=32, filters_hp_3=16, dropout=0.7, units=256),
    ],
)
def test_model_4_is_a_function_of_its_network(net: ConvNet) -> None:
    layers = RECIPE.model_copy(update={"model": "model_4"}).build()((32, 32, 1), 62, net=net).layers  # type: ignore[call-arg]
    assert [layer.filters for layer in layers if isinstance(layer, keras.layers.Conv2D)] == [
        net.filters_hp_1,
        net.filters_hp_2,
        net.filters_hp_3,
    ]
    assert layers[-3].rate == net.dropout
    assert layers[-2].units == net.units


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("model", MODELS)
def test_outputs_are_logits_in_float32(model: str, precision: str, arrays: Arrays) -> None:
    net = CHOSEN if model == "model_4" else None
    recipe = RECIPE.model_copy(update={"model": model, "precision": precision, "network": net})
    trained = compiled(recipe, arrays)
    logits = trained(np.arange(4, dtype=np.int32))
    assert (logits.shape, keras.backend.standardize_dtype(logits.dtype)) == ((4, 62), "float32")
    rows = np.asarray(logits)
    assert (rows < 0).any()
    assert not np.allclose(rows.sum(axis=1), 1, atol=0.1)
    computes = {layer.compute_dtype for layer in network_of(trained).layers if isinstance(layer, keras.layers.Conv2D)}
    assert computes == {"bfloat16" if precision == "mixed_bfloat16" else "float32"}
    assert {weight.dtype for weight in network_of(trained).trainable_weights} == {"float32"}


def test_a_recipe_does_not_change_the_global_precision(arrays: Arrays) -> None:
    compiled(RECIPE.model_copy(update={"precision": "mixed_bfloat16"}), arrays)
    assert keras.config.dtype_policy().name == "float32"


def test_the_optimizer_and_loss_are_those_of_the_slides(arrays: Arrays) -> None:
    model = compiled(RECIPE, arrays)
    config, defaults = model.optimizer.get_config(), keras.optimizers.Adam(name=model.optimizer.name).get_config()
    assert type(model.optimizer) is keras.optimizers.Adam
    assert config.pop("learning_rate") == pytest.approx(defaults.pop("learning_rate"))
    assert config == defaults
    assert type(model.loss) is keras.losses.SparseCategoricalCrossentropy
    assert model.loss.get_config()["from_logits"] is True
    scored = model.evaluate(arrays.validation.astype(np.int32), arrays.labels[arrays.validation], verbose=0)
    read = model.predict(arrays.validation.astype(np.int32), verbose=0).argmax(axis=1)
    assert scored[1] == pytest.approx((read == arrays.labels[arrays.validation]).mean())


def test_the_augmentation_rotates_and_zooms_as_much_as_the_slide() -> None:
    rotation, zoom = augmentation().layers
    assert (type(rotation), type(zoom)) == (keras.layers.RandomRotation, keras.layers.RandomZoom)
    config = rotation.get_config()
    assert tuple(config["factor"]) == (-0.02, 0.02)
    assert (config["fill_mode"], config["fill_value"]) == ("constant", 255)
    config = zoom.get_config()
    assert config["height_factor"] == config["width_factor"] == 0.1
    assert (config["fill_mode"], config["fill_value"]) == ("constant", 255)


@pytest.mark.parametrize("policy", PRECISIONS)
def test_the_augmentation_computes_in_float32_under_any_policy(policy: str) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        layers = augmentation().layers
    finally:
        keras.config.set_dtype_policy(before)
    assert {layer.compute_dtype for layer in layers} == {"float32"}


def test_the_augmentation_fills_with_white() -> None:
    keras.utils.set_random_seed(0)
    layers = augmentation()
    white = np.asarray(layers(np.full((16, 32, 32, 1), 255, np.float32), training=True))
    black = np.asarray(layers(np.zeros((16, 32, 32, 1), np.float32), training=True))
    assert white == pytest.approx(255)
    assert black[:, 8:-8, 8:-8].max() == 0
    assert black.max() == pytest.approx(255)


def test_the_augmentation_acts_in_training_only(arrays: Arrays) -> None:
    layers, images = augmentation(), arrays.images[:16, ..., None].astype(np.float32)
    assert np.array_equal(np.asarray(layers(images, training=False)), images)
    turned = np.asarray(layers(images, training=True))
    assert (np.abs(turned - images).max(axis=(1, 2, 3)) > 10).mean() > 0.5


@pytest.mark.parametrize("channels", [1, 3])
def test_the_lookup_returns_the_images_at_the_positions(channels: int, arrays: Arrays) -> None:
    model = compiled(RECIPE.model_copy(update={"image_channels": channels}), arrays)
    positions = np.array([3, 0, 399, 3], np.int32)
    looked_up = np.asarray(model.layers[0](positions))
    assert looked_up.dtype == np.uint8
    assert np.array_equal(looked_up, np.repeat(arrays.images[positions][..., None], channels, axis=-1))
