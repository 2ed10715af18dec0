"""Any number of images -> what each is taken for, in bounded memory; one that cannot be read spoils no other."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from charrec.errors import InputError
from charrec.serving.candidate import Trained
from charrec.serving.files import File
from charrec.serving.recognition import Recognition, glyph, recognise
from charrec.storage import Store
from charrec.study import Frozen

BATCH = 2048  # images; 32 MiB of 128 px, and building the network again takes less than reading their files


class Failure(Frozen):
    """An image that could not be read."""

    name: str
    error: str  # found, expected, remedy


def read_each(
    images: Iterable[File], trained: Trained, store: Store, top: int = 3, shears: bool = False
) -> Iterator[Recognition | Failure]:
    """Each image in its order. Only an error that is no image's own ends the reading."""
    waiting = iter(images)
    while batch := [(one.name, glyph_of(one, trained.recipe.image_size)) for one in islice(waiting, BATCH)]:
        fine = [(name, found) for name, found in batch if not isinstance(found, Failure)]
        names, glyphs = [name for name, _ in fine], [found for _, found in fine]
        read = iter(recognise(names, glyphs, trained, store, top, shears))
        for _, found in batch:
            yield found if isinstance(found, Failure) else next(read)


def glyph_of(image: File, size: int) -> np.ndarray | Failure:
    try:
        return glyph(image.name, image.content(), size)
    except InputError as error:
        return Failure(name=image.name, error=str(error))
