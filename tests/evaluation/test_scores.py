"""Golden small cases: each number can be reckoned by hand, or stands in the literature."""

import math

import numpy as np
import pytest

from charrec.alphabet import CLASSES, INDEX
from charrec.evaluation.scores import (
    calibration_error,
    clustered,
    evaluate,
    external,
    most_confused,
    overfits_from,
    per_class,
    read_text,
    wilson,
)
from charrec.results import ClassRow, Confusion, Epoch, Evaluation
from charrec.study import Kinds

pytestmark = pytest.mark.filterwarnings("error")


def probabilities(*rows: dict[str, float]) -> np.ndarray:
    """(n, 62) float32: what is left over goes to '?', that is, evenly to the classes not named."""
    table = np.zeros((len(rows), 62), np.float32)
    for row, named in zip(table, rows, strict=True):
        row[:] = (1 - sum(named.values())) / (62 - len(named))
        for character, share in named.items():
            row[INDEX[character]] = share
    return table


# Six images: what each shows, and what was read with which probability.
TRUTH = "oO0AAB"
READ = probabilities(
    {"o": 0.6, "O": 0.4},  # right
    {"o": 0.5, "O": 0.3, "0": 0.2},  # the other case, right as the second
    {"O": 0.7, "0": 0.2},  # wrong, right as the second
    {"A": 1.0},  # right
    {"B": 0.8, "8": 0.15, "A": 0.05},  # wrong, right as the third
    {"B": 0.9},  # right
)
TWINS = np.array([True, False, False, True, False, False])


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    labels = np.array([INDEX[c] for c in TRUTH])
    return evaluate("model_1", READ, labels, np.zeros(6, int), TWINS, seed=1)


@pytest.mark.parametrize(
    ("rate", "hits", "n"),
    [
        ("accuracy", 3, 6),
        ("folded_accuracy", 4, 6),
        ("top2_accuracy", 5, 6),
        ("without_twin_accuracy", 1, 4),
    ],
)
def test_a_rate_counts_what_its_name_says(evaluation: Evaluation, rate: str, hits: int, n: int) -> None:
    assert getattr(evaluation, rate) == wilson(hits, n)


def test_where_every_image_has_a_twin_there_is_no_rate_without() -> None:
    labels = np.array([INDEX[c] for c in TRUTH])
    assert evaluate("model_1", READ, labels, np.zeros(6, int), ~TWINS | TWINS, 1).without_twin_accuracy is None


def test_the_loss_is_the_cross_entropy_in_nats(evaluation: Evaluation) -> None:
    truths = [0.6, 0.3, 0.2, 1.0, 0.05, 0.9]
    assert evaluation.loss == pytest.approx(-sum(map(math.log, truths)) / 6, rel=1e-6)


def test_a_truth_that_was_held_impossible_has_a_finite_loss() -> None:
    sure = probabilities({"A": 1.0})
    found = evaluate("model_1", sure, np.array([INDEX["B"]]), np.zeros(1, int), np.array([False]), 1)
    assert found.loss == pytest.approx(-math.log(1e-12), rel=1e-6)


def test_the_confusion_matrix_has_the_truth_in_rows(evaluation: Evaluation) -> None:
    confusion = np.array(evaluation.confusion)
    assert confusion.shape == (62, 62)
    found = {(CLASSES[t], CLASSES[r]): confusion[t, r] for t, r in zip(*confusion.nonzero(), strict=True)}
    assert found == {("o", "o"): 1, ("O", "o"): 1, ("0", "O"): 1, ("A", "A"): 1, ("A", "B"): 1, ("B", "B"): 1}


def test_the_pairs_are_the_wrong_readings_most_frequent_first() -> None:
    confusion = np.zeros((62, 62), int)
    for truth, read, count in (("0", "O", 3), ("O", "0", 5), ("l", "I", 3), ("A", "A", 9), ("O", "O", 5)):
        confusion[INDEX[truth], INDEX[read]] = count
    assert most_confused(confusion) == (
        Confusion(truth="O", read="0", count=5, share=0.5),
        Confusion(truth="0", read="O", count=3, share=1.0),
        Confusion(truth="l", read="I", count=3, share=1.0),
    )


