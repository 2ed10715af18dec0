"""The deck's search space, and the typed network at each of its points."""

from collections.abc import Mapping

from charrec.models.convnet import ConvNet
from charrec.sweep.objective import Objective
from charrec.sweep.space import Space

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
DECK = Space.of_choices(SPACE)
OBJECTIVE = Objective(name="val_accuracy", direction="max")


def propose(values: Mapping[str, object]) -> ConvNet:
    """The network at a point, whatever else the values hold."""
    return ConvNet.model_validate({name: values[name] for name in SPACE})
