"""The random layers of a model: seeded anew for each epoch."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def seed_layers(model: "keras.Model", seed: int, epoch: int) -> None:
    """Seed every random layer by (seed, epoch, its place), so that no epoch depends on earlier ones."""
    for place, generator in enumerate(generators(model)):
        generator.assign(np.random.SeedSequence([seed, epoch, place]).generate_state(2))


def generators(model: "keras.Model") -> "list[keras.Variable]":
    """The state of every random layer, in their order."""
    return [variable for variable in model.variables if variable.name == "seed_generator_state"]
