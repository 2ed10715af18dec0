"""The four networks of the study, a file per slide; each is a function of its input shape."""

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import keras

MODELS = ("model_1", "model_2", "model_3", "model_4")


class Build(Protocol):
    def __call__(self, shape: tuple[int, int, int], classes: int) -> "keras.Sequential": ...


def build(name: str) -> Build:
    """The function `name` of the module of the same name: a change of one slide leaves the others alone."""
    return cast(Build, getattr(import_module(f"charrec.models.{name}"), name))
