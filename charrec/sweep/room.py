"""Whether a space has as many points as a search tries."""

from charrec.errors import InputError
from charrec.sweep.schedule import Hyperband, configurations
from charrec.sweep.space import Space


def require_room(space: Space, search: Hyperband) -> None:
    """Raises InputError where a search tries more points than its space has."""
    needed = configurations(search)
    if (size := space.size(needed)) < needed:
        raise InputError(
            f"a space of {size:.0f} point{'s' * (size != 1)}",
            f"at least {needed}, which a search of {search.max_epochs} epochs by {search.factor} tries",
            "Widen the space, or search with fewer max_epochs or a larger factor.",
        )
