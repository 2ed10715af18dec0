"""A recipe: how a network is trained; and the compiled network that a recipe and images make."""

from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Protocol, Self, cast

import numpy as np
from pydantic import AfterValidator, Field, NonNegativeInt, model_validator

from charrec.alphabet import CLASSES
from charrec.data.arrays import Arrays
from charrec.machine.backend import settle
from charrec.machine.hardware import on_gpu
from charrec.models import MODELS, OWN, SEARCHED
from charrec.models.convnet import ConvNet
from charrec.study import Frozen, Study

if TYPE_CHECKING:
    import keras

AT_ONCE = 16  # steps in one call of TensorFlow on a GPU; the deck's P100 takes 0.6 s for as many of model 1


class Build(Protocol):
    """A model's function: it has the name of its module."""

    def __call__(self, shape: tuple[int, int, int], classes: int) -> "keras.Sequential": ...


def _ours(model: str) -> str:
    if model not in MODELS:  # it names a module, which is imported
        raise ValueError(f"expected one of {', '.join(MODELS)}")
    return model


class Recipe(Frozen):
    """Everything that decides a training's result, except its data and its number of epochs."""

    model: Annotated[str, AfterValidator(_ours)]
    network: ConvNet | None  # model 4 alone; none in a search, of which each trial has its own
    seed: NonNegativeInt
    batch_size: Annotated[int, Field(ge=1, le=65_536)]
    image_size: Annotated[int, Field(ge=1, le=128)]  # px
    image_channels: Annotated[int, Field(ge=1, le=3)]
    precision: Annotated[str, Field(pattern=r"^(float32|mixed_bfloat16)$")]  # decided
    backend: str = "tensorflow"  # of Keras; champions from before it was recorded ran on this one

    @model_validator(mode="after")
    def _one_network(self) -> Self:
        if self.network and self.model != SEARCHED:
            raise ValueError(f"only {SEARCHED} has a network of its own")
        return self

    @property
    def module(self) -> str:
        """The module with the model's function."""
        return f"charrec.models.{self.model}"

    def build(self) -> Build:
        return cast(Build, getattr(import_module(self.module), self.model))

    def optimizer(self, steps: int) -> "keras.optimizers.Optimizer":
        """Adam as on the slides, unless the network has a learning rate, or the model its own for so many steps."""
        import keras

        if self.network and self.network.learning_rate:
            return keras.optimizers.Adam(self.network.learning_rate)
        own = getattr(import_module(self.module), "optimizer", None)
        return own(steps) if own else keras.optimizers.Adam()


def recipe_of(study: Study, model: str, precision: str, network: ConvNet | None, backend: str) -> Recipe:
    """How a study trains a model."""
    images = {"batch_size": study.batch_size, "image_size": study.image_size, "image_channels": study.image_channels}
    return Recipe(
        model=model,
        network=network,
        seed=study.seed,
        precision=precision,
        backend=backend,
        **(images | OWN.get(model, {})),
    )


def compiled(recipe: Recipe, arrays: Arrays, epochs: int = 1) -> "keras.Sequential":
    """(n,) positions in `arrays.images` -> (n, 62) logits, ready for a training of so many epochs."""
    settle()
    import keras

    from charrec.training.lookup import Lookup, resident
    from charrec.training.relu_after_pool import relu_after_pool

    shape = (recipe.image_size, recipe.image_size, recipe.image_channels)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        network = recipe.build()(shape, len(CLASSES), **({"net": recipe.network} if recipe.network else {}))
        seed_weights(network, recipe.seed)
        network = relu_after_pool(network)
    finally:
        keras.config.set_dtype_policy(before)
    lookup = Lookup(resident(arrays.images), recipe.image_channels)
    model = keras.Sequential([keras.Input((), dtype="int32"), lookup, network])
    model.compile(
        optimizer=recipe.optimizer(epochs * -(-len(arrays.training) // recipe.batch_size)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=AT_ONCE if keras.backend.backend() == "tensorflow" and on_gpu("tensorflow") else 1,
    )
    # There is nobody to sum with; TensorFlow's sum would keep the graph of every network in a registry for ever.
    model.optimizer._all_reduce_sum_gradients = list
    model.optimizer.build(model.trainable_variables)  # or load_weights has no place for the slots
    # Now, not in the first step: an epoch that goes on sets the sums, and TensorFlow traces a step once, not twice.
    model.compute_metrics(None, np.zeros(1, np.int64), np.zeros((1, len(CLASSES)), np.float32))
    model.reset_metrics()
    return model


def network_of(model: "keras.Sequential") -> "keras.Sequential":
    """The network itself: (n, size, size, channels) -> (n, 62) logits."""
    return model.layers[-1]


def seed_weights(network: "keras.Sequential", seed: int) -> None:
    """Draw the initial weights from (seed, place of the layer), within a block from (seed, place, place in the block).

    By default Keras draws each seed from Python's global generator, which all threads share: a heartbeat or a retry of
    boto3 at the wrong moment would change the initial weights.
    """
    for place, layer in enumerate(network.layers):
        _seed_kernel(layer, [seed, place])
        for inner, part in enumerate(layer._flatten_layers(include_self=False)):
            _seed_kernel(part, [seed, place, inner])


def _seed_kernel(layer: "keras.Layer", entropy: list[int]) -> None:
    if hasattr(layer, "kernel"):
        initializer = layer.kernel_initializer
        drawn = int(np.random.SeedSequence(entropy).generate_state(1)[0])
        seeded = type(initializer).from_config({**initializer.get_config(), "seed": drawn})
        layer.kernel.assign(seeded(layer.kernel.shape, layer.kernel.dtype))
