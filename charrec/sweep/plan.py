"""The description of a search: everything that a worker on another machine needs, stored beside the search."""

from pathlib import Path
from typing import Self

from charrec.data.arrays import Arrays, Glyphs, load_arrays
from charrec.errors import InputError
from charrec.storage import Conflict, NotFound, Store
from charrec.storage.document import document
from charrec.study import Frozen, Search
from charrec.training.recipe import Recipe

OTHERS = "Resume it with the version of charrec that started it, or delete its folder from the store."


class Sweep(Frozen):
    """A search stored under `key`. All trials share `recipe`; each adds its network and its seed."""

    key: str
    search: Search
    recipe: Recipe
    glyphs: Glyphs | None = None  # where a worker finds its images, if nobody hands it any

    @classmethod
    def stored(cls, store: Store, key: str) -> Self:
        """The search that was begun under this key. Raises InputError if there is none."""
        try:
            return document(cls, store.get(_name(key)), f"{store.url}/{_name(key)}", OTHERS)
        except NotFound:
            raise InputError(
                f"{store.url} has no search {key!r}",
                "the key of one that a study or a worker began, as in sweeps/0123456789abcdef",
                "Correct the key or the store.",
            ) from None

    def begin(self, store: Store) -> None:
        """Store the description, if it is not there yet. Raises InputError if another search has this key."""
        try:
            store.create(_name(self.key), self.model_dump_json(indent=1).encode())
        except Conflict:
            if Sweep.stored(store, self.key) != self:
                raise InputError(
                    f"{store.url}/{self.key} holds another search",
                    "one search per key",
                    "Give this one another key, or delete the other from the store.",
                ) from None

    def arrays(self, store: Store, cache: Path) -> Arrays:
        """The images that the trials train on. Raises InputError where the search does not name them."""
        if self.glyphs is None:
            raise InputError(
                f"the search {self.key} does not name its images",
                "a search that a study began",
                "Call charrec.sweep.work with the images.",
            )
        return load_arrays(self.glyphs, self.recipe.image_size, store, cache)

    def training(self, configuration: int) -> str:
        """The key of a configuration's training; each of its trials continues it."""
        return f"{self.key}/configuration-{configuration:03d}"

    @property
    def oracle(self) -> str:
        """The key of the search's state."""
        return f"{self.key}/oracle.json"


def _name(key: str) -> str:
    return f"{key}/sweep.json"
