"""The search space is the deck's, and a point of it becomes a typed network."""

from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from charrec.models.convnet import ConvNet
from charrec.reference import SEARCH_CHOSEN
from charrec.tuning.space import DECK, SPACE, propose
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


def test_the_space_has_the_720_points_of_the_deck() -> None:
    assert SPACE == {
        "filters_hp_1": (16, 32),
        "filters_hp_2": (16, 32),
        "filters_hp_3": (16, 32, 48, 64),
        "dropout": (0.3, 0.4, 0.5, 0.6, 0.7),
        "units": (256, 288, 320, 352, 384, 416, 448, 480, 512),
    }
    points = {propose(dict(zip(SPACE, values, strict=True))) for values in product(*SPACE.values())}
    assert len(points) == 720


def test_keras_tuner_is_given_the_same_space() -> None:
    hp = DECK.tuner()
    assert {entry.name: tuple(entry.values) for entry in hp.space} == SPACE
    assert all(entry.ordered for entry in hp.space)


def test_what_the_deck_chose_is_in_the_space() -> None:
    assert all(value in SPACE[name] for name, value in SEARCH_CHOSEN.items())
    assert propose(SEARCH_CHOSEN).model_dump() == SEARCH_CHOSEN


def test_a_network_has_none_of_keras_tuners_own_values() -> None:
    own: dict[str, Any] = {
        "tuner/epochs": 2,
        "tuner/initial_epoch": 0,
        "tuner/bracket": 1,
        "tuner/round": 0,
        "tuner/trial_id": "0001",
    }
    assert propose(SEARCH_CHOSEN | own) == ConvNet.model_validate(SEARCH_CHOSEN)


def test_a_network_has_whole_filters_and_units() -> None:
    net = propose({name: values[0] for name, values in SPACE.items()})
    assert {name: type(value) for name, value in net} == {
        "filters_hp_1": int,
        "filters_hp_2": int,
        "filters_hp_3": int,
        "dropout": float,
        "units": int,
    }


@pytest.mark.parametrize("missing", SPACE)
def test_a_point_that_lacks_a_value_is_refused(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        propose({name: value for name, value in SEARCH_CHOSEN.items() if name != missing})


def test_a_network_with_a_misspelt_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        ConvNet.model_validate(SEARCH_CHOSEN | {"filters": 1})
