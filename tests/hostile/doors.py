"""Every door, and how many of the cases of its kind are its own."""

from tests.hostile import archives, documents, images, tables, weights
from tests.hostile.door import Door


def doors() -> list[Door]:
    return [*archives.DOORS, *images.DOORS, *tables.DOORS, *documents.DOORS, *weights.DOORS]


def share(door: Door, cases: int) -> int:
    """Of `cases` of a kind, those of one of its doors."""
    return -(-cases // sum(other.kind == door.kind for other in doors()))
