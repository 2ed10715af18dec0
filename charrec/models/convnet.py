"""The hyperparameters of model 4, which the search chooses."""

from charrec.study import Frozen


class ConvNet(Frozen):
    """One point of the search space, with the slide's names."""

    filters_hp_1: int
    filters_hp_2: int
    filters_hp_3: int
    dropout: float
    units: int
