"""`charrec predict`: the characters in image files."""

import os
from collections.abc import Sequence
from pathlib import Path

from charrec.commands import columns
from charrec.serving.in_use import in_use, named
from charrec.serving.recognition import Recognition, read_images
from charrec.storage import Store
from charrec.study import Frozen

ORDER = ("first", "second", "third")


class Prediction(Frozen):
    """What `--json` prints."""

    champion: int | None  # its number; none: a network that was named
    model: str
    training: str
    images: tuple[Recognition, ...]


def show(store: Store, images: Sequence[Path], model: str | None, as_json: bool) -> None:
    """Print the likeliest characters of each image, by the champion or by the network that is named."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    number, network = (None, named(store, model)) if model else in_use(store)
    read = read_images(images, network, store, top=len(ORDER))
    if as_json:
        told = Prediction(champion=number, model=network.recipe.model, training=network.training, images=tuple(read))
        print(told.model_dump_json(indent=1))
        return
    print(f"{network.recipe.model}, {f'champion {number}' if number else network.training}")
    print(columns([("image", *ORDER), *map(_row, read)]))


def _row(image: Recognition) -> tuple[str, ...]:
    return (image.name, *(f"{guess.character} {100 * guess.probability:5.1f} %" for guess in image.top))
