"""`charrec predict`: the characters in image files."""

import os
from collections.abc import Sequence
from pathlib import Path

from charrec.commands import columns
from charrec.commands.report import reports, result_of
from charrec.errors import InputError
from charrec.serving import champion
from charrec.serving.candidate import Trained, trained_of
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


def in_use(store: Store) -> tuple[int, Trained]:
    """The champion and its number. Raises InputError where there is none."""
    now = champion.current(store)
    if now is None:
        raise InputError(
            f"{store.url} has no champion",
            "a network that was promoted",
            "Name one of the latest report with --model model_3, or have a retraining promote one.",
        )
    return now.number, now.candidate


def named(store: Store, model: str) -> Trained:
    """`model_3` of the latest report, or the one of any report that was trained under this key."""
    keys = reports(store)
    if "/" not in model:
        return trained_of(result_of(store, keys[0]), model)
    for key in keys:
        result = result_of(store, key)
        for training in result.trainings:
            if training.weights_key.startswith(f"{model}/"):
                return trained_of(result, training.model)
    raise InputError(
        f"none of the {len(keys)} reports in {store.url} tells of {model}",
        "a network of a report, as in model_3 or trainings/model_3-0123456789abcdef",
        "Correct it; study.json beside a report names its networks.",
    )


def _row(image: Recognition) -> tuple[str, ...]:
    return (image.name, *(f"{guess.character} {100 * guess.probability:5.1f} %" for guess in image.top))
