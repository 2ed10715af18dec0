"""The description of a search for network 4: everything that a worker on another machine needs."""

from pathlib import Path
from typing import Any, ClassVar

from charrec.data.arrays import Arrays, Glyphs, load_arrays
from charrec.errors import InputError
from charrec.storage import Store
from charrec.study import Search
from charrec.sweep.brackets import hyperband
from charrec.sweep.objective import Objective
from charrec.sweep.plan import Described
from charrec.sweep.scheduling import Schedule
from charrec.sweep.space import Space
from charrec.training.checkpoints import Held, Progress
from charrec.training.recipe import Recipe
from charrec.tuning.space import OBJECTIVE, space_of


class Sweep(Described):
    """A search stored under `key`. All trials share `recipe`; each adds its network and its seed."""

    kind: ClassVar[type[Held[Any]]] = Progress

    search: Search
    recipe: Recipe
    glyphs: Glyphs | None = None  # where a worker finds its images, if nobody hands it any

    @property
    def schedule(self) -> Schedule:
        return hyperband(self.search)

    @property
    def seed(self) -> int:
        return self.recipe.seed

    @property
    def space(self) -> Space:
        return space_of(self.search)

    @property
    def objective(self) -> Objective:
        return OBJECTIVE

    def arrays(self, store: Store, cache: Path) -> Arrays:
        """The images that the trials train on. Raises InputError where the search does not name them."""
        if self.glyphs is None:
            raise InputError(
                f"the search {self.key} does not name its images",
                "a search that a study began",
                "Call charrec.tuning.work with the images.",
            )
        return load_arrays(self.glyphs, self.recipe.image_size, store, cache)
