"""The search space is data, the deck's by default, and a point of it becomes a typed network."""

from itertools import product
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError

from charrec.errors import InputError
from charrec.models.convnet import ConvNet
from charrec.reference import SEARCH_CHOSEN
from charrec.storage import open_store
from charrec.study import FULL, STUDIES, Choices, Search, Study
from charrec.tuning.plan import Sweep
from charrec.tuning.space import SPACE, propose, require_room, space_of
from charrec.tuning.work import work
from tests.toy import SEARCH_RECIPE, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

NARROW = Choices(filters_hp_3=(16,), dropout=(0.5,), units=(256,))
RATES = Search(space=Choices(learning_rate=(0.001, 0.0003)))


def test_the_space_has_the_720_points_of_the_deck() -> None:
    assert SPACE == {
        "filters_hp_1": (16, 32),
        "filters_hp_2": (16, 32),
        "filters_hp_3": (16, 32, 48, 64),
        "dropout": (0.3, 0.4, 0.5, 0.6, 0.7),
        "units": (256, 288, 320, 352, 384, 416, 448, 480, 512),
    }
    points = {propose(dict(zip(SPACE, values, strict=True))) for values in product(*SPACE.values())}
    assert len(points) == FULL.search.space.points == 720


@pytest.mark.parametrize("search", [FULL.search, RATES])
def test_keras_tuner_is_given_the_same_space(search: Search) -> None:
    hp = space_of(search).tuner()
    assert {entry.name: tuple(entry.values) for entry in hp.space} == search.space.searched
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
    assert {name: type(value) for name, value in net.model_dump().items()} == {
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


# Another space


def test_every_hyperparameter_of_a_network_can_be_searched_within_its_own_bounds() -> None:
    choices, network = (model.model_json_schema()["properties"] for model in (Choices, ConvNet))
    assert list(choices) == list(network)
    for name, one in choices.items():
        own = network[name].get("anyOf", [network[name]])[0]
        assert one["items"] == {bound: own[bound] for bound in own if bound not in ("title", "description")}, name


def test_a_learning_rate_that_is_searched_is_the_networks() -> None:
    assert RATES.space.points == 1440
    assert propose(SEARCH_CHOSEN | {"learning_rate": 0.0003}).model_dump() == SEARCH_CHOSEN | {"learning_rate": 0.0003}


def test_values_in_any_order_are_the_same_study() -> None:
    assert Choices(units=(64, 32)) == Choices(units=(32, 64))
    assert Choices(units=(64, 32)).units == (32, 64)


def test_the_decks_space_is_not_written_and_another_one_is_as_a_whole() -> None:
    assert "space" not in FULL.search.model_dump()
    assert Search(space=Choices()).model_dump_json() == Search().model_dump_json()
    other = Study(search=RATES)
    assert other.model_dump()["search"]["space"] == {**SPACE, "learning_rate": (0.0003, 0.001)}
    assert Study.model_validate_json(other.model_dump_json()) == other


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "another name": ({"unit": [64]}, "found 'unit'; expected some of filters_hp_1, filters_hp_2, .*, learning_rate"),
    "no value": ({"units": []}, "found no value; expected at least one"),
    "a value twice": ({"dropout": [0.5, 0.3, 0.5]}, "found 0.5 2 times; expected each value once"),
    "a share above 1": ({"dropout": [1.2]}, "less than 1"),
    "no filters": ({"filters_hp_2": [0]}, "greater than or equal to 1"),
    "half a unit": ({"units": [64.5]}, "valid integer"),
    "a rate of 0": ({"learning_rate": [0.0]}, "greater than 0"),
    "a rate that is no number": ({"learning_rate": [float("nan")]}, "finite|greater than 0"),
    "a number by itself": ({"units": 64}, "valid tuple"),
}


@pytest.mark.parametrize(("wrong", "told"), WRONG.values(), ids=WRONG)
def test_a_space_of_anything_else_is_refused_with_one_error(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told) as raised:
        Study.model_validate({"search": {"space": wrong}})
    assert raised.value.error_count() == 1


def test_the_form_refuses_an_empty_list_and_a_value_twice() -> None:
    properties = Choices.model_json_schema()["properties"]
    assert all(one["uniqueItems"] for one in properties.values())
    assert {name for name, one in properties.items() if one.get("minItems") == 1} == set(SPACE)


def test_a_search_of_more_points_than_its_space_has_is_refused() -> None:
    with pytest.raises(InputError, match=r"a space of 4 points; expected at least 22, .*\. Widen the space, or"):
        require_room(Search(space=NARROW))
    require_room(Search(max_epochs=2, factor=2, space=NARROW))
    for study in STUDIES.values():
        require_room(study.search)


def test_no_worker_begins_it_either(tmp_path: Path) -> None:
    """That of a caller who checks nothing: the points before the one that is missing would be trained in vain."""
    sweep, no_images = Sweep(key="sweep", search=Search(space=NARROW), recipe=SEARCH_RECIPE), cast(Any, None)
    with pytest.raises(InputError, match=r"a space of 4 points; expected at least 22"):
        work(open_store(str(tmp_path / "store")), sweep, no_images)
    assert not (tmp_path / "store").exists()
