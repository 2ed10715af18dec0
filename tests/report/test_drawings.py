"""What the page draws: the matrix in its four views, the search's lines and curves, the sprite of misread images."""

import io

import numpy as np
import pytest
import sample_result as sample
from PIL import Image

from charrec import alphabet
from charrec.report import histories, page, pixels, plots, words
from charrec.report.curves import LOUD, curve_limits
from charrec.report.language import spoken
from charrec.report.look_alikes import folded, order
from charrec.report.matrix import views

C = alphabet.CLASSES


def test_every_view_has_all_mistakes_and_the_folded_ones_those_between_letters() -> None:
    evaluation = sample.study_result().evaluations[2]
    counts = np.array(evaluation.confusion)
    wrong = int(counts.sum() - np.trace(counts))
    fold = np.array(alphabet.FOLDED)
    case = int(counts[fold[:, None] == fold[None, :]].sum() - np.trace(counts))
    found = {view.name: view for view in views(evaluation)}
    assert list(found) == ["62 alphabet", "62 alike", "36 alphabet", "36 alike"]
    for name, view in found.items():
        expected = wrong if name.startswith("62") else wrong - case
        assert view.errors == expected == sum(square.count for square in view.squares)
        assert len(view.labels) == int(name[:2])
        at = {character: place for place, character, _ in view.labels}
        assert all((square.x, square.y) == (at[square.read], at[square.truth]) for square in view.squares)


def test_look_alikes_stand_side_by_side() -> None:
    counts = 100 * np.eye(62, dtype=int)
    for pair in ("0O", "Oo", "1l", "lI", "5S"):
        counts[C.index(pair[0]), C.index(pair[1])] = 30
    placed = "".join(C[k] for k in order(counts))
    assert sorted(placed) == sorted(C)
    for group in ("0Oo", "1lI", "5S"):
        places = sorted(placed.index(c) for c in group)
        assert places == list(range(places[0], places[0] + len(group))), group


def test_the_order_of_a_matrix_without_mistakes_is_the_alphabet() -> None:
    assert order(np.eye(62, dtype=int)) == list(range(62))


def test_folding_adds_the_counts_of_both_cases() -> None:
    counts = np.zeros((62, 62), int)
    counts[C.index("a"), C.index("B")] = 2
    counts[C.index("A"), C.index("b")] = 3
    smaller = folded(counts, np.array(alphabet.FOLDED))
    assert smaller.shape == (36, 36) and smaller[10, 11] == 5 == smaller.sum()


def test_each_trial_crosses_the_axes_at_its_values() -> None:
    result = sample.study_result()
    axes = plots.axes(result)
    lines = plots.lines(result, axes)
    done = {t.trial: t for t in result.search.trials if t.val_accuracy is not None}
    assert [axis.name for axis in axes][-2:] == ["epochs", "accuracy"]
    assert {line.trial for line in lines} == set(done)
    for line in lines:
        values = {**done[line.trial].network, "epochs": done[line.trial].epochs}
        for axis, height in zip(axes[:-1], line.heights, strict=False):
            y, label = min(axis.ticks, key=lambda tick: abs(tick[0] - height))
            assert label == f"{values[axis.name]:g}" and abs(y - height) <= plots.APART / 2 + 0.1
    heights = [line.heights[-1] for line in lines]  # the best is drawn last, and highest
    assert heights == sorted(heights, reverse=True) and lines[-1].chosen


def test_a_curve_ends_where_its_trial_ends_and_tells_who_was_promoted() -> None:
    result = sample.study_result()
    learning = plots.learning(result)
    assert learning
    ended = [t for t in result.search.trials if t.val_accuracy is not None]
    assert sum(len(curve.ends) for curve in learning.curves) == len(ended)
    promoted = len(ended) - len({t.configuration for t in ended})
    assert sum(end.promoted for curve in learning.curves for end in curve.ends) == promoted > 0
    for curve in learning.curves:
        points = {tuple(map(float, point.split(","))) for point in curve.points.split()}
        assert {(end.x, end.y) for end in curve.ends} <= points


def test_an_older_result_draws_lines_between_the_ends_of_trials() -> None:
    result = sample.study_result().model_copy(update={"search_curves": ()})
    learning = plots.learning(result)
    assert learning and all(len(curve.points.split()) == len(curve.ends) for curve in learning.curves)


def test_a_scale_of_accuracies_keeps_them_apart_near_the_top() -> None:
    scale = plots.Errors.of([0.5, 0.9, 0.99])
    assert scale.y(0.5) > scale.y(0.9) > scale.y(0.99)
    assert scale.y(0.98) - scale.y(0.99) > scale.y(0.5) - scale.y(0.51)
    flat = plots.Errors.of([1.0, 1.0])
    assert np.isfinite([flat.y(1.0), flat.y(0.0)]).all()


