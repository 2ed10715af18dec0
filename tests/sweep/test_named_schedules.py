"""The schedules as a script names them: what is stored of them, what is refused, which rungs and points they have."""

import pytest
from pydantic import ValidationError

from charrec.errors import InputError
from charrec.sweep import Asha, BestOf, Random, Search
from charrec.sweep.fits import schedule_of
from charrec.sweep.points import draw
from charrec.sweep.schedule import schedule
from charrec.sweep.schedules import unrepeatable
from charrec.sweep.space import Space
from tests.sweep.scheduled import SCHEDULES

pytestmark = pytest.mark.filterwarnings("error")

SPACE = Space.of_choices({"units": (8, 16, 32), "kind": ("a", "b")})


def test_a_search_by_hyperband_is_stored_as_before_there_were_others() -> None:
    plain = '{"max_epochs":10,"factor":3,"objective":"val_loss","seed":0}'
    assert Search().model_dump_json() == plain
    assert Search.model_validate_json(plain) == Search()
    assert schedule_of(Search()).rungs() == schedule(Search())


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_search_comes_back_from_json(name: str) -> None:
    search = Search(max_epochs=4, schedule=SCHEDULES[name])
    assert Search.model_validate_json(search.model_dump_json()) == search


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schedule": BestOf(trials=2, best=3)}, "the best 3 of 2 trials; let best be at most trials"),
        ({"schedule": BestOf(trials=9, epochs=10)}, "10 epochs each of 10 in all; let epochs be less than max_epochs"),
        ({"schedule": Asha(trials=9, first=11)}, "first 11 epochs of 10; let first be at most max_epochs"),
        ({"schedule": Asha(trials=9, total_epochs=9)}, "total_epochs 9; let it be at least max_epochs, 10"),
        ({"schedule": Random(trials=9), "factor": 4}, "factor is Hyperband's; leave it out beside another schedule"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Search.model_validate(changes)


@pytest.mark.parametrize(
    ("max_epochs", "factor", "first", "steps"),
    [(10, 3, 1, (2, 4, 10)), (10, 3, 3, (4, 10)), (10, 3, 5, (10,)), (27, 3, 1, (1, 3, 9, 27)), (1, 2, 1, (1,))],
)
def test_asha_has_the_rungs_of_hyperbands_longest_bracket(
    max_epochs: int, factor: int, first: int, steps: tuple[int, ...]
) -> None:
    rungs = Asha(trials=9, factor=factor, first=first).within(max_epochs).rungs()
    assert tuple(rung.epochs for rung in rungs) == steps
    if first == 1:
        longest = [
            rung for rung in schedule(Search(max_epochs=max_epochs, factor=factor)) if rung.bracket == len(steps) - 1
        ]
        assert tuple(rung.epochs for rung in longest) == steps


def test_the_rungs_of_asha_are_those_that_are_certain() -> None:
    asha = Asha(trials=36).within(10)
    assert [rung.trials for rung in asha.rungs()] == [36, 12, 4]
    assert [rung.trials for rung in asha.rungs({0: 36, 1: 14, 2: 3})] == [36, 14, 4]
    capped = Asha(trials=36, total_epochs=50).within(10)
    assert [rung.trials for rung in capped.rungs()] == [25, 0, 0]
    assert [rung.trials for rung in capped.rungs({0: 9, 1: 3, 2: 1})] == [9 + (50 - 18 - 6 - 6) // 2, 3, 1]


def test_asha_alone_says_that_it_depends_on_its_workers() -> None:
    assert [name for name, how in SCHEDULES.items() if unrepeatable(how)] == ["ASHA", "ASHA within 25 epochs"]


def test_the_points_of_a_space_are_drawn_once_each_until_none_is_left() -> None:
    taken: list[dict[str, bool | int | float | str]] = []
    for index in range(6):
        drawn = draw(SPACE, 3, index, taken)
        assert draw(SPACE, 3, index, taken) == drawn and SPACE.holds(drawn)
        taken.append(drawn)
    assert len({(point["units"], point["kind"]) for point in taken}) == 6
    assert draw(SPACE, 4, 0, []) != draw(SPACE, 3, 0, []) or draw(SPACE, 5, 0, []) != draw(SPACE, 3, 0, [])
    with pytest.raises(InputError, match="a space of 6 points, all of which are tried; expected at least 7"):
        draw(SPACE, 3, 6, taken)
