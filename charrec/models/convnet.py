"""What the search chooses: the typed size of network 4."""

from charrec.study import Frozen


class ConvNet(Frozen):
    """One point of the search space, named as on the slide."""

    filters_hp_1: int
    filters_hp_2: int
    filters_hp_3: int
    dropout: float
    units: int