def test_a_sprite_holds_every_image_in_its_place() -> None:
    images = np.stack([np.full((8, 8), 17 * k, np.uint8) for k in range(7)])
    with Image.open(io.BytesIO(pixels.sprite(images, 3))) as picture:
        sheet = np.asarray(picture.convert("L"))
    assert sheet.shape == (24, 24)
    assert [sheet[8 * (k // 3) + 4, 8 * (k % 3) + 4] for k in range(7)] == [17 * k for k in range(7)]
    assert (sheet[16:, 8:] == 255).all()


def test_large_images_shrink_and_small_ones_stay() -> None:
    images = np.zeros((2, 128, 128), np.uint8)
    assert pixels.small(images, 32).shape == (2, 32, 32)
    assert pixels.small(images[:, :20, :20], 32).shape == (2, 20, 20)
    assert pixels.small(images[:0], 32).shape == (0, 32, 32)


def test_a_training_curve_goes_through_its_epochs_and_names_the_best_one() -> None:
    result = sample.study_result()
    drawn = histories.histories(result, reference_too=True)
    assert list(drawn) == [one.model for one in result.trainings]
    for training in result.trainings:
        accuracy, loss = drawn[training.model]
        assert all(len(line.split()) == len(training.epochs) for line in (accuracy.training, loss.validation))
        best = training.epochs[training.best_epoch - 1]
        assert f"{accuracy.best[0]:g},{accuracy.best[1]:g}" in accuracy.validation.split()
        assert accuracy.best_label.text == f"{words.percent(best.val_accuracy, 1)}, epoch\u00a0{training.best_epoch}"
        lowest = max(training.epochs, key=lambda row: -row.val_loss)
        assert loss.best_label.text == f"{lowest.val_loss:.3f}, epoch\u00a0{lowest.epoch}"
        for panel in (accuracy, loss):
            assert abs(panel.names[0][0] - panel.names[1][0]) >= histories.APART - 0.2
            assert all(histories.TOP <= y <= histories.BOTTOM for y, _ in panel.ticks) and 3 <= len(panel.ticks) <= 7
        assert (accuracy.band is None) == (training.overfits_from is None) and accuracy.dots == []


@pytest.mark.parametrize("which", ["full", "tiny"])
def test_the_label_of_the_best_epoch_lies_on_no_line(which: str) -> None:
    """In the middle, at either end, between the lines, and where few epochs make them steep."""
    result = sample.study_result() if which == "full" else sample.tiny_result()
    drawn = histories.histories(result, reference_too=True)
    for panel in (panel for panels in drawn.values() for panel in panels):
        left, top, right, bottom = histories.covered(panel.best_label)
        for line in (panel.training, panel.validation):
            xs, ys = np.array([point.split(",") for point in line.split()], float).T
            behind = np.interp(inside := np.linspace(max(left, xs[0]), min(right, xs[-1]), 200), xs, ys)
            assert not ((top < behind) & (behind < bottom)).any(), (panel.about, inside[0])
        assert left >= histories.LEFT - 8 and right <= histories.RIGHT + 2 and bottom <= histories.BOTTOM


def test_a_training_curve_of_one_epoch_is_a_dot_on_each_line_with_french_words() -> None:
    result = sample.tiny_result()
    first = result.trainings[0].model_copy(update={"epochs": result.trainings[0].epochs[:1], "best_epoch": 1})
    with spoken("fr"):
        panel, _ = histories.histories(result.model_copy(update={"trainings": (first,)}), False)["model_1"]
    assert [name for _, _, name in panel.dots] == ["training", "validation"]
    assert sorted(name for _, _, name in panel.names) == ["entraînement", "validation"]
    assert panel.best_label.text.endswith(" à l’époque\u00a01") and [label for _, label in panel.epochs] == ["1"]


def test_a_first_epoch_of_an_exploding_loss_does_not_flatten_the_others() -> None:
    result = sample.study_result()
    one = result.trainings[0]
    before = curve_limits(result, "loss")
    first = one.epochs[0].model_copy(update={"loss": 60.0})
    loud = one.model_copy(update={"epochs": (first, *one.epochs[1:])})
    shown = result.model_copy(update={"trainings": (loud, *result.trainings[1:])})
    later = max(max(row.loss, row.val_loss) for each in shown.trainings for row in each.epochs[1:])
    assert before[1] <= curve_limits(shown, "loss")[1] == pytest.approx(1.05 * LOUD * later)
    assert all(
        len(panel.ticks) <= 7 for panels in histories.histories(shown, reference_too=False).values() for panel in panels
    )


def test_a_study_without_texts_has_no_section_of_them() -> None:
    result = sample.study_result()
    update = {"study": result.study.model_copy(update={"texts": ()}), "texts": (), "text_rates": ()}
    bare = result.model_copy(update=update)
    written = page.render(bare, sample.pictures(bare.study), [])
    assert 'id="texts"' not in written and "#texts" not in written and "New images of" not in written
