"""The hyperparameters of model 4, which the search chooses."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, ValidationError

from charrec.storage.document import defect, foreign
from charrec.study import Frozen

Size = Annotated[int, Field(ge=1, le=4096)]  # far above the search's, and low enough to fill no memory


class ConvNet(Frozen):
    """One point of the search space, with the slide's names."""

    filters_hp_1: Size
    filters_hp_2: Size
    filters_hp_3: Size
    dropout: Annotated[float, Field(ge=0, lt=1)]
    units: Size
    # Of Adam; none: its default, 0.001.
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = Field(None, exclude_if=lambda rate: rate is None)


def convnet_of(values: Mapping[str, object], where: str) -> ConvNet:
    """The network of these values, which lie at `where`. Raises Foreign for values that are none."""
    try:
        return ConvNet.model_validate(values)
    except ValidationError as error:
        raise foreign(where, f"no network: {defect(error)}") from None
