"""What came after stored results and does nothing unless a value asks for it leaves their identities as they were."""

import ast

import pytest

from charrec.memo.identity import ROOT, identity, meaning
from charrec.memo.later import LATER
from charrec.models import SEARCHED
from charrec.models.convnet import ConvNet
from charrec.reference import SEARCH_CHOSEN
from charrec.study import FULL, QUICK, Choices, Search
from charrec.training.recipe import Recipe, recipe_of

pytestmark = pytest.mark.filterwarnings("error")

# Of studies and recipes by the values alone, made before there was a choice of space (November 28, 2026).
STORED = {"full": "8cb0e641f45a909f", "quick": "f8e1def54b4fdae7"}


def recipe(model: str, rate: float | None = None) -> Recipe:
    network = ConvNet.model_validate(SEARCH_CHOSEN | ({"learning_rate": rate} if rate else {}))
    return recipe_of(FULL, model, "float32", network if model == SEARCHED else None, "tensorflow")


def source(module: str) -> str:
    return ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")


def test_the_decks_space_does_not_count_and_any_other_does() -> None:
    assert {"full": identity(FULL), "quick": identity(QUICK)} == STORED
    other = [Choices(learning_rate=(0.001,)), Choices(units=(256,)), Choices(dropout=(0.3,))]
    assert len({identity(Search(space=space)) for space in (Choices(), *other)}) == 4


def test_a_learning_rate_counts_and_none_does_not() -> None:
    assert identity(recipe(SEARCHED).network) == identity(SEARCH_CHOSEN)
    rates = (None, 0.001, 0.003)
    assert len({identity(recipe(SEARCHED, rate), code="charrec.steps.train") for rate in rates}) == 3


@pytest.mark.parametrize("module", LATER)
def test_every_later_statement_stands_in_its_module_and_is_left_out_of_its_meaning(module: str) -> None:
    plain, known = ast.unparse(meaning(ast.parse(source(module)))), LATER[module]
    without = ast.unparse(meaning(ast.parse(source(module)), known))
    left_out = [line.strip() for line in plain.splitlines() if line not in without.splitlines()]
    assert left_out == [line.strip() for statement in known for line in statement.splitlines()]


def test_a_later_statement_that_is_changed_counts(tmp_path_factory: pytest.TempPathFactory) -> None:
    known = LATER["charrec.training.recipe"]
    text = source("charrec.training.recipe")
    changed = text.replace("keras.optimizers.Adam(self.network", "keras.optimizers.AdamW(self.network")
    assert changed != text
    assert ast.unparse(meaning(ast.parse(changed), known)) != ast.unparse(meaning(ast.parse(text), known))


def test_a_later_statement_counts_in_any_other_module() -> None:
    statement = "if self.network and self.network.learning_rate:\n    return 1"
    function = f"def optimizer(self):\n    {statement.replace(chr(10), chr(10) + '    ')}\n    return 2"
    assert "return 1" in ast.unparse(meaning(ast.parse(function)))
    assert "return 1" not in ast.unparse(meaning(ast.parse(function), (statement,)))
