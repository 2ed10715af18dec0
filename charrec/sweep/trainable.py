"""What a search trains: anything that goes from epoch to epoch, and can go on from where another process left it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from charrec.storage import Store
from charrec.sweep.space import Value


class Scored(NamedTuple):
    """One epoch, as a search looks at it."""

    value: float  # of the objective
    seconds: float


class Place(NamedTuple):
    """Where a training is kept, and how it keeps in touch with the search."""

    store: Store
    key: str
    owner: str | None = None  # unique to this process and its lease
    interrupt: Callable[[], bool] = lambda: False  # called at each step; it may raise, and True asks to stop
    show: Callable[..., Any] | None = None  # called before each epoch with a title, the epoch, and the number of epochs
    entitled: Callable[[], None] = lambda: None  # raises if the training is another's by now


class Trainable(Protocol):
    """Two implementations: `charrec.tuning.convnets`, and `charrec.sweep.fitting` for any Keras model."""

    def train(self, values: dict[str, Value], seed: int, epochs: int, place: Place) -> Sequence[Scored]:
        """Train the point `values` until `epochs` epochs are done in all, from the last one that the place keeps.

        Returns all its epochs, fewer if the training ends itself. What it returns and keeps follows from the values,
        the seed and the epochs alone. Raises Interrupted where `interrupt()` asks for it, TakenOver where the training
        has another owner; any other exception is the trial's failure, unless it is the machine's (`blame`).
        """

    def forget(self) -> None:
        """Free what a training leaves in memory."""