def test_of_many_pairs_thirty_are_told() -> None:
    pairs = most_confused(np.arange(62 * 62).reshape(62, 62))
    assert len(pairs) == 30
    assert [pair.count for pair in pairs] == sorted((pair.count for pair in pairs), reverse=True)
    assert (pairs[0].truth, pairs[0].read) == ("z", "y")


def test_a_class_has_its_recall_precision_and_worst_reading(evaluation: Evaluation) -> None:
    rows = {row.character: row for row in evaluation.classes}
    assert "".join(rows) == CLASSES
    assert rows["A"] == ClassRow(
        character="A", n=2, recall=0.5, precision=1.0, most_read_as="B", most_read_as_share=0.5
    )
    assert rows["B"] == ClassRow(character="B", n=1, recall=1.0, precision=0.5, most_read_as="", most_read_as_share=0.0)
    assert rows["O"].recall == rows["O"].precision == 0.0
    assert rows["z"] == ClassRow(character="z", n=0, recall=0.0, precision=0.0, most_read_as="", most_read_as_share=0.0)


def test_recalls_weighted_by_their_images_are_the_accuracy(seed: int) -> None:
    confusion = np.random.default_rng(seed).integers(0, 5, (62, 62))
    rows = per_class(confusion)
    assert sum(row.n for row in rows) == confusion.sum()
    assert sum(row.recall * row.n for row in rows) == pytest.approx(np.trace(confusion))


@pytest.mark.parametrize(
    ("confidence", "correct", "error"),
    [
        ([1.0, 1.0], [True, True], 0.0),
        ([1.0, 1.0], [False, False], 1.0),
        ([0.8, 0.8, 0.8, 0.8, 0.8], [True, True, True, True, False], 0.0),
        ([0.9, 0.9, 0.3], [True, False, False], (0.8 + 0.3) / 3),
        ([0.62, 0.64], [True, False], 0.26 / 2),  # one bin, 0.6 ... 0.667: 1.26 against 1
        ([0.61, 0.71], [False, True], (0.61 + 0.29) / 2),  # two bins do not make up for each other
    ],
)
def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy(
    confidence: list[float], correct: list[bool], error: float
) -> None:
    assert calibration_error(np.array(confidence), np.array(correct)) == pytest.approx(error)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # R. G. Newcombe, Two-sided confidence intervals for the single proportion, Stat. Med. 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 1 - 0.1611, 1.0),
    ],
)
def test_wilsons_interval_is_the_published_one(hits: int, n: int, low: float, high: float) -> None:
    rate = wilson(hits, n)
    assert (rate.value, rate.n) == (hits / n, n)
    assert (rate.low, rate.high) == pytest.approx((low, high), abs=5e-5)


def test_images_of_one_font_have_wilsons_interval() -> None:
    hits = np.array([True] * 15 + [False] * 5)
    assert clustered(hits, np.full(20, 7), 1) == wilson(15, 20)


def test_images_of_a_font_that_err_together_tell_less() -> None:
    hits = np.repeat(np.arange(20) % 4 > 0, 50)  # 5 of 20 fonts are read all wrong
    together = clustered(hits, np.repeat(np.arange(20), 50), 1)
    apart, independent = clustered(hits, np.arange(1000), 1), wilson(750, 1000)
    assert together.value == apart.value == 0.75
    # The spread of a share of 20 fonts against that of 1000 images: sqrt(50) times as wide.
    assert (together.high - together.low) / (apart.high - apart.low) == pytest.approx(math.sqrt(50), rel=0.15)
    assert (apart.low, apart.high) == pytest.approx((independent.low, independent.high), abs=0.005)


def test_fonts_count_by_their_images() -> None:
    hits = np.array([True] * 90 + [False] * 10)
    groups = np.array([0] * 90 + [1] * 10)
    rate = clustered(hits, groups, 1)
    assert (rate.value, rate.n) == (0.9, 100)
    assert (rate.low, rate.high) == (0.0, 1.0)  # a quarter of the draws are of one font alone


