"""A real search in a space with learning rates: each trial trains at its own, and so does the network it chooses."""

import pytest

from charrec.models.convnet import convnet_of
from charrec.results import SearchResult
from charrec.storage import Store, open_store
from charrec.study import Choices
from charrec.sweep.outcome import read_document
from charrec.sweep.standing import status
from charrec.sweep.table import lines
from charrec.training.checkpoints import load, read_progress
from charrec.training.recipe import Recipe, compiled
from charrec.tuning.convnets import subset
from charrec.tuning.plan import Sweep
from tests.toy import SEARCH, SEARCH_RECIPE, WARNINGS, search, search_arrays

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

RATES = (0.0001, 0.01)
NARROW = Choices(filters_hp_1=(8,), filters_hp_2=(8,), filters_hp_3=(4, 8), dropout=(0.3,), units=(16, 32))
SPACE = NARROW.model_copy(update={"learning_rate": RATES})
SWEEP = Sweep(key="sweep", search=SEARCH.model_copy(update={"space": SPACE}), recipe=SEARCH_RECIPE)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return open_store(str(tmp_path_factory.mktemp("store")))


@pytest.fixture(scope="module")
def result(store: Store) -> SearchResult:
    return search(store, sweep=SWEEP)


def rate(recipe: Recipe) -> float:
    return float(compiled(recipe, search_arrays()).optimizer.learning_rate)


def test_every_trial_is_a_point_of_the_space_and_both_rates_are_tried(result: SearchResult) -> None:
    assert result.space == SPACE.searched
    assert all(set(trial.network) == set(SPACE.searched) for trial in result.trials)
    assert {trial.network["learning_rate"] for trial in result.trials} == set(RATES)
    assert SearchResult.model_validate_json(result.model_dump_json()) == result


def test_each_trial_trained_at_its_own_rate(store: Store, result: SearchResult) -> None:
    arrays = subset(search_arrays(), SWEEP.search, SWEEP.seed)
    document = read_document(store, SWEEP)
    assert document
    for record in document.trials.values():
        last = read_progress(store, SWEEP.training(record.configuration)).last
        assert last
        network = convnet_of({name: record.values[name] for name in SPACE.searched}, "the search")
        model = compiled(SWEEP.recipe.model_copy(update={"network": network}), arrays)
        load(model, store, last)  # the optimizer's slots, its rate among them
        assert float(model.optimizer.learning_rate) == pytest.approx(record.values["learning_rate"])


def test_the_chosen_network_is_trained_at_the_chosen_rate(result: SearchResult) -> None:
    network = convnet_of(result.chosen, "sweep")
    assert network.learning_rate == result.chosen["learning_rate"] in RATES
    recipe = SEARCH_RECIPE.model_copy(update={"network": network})
    assert rate(recipe) == pytest.approx(network.learning_rate)
    assert rate(Recipe.model_validate_json(recipe.model_dump_json())) == rate(recipe)  # as a child is given it
    decks = network.model_copy(update={"learning_rate": None})
    assert rate(SEARCH_RECIPE.model_copy(update={"network": decks})) == pytest.approx(0.001)


def test_the_status_tells_the_best_rate(store: Store, result: SearchResult) -> None:
    told = "\n".join(lines(status(store, SWEEP)))
    assert f"learning_rate {result.chosen['learning_rate']}" in told


def test_another_machine_reads_the_space_in_the_plan(store: Store, result: SearchResult) -> None:
    assert result.trials and Sweep.stored(store, SWEEP.key).search.space == SPACE
