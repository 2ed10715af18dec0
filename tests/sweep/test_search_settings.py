"""What a script says of its search: one clear error for a mistake, in the script's words."""

from collections.abc import Callable
from typing import Any

import keras_tuner as kt
import pytest
from pydantic import ValidationError

from charrec.errors import InputError
from charrec.sweep import Asha, BestOf, Budget, Objective, Random, Search

make: Any = Search  # with arguments of any type
WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "Keras Tuner's rounds": (lambda: make(hyperband_iterations=2), r"=2\); expected one of max_epochs, .* rounds"),
    "Keras's epochs": (lambda: make(epochs=3), r"Search\(epochs=3\); .* Write max_epochs for epochs"),
    "a slip": (lambda: make(max_epoch=3), r"Search\(max_epoch=3\); .* Write max_epochs for max_epoch"),
    "a word": (lambda: make(colour="red"), r"Search\(colour='red'\); expected one of .* Leave it out"),
    "no number": (lambda: make(max_epochs="ten"), r"Search\(max_epochs='ten'\); expected a valid integer"),
    "too few": (lambda: make(factor=1), r"Search\(factor=1\); expected greater than or equal to 2"),
    "a list": (lambda: make(objective=["loss"]), r"Search\(objective=\['loss'\]\); expected one name"),
    "a function": (lambda: make(objective=max), r"Search\(objective=<built-in.*\); expected one name"),
    "no name": (lambda: make(10), r"Search\(10\); expected arguments by their names, as in Search\(max_epochs=...\)"),
    "a schedule's name": (lambda: make(schedule="random"), r"Search\(schedule='random'\); expected Random\("),
    "a schedule's class": (lambda: make(schedule=Random), r"Search\(schedule=<class .*\); expected Random\("),
    "hours": (lambda: make(budget=8), r"Search\(budget=8\); expected Budget\(hours=...\)"),
    "a few": (lambda: make(max_epochs=2, schedule=BestOf(trials=2, best=9)), "the best 9 of 2 trials; .* Let best"),
    "no trials": (lambda: _bare(Random), r"Random\(\) without trials"),
    "some trials": (lambda: _bare(Asha, trials="many"), r"Asha\(trials='many'\); expected a valid integer"),
    "no limit": (lambda: Budget(), "a budget of hours, device_hours or money, or a price, which limits nothing"),
    "up": (lambda: _bare(Objective, name="x", direction="up"), r"Objective\(direction='up'\); expected 'min' or 'max'"),
}  # fmt: skip


def _bare(kind: Any, **fields: object) -> object:
    return kind(**fields)


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_is_one_error_that_names_the_field(what: str) -> None:
    wrong, said = WRONG[what]
    with pytest.raises(InputError, match=said) as raised:
        wrong()
    assert "\n" not in str(raised.value)


def test_an_objective_of_keras_tuners_is_taken() -> None:
    assert make(objective=kt.Objective("val_beauty", "max")).objective == Objective(name="val_beauty", direction="max")


def test_a_document_is_read_as_strictly_as_before() -> None:
    """Whoever reads it says where it lies."""
    search = Search(budget=Budget(hours=2))
    assert Search.model_validate_json(search.model_dump_json()) == search
    with pytest.raises(ValidationError, match="1 validation error"):
        Budget.model_validate({"hours": "2"}, strict=True)
