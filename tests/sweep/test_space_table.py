"""The table of the whole space: made, resumed, joined and read, on a few toy images."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from charrec.errors import InputError
from charrec.storage import Store
from charrec.storage.folder import FolderStore
from charrec.training.train import train
from tests.benchmarks import regret, space
from tests.benchmarks.space import METADATA, POINTS, Plan, Trained
from tests.toy import WARNINGS, toy_arrays

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

PLAN = Plan(training=64, validation=40, epochs=2, precision="float32")
ARRAYS = toy_arrays(64, 40)
CHOSEN = [(0, 0), (0, 1), (1, 8)]  # first trainings with 256 and 288 units, a second one with 512


def made(store: Store) -> list[str]:
    return list(space.train(store, PLAN, ARRAYS, CHOSEN))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Begun, ended in the second training, and finished by another process."""
    store = FolderStore(tmp_path_factory.mktemp("space"))
    first = space.train(store, PLAN, ARRAYS, CHOSEN)
    assert next(first).startswith(space.key(0, 0))
    first.close()
    assert [line.split()[0] for line in made(store)] == [space.key(0, 1), space.key(1, 8)]
    return store


def test_a_point_has_the_history_of_its_own_network(store: Store, tmp_path: Path) -> None:
    """Though it was trained in a wider one, as the second after another point and after an interruption."""
    own = train(PLAN.recipe(0, 1), ARRAYS, PLAN.epochs, FolderStore(tmp_path), "own").epochs
    stored = Trained.model_validate_json(store.get(space.key(0, 1))).epochs
    for metric in space.METRICS:
        expected = [getattr(row, metric) for row in own]
        assert [getattr(row, metric) for row in stored] == pytest.approx(expected, rel=1e-4)


def test_what_is_stored_is_not_trained_again(store: Store) -> None:
    assert made(store) == []


def test_another_plan_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    space.begin(store, PLAN)
    space.begin(store, PLAN)
    with pytest.raises(InputError, match="Name another folder"):
        space.begin(store, PLAN.model_copy(update={"training": 65}))


def test_an_unfinished_table_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="lacks trainings/0/002.json"):
        space.joined(store, PLAN, [*CHOSEN, (0, 2)])


def test_the_file_holds_every_history(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "space.parquet"
    space.write(space.joined(store, PLAN, CHOSEN), path)
    curves = space.read(path)
    for at in CHOSEN:
        stored = Trained.model_validate_json(store.get(space.key(*at))).epochs
        assert curves[at] == pytest.approx([row.val_accuracy for row in stored])
    assert np.isnan(curves).sum() == (2 * len(POINTS) - len(CHOSEN)) * PLAN.epochs
    assert json.loads(pq.read_schema(path).metadata[METADATA])["plan"] == PLAN.model_dump()
    assert [file.name for file in tmp_path.iterdir()] == ["space.parquet"]


def test_the_space_has_720_points_each_once() -> None:
    assert len(POINTS) == len(set(POINTS)) == 720


def test_the_page_has_what_the_schedules_find_on_the_whole_table() -> None:
    table = space.read()
    assert not np.isnan(table[0]).any()
    page = space.TABLE.with_name("sweep.md").read_text(encoding="utf-8")
    for text in regret.tables(table, *regret.plays(table)):
        assert text in page
