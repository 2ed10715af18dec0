"""Texts drawn from labelled images: which, how often each, and how often they are read."""

import numpy as np
import pytest

from charrec.alphabet import CAPITALS, CLASSES, DIGITS, INDEX
from charrec.evaluation.texts import DRAWS, LENGTH, MONTHS, drawn, families, rates
from charrec.study import Kinds

pytestmark = pytest.mark.filterwarnings("error")
LABELS = np.array([*DIGITS, *CAPITALS] * 3)


def said(classes: np.ndarray) -> list[str]:
    return ["".join(CLASSES[c] for c in row) for row in classes]


@pytest.mark.parametrize("family", ["APR", "2023", "years", "months", "words"])
def test_each_image_shows_its_character(family: str, seed: int) -> None:
    draws = drawn(families(("APR", "2023"))[family], LABELS, seed)
    assert draws
    classes, picks = draws
    assert len(classes) == DRAWS
    assert (LABELS[picks] == classes).all()


def test_years_and_months_are_all_there_and_equally_often(seed: int) -> None:
    for family, different in (("years", 200), ("months", 12)):
        draws = drawn(families(())[family], LABELS, seed)
        assert draws
        texts, counts = np.unique(said(draws[0]), return_counts=True)
        assert len(texts) == pytest.approx(different, abs=1)  # of 200, one is missing in 1 of 100 draws
        assert counts.std() < 4 * np.sqrt(DRAWS / different)
    assert set(texts) == set(MONTHS)


def test_a_word_is_of_capitals_each_as_likely(seed: int) -> None:
    draws = drawn((), LABELS, seed)
    assert draws
    classes, _ = draws
    assert classes.shape == (DRAWS, LENGTH)
    counts = np.bincount(classes.ravel(), minlength=62)[list(CAPITALS)]
    assert counts.sum() == classes.size and abs(counts - classes.size / 26).max() < 6 * np.sqrt(classes.size / 26)


def test_every_image_of_a_class_is_as_likely(seed: int) -> None:
    labels = np.array([INDEX["A"]] * 4 + [INDEX["B"]])
    draws = drawn(("AA",), labels, seed)
    assert draws
    counts = np.bincount(draws[1].ravel(), minlength=5)
    assert counts[4] == 0 and abs(counts[:4] - DRAWS / 2).max() < 6 * np.sqrt(DRAWS / 2)


def test_the_same_seed_draws_the_same() -> None:
    first, again, other = (drawn(("2023",), LABELS, seed) for seed in (1, 1, 2))
    assert first and again and other
    assert (first[1] == again[1]).all() and (first[1] != other[1]).any()


def test_without_an_image_of_a_character_there_is_no_draw() -> None:
    assert drawn(MONTHS, np.array(DIGITS), 1) is None


def test_a_rate_is_of_whole_texts() -> None:
    """Of four texts one is right glyph by glyph, two as one kind, and all three that are legible once it is known."""
    classes = np.tile([INDEX["1"], INDEX["0"]], (4, 1))
    probabilities = np.full((4, 2, 62), 1e-6)

    def show(text: int, *glyphs: dict[str, float]) -> None:
        for place, glyph in enumerate(glyphs):
            for character, share in glyph.items():
                probabilities[text, place, INDEX[character]] = share

    show(0, {"1": 1}, {"0": 1})
    show(1, {"1": 1}, {"O": 0.6, "0": 0.4})
    show(2, {"l": 0.9, "1": 0.1}, {"o": 0.9, "0": 0.1})
    show(3, {"7": 1}, {"0": 1})
    found = rates("10", "model_3", "prepared", classes, probabilities, Kinds())
    assert (found.kind, found.plain.n) == ("digits", 4)
    assert [r.value for r in (found.plain, found.one_kind, found.kind_known)] == [0.25, 0.5, 0.75]
