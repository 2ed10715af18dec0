"""The deck's search space, and the typed network at each of its points."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from charrec.models.convnet import ConvNet

if TYPE_CHECKING:
    import keras_tuner as kt

FILTERS = (16, 32)
FILTERS_3 = (16, 32, 48, 64)
DROPOUT = (0.3, 0.4, 0.5, 0.6, 0.7)
UNITS = tuple(range(256, 512 + 1, 32))

SPACE: dict[str, tuple[float, ...]] = {
    "filters_hp_1": FILTERS,
    "filters_hp_2": FILTERS,
    "filters_hp_3": FILTERS_3,
    "dropout": DROPOUT,
    "units": UNITS,
}  # 720 points


def space() -> "kt.HyperParameters":
    """SPACE as Keras Tuner's HyperParameters."""
    import keras_tuner as kt

    hp = kt.HyperParameters()
    for name, values in SPACE.items():
        hp.Choice(name, list(values), ordered=True)
    return hp


def propose(values: Mapping[str, object]) -> ConvNet:
    """The network described by a trial's values, without Keras Tuner's additions."""
    return ConvNet.model_validate({name: values[name] for name in SPACE})