def test_an_interval_repeats_and_holds_its_value(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hits, groups = rng.random(400) < 0.8, rng.integers(0, 30, 400)
    rate = clustered(hits, groups, seed)
    assert rate == clustered(hits, groups, seed)
    assert rate.low < rate.value < rate.high
    shifted = clustered(hits, groups * 7 + 100, seed)  # numbers of groups are names
    assert shifted == rate


@pytest.mark.parametrize(
    ("set_", "truth", "hits", "within"),
    [("digits", "0011", 2, 3), ("letters", "OOII", 1, 4)],
)
def test_a_foreign_set_is_scored_among_all_classes_and_among_its_own(
    set_: str, truth: str, hits: int, within: int
) -> None:
    read = {
        "digits": [{"0": 0.9}, {"O": 0.6, "0": 0.3}, {"1": 0.9}, {"l": 0.6, "7": 0.3}],
        "letters": [{"O": 0.9}, {"0": 0.6, "O": 0.3}, {"l": 0.5, "I": 0.4}, {"1": 0.7, "I": 0.2}],
    }[set_]
    found = external("model_1", set_, "prepared", probabilities(*read), np.array([INDEX[c] for c in truth]))
    assert (found.accuracy, found.accuracy_within) == (wilson(hits, 4), wilson(within, 4))


def test_a_text_is_read_glyph_by_glyph_with_the_three_likeliest() -> None:
    table = probabilities({"A": 0.7, "4": 0.2, "R": 0.06}, {"D": 0.5, "P": 0.5})
    found = read_text("AP", "model_1", "prepared", table, ["a.png", "p.png"], Kinds())
    assert (found.text, found.read) == ("AP", "AD")
    assert (found.one_kind, found.kind) == ("AD", "capitals")
    assert [glyph.truth for glyph in found.glyphs] == ["A", "P"]
    assert [glyph.name for glyph in found.glyphs] == ["a.png", "p.png"]
    assert [character for character, _ in found.glyphs[0].top] == ["A", "4", "R"]
    assert [share for _, share in found.glyphs[0].top] == pytest.approx([0.7, 0.2, 0.06])
    assert [c for c, _ in found.glyphs[1].top[:2]] == ["D", "P"]  # of equals the first class


def test_a_text_has_as_many_glyphs_as_characters() -> None:
    with pytest.raises(ValueError, match="shorter"):
        read_text("APR", "model_1", "prepared", probabilities({"A": 1.0}, {"P": 1.0}), ["a", "p"], Kinds())


def epochs(*losses: tuple[float, float]) -> list[Epoch]:
    return [
        Epoch(epoch=i, loss=t, accuracy=0, val_loss=v, val_accuracy=0, seconds=1, images_per_second=1)
        for i, (t, v) in enumerate(losses, 1)
    ]


DECK_1 = [(0.92, 0.48), (0.42, 0.37), (0.33, 0.33), (0.28, 0.3226), (0.24, 0.33), (0.20, 0.36), (0.17, 0.41)]


@pytest.mark.parametrize(
    ("losses", "epoch"),
    [
        (DECK_1, 5),  # lowest in epoch 4, as on the slide of model 1
        (DECK_1[:4], None),  # the last is the lowest
        ([(3.0, 2.0), (1.0, 1.0), (0.9, 1.015), (0.8, 1.019)], None),  # flat: less than 2 %
        ([(3.0, 2.0), (1.0, 1.0), (0.9, 1.015), (0.8, 1.021)], 3),
        ([(3.0, 2.0), (1.0, 1.0), (0.9, 1.5), (0.8, 0.99)], None),  # rose and came back
        ([(3.0, 2.0), (1.0, 1.0), (1.2, 1.5)], None),  # training got worse as well: not overfitting
        ([(1.0, 1.0), (0.5, 1.2)], 2),
        ([(1.0, 1.0)], None),
    ],
)
def test_overfitting_starts_after_the_lowest_validation_loss_if_it_rose_for_good(
    losses: list[tuple[float, float]], epoch: int | None
) -> None:
    assert overfits_from(epochs(*losses)) == epoch
