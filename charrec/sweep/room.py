"""Whether a space has as many points as a search tries."""

from charrec.errors import InputError
from charrec.sweep.space import Space


def require_room(space: Space, needed: int) -> None:
    """Raises InputError where the space has fewer points than the search tries."""
    if (size := space.size(needed)) < needed:
        raise InputError(
            f"a space of {size:.0f} point{'s' * (size != 1)}",
            f"at least {needed}, which the search tries",
            "Widen the space, or search with fewer trials: by Hyperband, with fewer rounds or max_epochs, or a larger"
            " factor.",
        )
