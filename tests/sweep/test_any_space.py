"""A space as data: what a builder declares, in Keras Tuner's words, and which values are a point of it."""

from math import inf
from typing import Any

import keras_tuner as kt
import pytest

from charrec.errors import InputError
from charrec.sweep.brackets import hyperband
from charrec.sweep.builder import Builder
from charrec.sweep.fits import Search
from charrec.sweep.objective import Objective
from charrec.sweep.oracle import Assignment, Oracle
from charrec.sweep.points import value_at
from charrec.sweep.schedule import configurations, schedule
from charrec.sweep.space import Space, Value
from tests.sweep.tiny import model
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


def declared() -> kt.HyperParameters:
    """Every kind, and a condition in a condition."""
    hp = kt.HyperParameters()
    hp.Choice("kind", ["dense", "conv"])
    with hp.conditional_scope("kind", ["dense"]):
        hp.Int("units", 8, 64, step=8)
    with hp.conditional_scope("kind", ["conv"]):
        hp.Int("filters", 2, 4)
        hp.Boolean("wide")
        with hp.conditional_scope("wide", [True]):
            hp.Int("kernel", 1, 9, step=3, sampling="log")
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Float("dropout", 0.1, 0.5, step=0.1)
    hp.Fixed("depth", 3)
    return hp


SPACE = Space.of(declared())
MODEL = model()  # where only its hyperparameters matter
POINT: dict[str, Value] = {"kind": "dense", "units": 16, "rate": 0.01, "dropout": 0.2, "depth": 3}


def drawn(search: Search, space: Space, seed: int) -> list[Assignment]:
    oracle = Oracle(hyperband(search), seed, space, Objective(name="val_loss", direction="min"))
    trials = []
    while isinstance(given := oracle.take("worker"), Assignment):
        oracle.complete(given, float(len(trials)), 1.0)
        trials.append(given)
    return trials


def test_a_space_comes_back_from_json_and_from_keras_tuner() -> None:
    assert Space.model_validate_json(SPACE.model_dump_json()) == SPACE
    assert Space.of(SPACE.tuner()) == SPACE
    assert [one.name for one in SPACE.dimensions] == [one.name for one in declared().space]


def test_every_point_that_is_drawn_is_one_of_it(seed: int) -> None:
    trials = drawn(Search(max_epochs=20), SPACE, seed)
    assert all(SPACE.holds(given.values) for given in trials)
    assert {given.values["kind"] for given in trials} == {"dense", "conv"}


@pytest.mark.parametrize("sampling", ["linear", "log", "reverse_log"])
def test_a_share_of_a_dimension_is_the_value_that_keras_tuner_has_there(sampling: Any) -> None:
    hp = declared()
    hp.Int("whole", 3, 50, sampling=sampling)
    hp.Float("stepped", 1.0, 64.0, step=2, sampling=sampling)
    hp.Float("real", 0.5, 8.0, sampling=sampling)
    for theirs, ours in zip(hp.space, Space.of(hp).dimensions, strict=True):
        for share in (0.0, 0.01, 0.149, 0.37, 0.51, 0.73, 0.991):
            value = value_at(ours, share)
            assert value == pytest.approx(theirs.prob_to_value(share)) and ours.allows(value)
        assert ours.allows(value_at(ours, 1 - 2**-53))  # Keras Tuner rounds 3 to 50 in reverse up to 51 there


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True),
        ({"units": 16.0}, False),
        ({"units": 65}, False),
        ({"units": True}, False),
        ({"kind": "lstm"}, False),
        ({"wide": True}, False),
        ({"rate": 1.0}, False),
        ({"depth": 4}, False),
        ({"more": 1}, False),
    ],
)
def test_a_point_has_a_value_of_each_dimension_that_exists_there(change: dict[str, Value], holds: bool) -> None:
    assert SPACE.holds(POINT | change) is holds


def test_a_conditional_dimension_is_there_where_its_condition_holds_alone() -> None:
    conv = {name: value for name, value in POINT.items() if name != "units"} | {"kind": "conv", "filters": 3}
    assert SPACE.holds(conv | {"wide": False})
    assert SPACE.holds(conv | {"wide": True, "kernel": 3})
    for wrong in ({}, {"wide": True}, {"wide": False, "kernel": 3}, {"wide": False, "units": 8}):
        assert not SPACE.holds(conv | wrong)


def test_points_are_counted_where_they_can_be() -> None:
    assert SPACE.size(10**6) == inf
    countable = Space(dimensions=tuple(one for one in SPACE.dimensions if one.name != "rate"))
    assert countable.size(10**6) == (8 + 3 * (1 + 3)) * 5
    assert countable.size(99) == inf


def test_a_space_of_as_many_points_as_a_search_tries_is_searched_whole(seed: int) -> None:
    search = Search(max_epochs=9)
    hp = kt.HyperParameters()
    hp.Int("a", 1, configurations(schedule(search)))
    trials = drawn(search, Space.of(hp), seed)
    assert {given.values["a"] for given in trials} == set(range(1, configurations(schedule(search)) + 1))


def test_the_lowest_is_promoted_where_less_is_better() -> None:
    trials = drawn(Search(max_epochs=2, factor=2), SPACE, 1)
    (promoted,) = [given for given in trials if given.first]
    assert promoted.configuration == 0  # its score is 0, the other's 1


def test_a_builder_is_called_until_each_conditional_scope_was_active() -> None:
    def conditional(hp: Any) -> Any:
        kind = hp.Choice("kind", ["small", "large", "never"])
        with hp.conditional_scope("kind", ["small"]):
            units = hp.Int("small", 2, 4)
        with hp.conditional_scope("kind", ["large"]):
            if kind == "large":
                units = hp.Int("large", 5, 9)
                hp.Boolean("deep")
        assert units or kind != "small"
        return MODEL

    space = Builder(conditional, {}).space
    assert [(one.name, [list(each.values) for each in one.conditions]) for one in space.dimensions] == [
        ("kind", []), ("small", [["small"]]), ("large", [["large"]]), ("deep", [["large"]]),
    ]  # fmt: skip


def test_what_a_loop_asks_for_is_found_without_a_scope() -> None:
    def layered(hp: Any) -> Any:
        for layer in range(hp.Int("layers", 1, 3)):
            hp.Int(f"units_{layer}", 2, 9)
        if hp.Boolean("deep"):
            hp.Choice("depth", [1, 2])
        return MODEL

    names = [one.name for one in Builder(layered, {}).space.dimensions]
    assert sorted(names) == ["deep", "depth", "layers", "units_0", "units_1", "units_2"]


def test_a_name_under_two_conditions_is_refused() -> None:
    def twice(hp: Any) -> Any:
        hp.Choice("kind", ["small", "large"])
        with hp.conditional_scope("kind", ["small"]):
            hp.Int("units", 2, 4)
        with hp.conditional_scope("kind", ["large"]):
            hp.Int("units", 5, 9)
        return MODEL

    with pytest.raises(InputError, match="the hyperparameter 'units' under two conditions"):
        Builder(twice, {})


def test_what_fit_asks_for_is_in_the_space_too() -> None:
    def build(hp: Any) -> Any:
        hp.Int("units", 2, 9)
        return MODEL

    builder = Builder(build, lambda hp: {"batch_size": hp.Choice("batch", [16, 32])})
    assert [one.name for one in builder.space.dimensions] == ["units", "batch"]
    assert builder.at({"units": 3, "batch": 32}, 1).fit == {"batch_size": 32}
