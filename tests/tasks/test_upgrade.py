"""An upgrade of charrec under a study that runs: nothing is lost, and what changed is said."""

from pathlib import Path
from typing import Any

import pytest

from charrec.data.arrays import Glyphs, Packed
from charrec.errors import InputError
from charrec.results import Epoch
from charrec.steps import search, train
from charrec.storage import Store, open_store
from charrec.study import Runtime
from charrec.training.checkpoints import Progress
from charrec.tuning.plan import Sweep
from charrec.tuning.unfinished import unfinished as unfinished_searches
from flows.children import sweep_worker, train_model
from tasks.progress import unfinished as unfinished_trainings
from tasks.upgrade import require_same_code
from tests.sweep.driving import searched
from tests.tasks.doubling import DOUBLING, Given
from tests.toy import KERAS_TUNERS, RECIPE, SEARCH

pytestmark = pytest.mark.filterwarnings(*KERAS_TUNERS)

GLYPHS = Glyphs(packed=Packed(digest="0", key="glyphs/0"), split="random", validation_fraction=0.2, seed=1)
SEARCHING = search.Given(search=SEARCH, recipe=RECIPE, glyphs=GLYPHS)
TRAINING = train.Given(recipe=RECIPE, epochs=2, glyphs=GLYPHS)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def test_a_worker_with_the_studys_code_goes_on() -> None:
    given = Given(number=4)
    require_same_code(DOUBLING, given, DOUBLING.key(given))
    require_same_code(DOUBLING, given, None)  # a study that does not say


def test_a_worker_with_other_code_says_so_before_it_computes_anything() -> None:
    with pytest.raises(InputError) as told:
        require_same_code(DOUBLING, Given(number=4), "doubles/0123456789abcdef")
    assert told.value.found.startswith(
        "the study waits for double 4 as doubles/0123456789abcdef, and the code here makes"
    )
    assert "charrec was upgraded under a study that runs" in told.value.remedy


@pytest.mark.parametrize(("child", "given"), [(sweep_worker, SEARCHING), (train_model, TRAINING)])
def test_every_child_is_held_to_its_studys_code(child: Any, given: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the study waits for"):
        child.fn(given, Runtime(store=str(tmp_path)), key="another/0123456789abcdef")
    assert list(tmp_path.iterdir()) == []


def test_a_search_that_other_code_began_is_named_until_it_is_finished(store: Store) -> None:
    sweep = search.sweep_of(SEARCHING)
    former = Sweep(**sweep.model_dump() | {"key": "sweeps/0000000000000000"})
    former.begin(store)
    Sweep(**former.model_dump() | {"key": "sweeps/1", "recipe": RECIPE.model_copy(update={"seed": 9})}).begin(store)
    store.put("sweeps/2/sweep.json", b'{"of": "another version"}')
    assert unfinished_searches(store, sweep) == [former.key]
    store.put(former.oracle, searched(SEARCH, RECIPE.seed).model_dump_json().encode())
    assert unfinished_searches(store, sweep) == []


def test_a_search_that_goes_on_looks_for_no_other(store: Store) -> None:
    sweep = search.sweep_of(SEARCHING)
    Sweep(**sweep.model_dump() | {"key": "sweeps/0000000000000000"}).begin(store)
    store.put(sweep.oracle, b"{}")
    assert unfinished_searches(store, sweep) == []


def test_unfinished_trainings_of_the_same_network_are_named(store: Store) -> None:
    row = Epoch(epoch=1, seconds=1, images_per_second=1, loss=1, accuracy=1, val_loss=1, val_accuracy=1)
    epochs = {"model_2-begun": (row,), "model_2-empty": (), "model_2-ended": (row,), "model_1-a": (row,)}
    for key, rows in epochs.items():
        store.put(f"trainings/{key}/progress.json", Progress(epochs=rows).model_dump_json().encode())
    store.put("trainings/model_2-ended/result-01234567.json", b"{}")
    assert unfinished_trainings(store, train.TRAIN.key(TRAINING)) == ["trainings/model_2-begun"]
    assert unfinished_trainings(store, "trainings/model_2-begun") == []
