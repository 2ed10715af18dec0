"""The splits: random, identical to the deck's, or by font, with no picture of a class in both parts."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from charrec.data.packing import font_groups
from charrec.data.sources.chars74k import read_chars74k
from charrec.data.sources.files import open_files
from charrec.data.split import font_split, random_split, split
from charrec.errors import InputError
from tests.data.sources.samples import write_chars74k

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """494 PNGs of 62 classes in Kaggle's layout; a fifth is 98.8."""
    images = write_chars74k(tmp_path_factory.mktemp("chars74k")) / "English" / "Fnt"
    for number in (7, 8):
        (images / "Sample062" / f"img062-{number:05d}.png").unlink()
    return images


@pytest.mark.parametrize("subset", ["training", "validation"])
def test_the_random_split_equals_keras_choice_and_order(folder: Path, subset: str) -> None:
    import keras

    dataset = keras.utils.image_dataset_from_directory(
        folder, validation_split=0.2, seed=123, subset=subset, image_size=(128, 128), color_mode="grayscale"
    )
    with open_files(folder) as files:
        names = np.array(read_chars74k(files, "", "", "").names)
    positions = dict(zip(("training", "validation"), random_split(len(names), 0.2, 123), strict=True))[subset]
    assert [str(folder / name) for name in names[positions]] == dataset.file_paths
    assert len(positions) == {"training": 396, "validation": 98}[subset]


def test_the_random_split_of_chars74k_has_the_decks_counts() -> None:
    training, validation = random_split(62_992, 0.2, 123)
    assert (len(training), len(validation)) == (50_394, 12_598)


def cases(seed: int) -> Iterator[tuple[np.ndarray, float, int]]:
    """Random font groups, a fraction, a seed."""
    rng = np.random.default_rng(seed)
    for _ in range(50):
        yield rng.integers(0, rng.integers(2, 40), 300), float(rng.uniform(0.05, 0.6)), int(rng.integers(1000))


def test_every_split_is_complete_disjoint_and_reproducible(seed: int) -> None:
    for groups, fraction, number in cases(seed):
        columns = pd.DataFrame({"group": groups})
        smallest = min(np.bincount(groups)[groups])  # a font split needs a group no larger than the fraction
        for kind in ("random", "font") if smallest <= fraction * len(groups) else ("random",):
            training, validation = split(columns, kind, fraction, number)
            assert np.array_equal(np.sort(np.concatenate([training, validation])), np.arange(len(groups)))
            again = split(columns, kind, fraction, number)
            assert np.array_equal(training, again[0])
            assert np.array_equal(validation, again[1])


@pytest.mark.parametrize(("kind", "n"), [("random", 4), ("font", 100)])
def test_a_split_with_an_empty_part_is_refused(kind: str, n: int) -> None:
    columns = pd.DataFrame({"group": np.zeros(n, int)})
    with pytest.raises(InputError, match=f"{n} images of 1 font groups split into {n} for training and 0"):
        split(columns, kind, 0.2, 1)


def test_the_font_split_takes_whole_groups_and_falls_short_by_less_than_one(seed: int) -> None:
    for groups, fraction, number in cases(seed):
        training, validation = font_split(groups, fraction, number)
        assert not set(groups[training]) & set(groups[validation])
        missing = fraction * len(groups) - len(validation)
        assert 0 <= missing < np.bincount(groups).max()


def test_the_font_split_has_no_picture_of_a_class_in_both_parts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.tile(np.arange(6), 40)
    fonts = [f"font{i // 6:02d}" for i in range(240)]
    pictures = [f"{number}" for number in rng.integers(0, 400, 240)]
    groups = font_groups(labels, fonts, pictures)
    training, validation = font_split(groups, 0.2, 1)
    shown = [{(labels[i], pictures[i]) for i in side} for side in (training, validation)]
    assert len(validation) > 0
    assert not shown[0] & shown[1]


@pytest.mark.parametrize(
    "divide", [lambda n, seed: random_split(n, 0.2, seed), lambda n, seed: font_split(np.arange(n), 0.2, seed)]
)
def test_another_seed_chooses_other_images(divide: object) -> None:
    assert callable(divide)
    assert set(divide(500, 1)[1]) != set(divide(500, 2)[1])
