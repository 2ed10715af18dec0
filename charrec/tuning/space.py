"""The space of a study's search, and the typed network at each of its points."""

from collections.abc import Mapping

from charrec.models.convnet import ConvNet
from charrec.study import Choices, Search
from charrec.sweep import room
from charrec.sweep.objective import Objective
from charrec.sweep.schedule import configurations, schedule
from charrec.sweep.space import Space

SPACE = Choices().searched  # the deck's
OBJECTIVE = Objective(name="val_accuracy", direction="max")


def space_of(search: Search) -> Space:
    return Space.of_choices(search.space.searched)


def require_room(search: Search) -> None:
    """Raises InputError where the search tries more points than its space has."""
    room.require_room(space_of(search), configurations(schedule(search)))


def propose(values: Mapping[str, object]) -> ConvNet:
    """The network at a point, whatever else the values hold."""
    names = [name for name, field in ConvNet.model_fields.items() if field.is_required() or name in values]
    return ConvNet.model_validate({name: values[name] for name in names})
