"""A training that stops between two steps of an epoch, and what it needs to go on from there."""

from charrec.study import Frozen


class Begun(Frozen):
    """The state of a partly trained epoch; the checkpoint holds its weights and optimizer slots."""

    steps: int = 0
    metrics: tuple[float, ...] = ()  # Keras's metric sums over those steps
    generators: tuple[tuple[int, ...], ...] = ()  # of the random layers; Keras omits them from weight files
    seconds: float = 0.0


class Interrupted(Exception):
    """The training stopped between two steps on request."""

    def __init__(self, begun: Begun) -> None:
        super().__init__(f"interrupted after {begun.steps} steps of an epoch")
        self.begun = begun
