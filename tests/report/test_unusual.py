"""Pages of studies that are unlike the sample: few or no, equal, many, huge and long ones of whatever a page shows."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import sample_result as sample
from browser import SIZES, Browser

from charrec import alphabet
from charrec.report import comparison, histories, page, plots, rows, search_rows, search_sentences, sentences, words
from charrec.report.curves import curve_limits, exceeded
from charrec.report.importance import Contrast, Importance, importances
from charrec.report.language import spoken
from charrec.report.shifts import fleet
from charrec.report.tables import trials
from charrec.report.templates import content
from charrec.report.theme import THEMES
from charrec.report.timeline import _label
from charrec.results import Bin, Confusion, Epoch, Evaluation, Rate, StudyResult, TextReading, TrainingResult, TrialRow
from charrec.study import FULL, Search
from charrec.sweep.schedule import schedule

LONG = "A" * 100  # as long as a text may be
C = alphabet.CLASSES


def plain(text: str) -> str:
    return text.replace(words.NBSP, " ")


def searched(result: StudyResult, found: tuple[TrialRow, ...]) -> StudyResult:
    """The study, had its search had these trials."""
    search = result.search.model_copy(update={"trials": found, "epochs": sum(one.epochs for one in found)})
    made = {"search": search, "search_curves": sample.search_curves(search), "timeline": sample.timeline(found)}
    return result.model_copy(update=made)


def with_one_trial(result: StudyResult) -> StudyResult:
    first = {"trial": "0000", "configuration": 0, "bracket": 0, "rung": 0, "epochs": 1}
    short = result.study.search.model_copy(update={"max_epochs": 1})
    asked = result.model_copy(update={"study": result.study.model_copy(update={"search": short})})
    return searched(asked, (result.search.trials[0].model_copy(update=first),))


def without_images_of(c: str, evaluated: Evaluation) -> Evaluation:
    """No validation image shows the class, and none is read as it."""
    at, counts = C.index(c), np.array(evaluated.confusion)
    counts[at], counts[:, at] = 0, 0
    gone = {"n": 0, "recall": 0.0, "precision": 0.0, "most_read_as": "", "most_read_as_share": 0.0}
    classes = [row.model_copy(update=gone) if row.character == c else row for row in evaluated.classes]
    return evaluated.model_copy(update={"confusion": tuple(map(tuple, counts.tolist())), "classes": tuple(classes)})


def with_one_mistake(evaluated: Evaluation) -> Evaluation:
    """Each class has one image; that of 1 is read as l, and everything else as what it is."""
    counts = np.eye(62, dtype=int)
    counts[C.index("1"), [C.index("1"), C.index("l")]] = 0, 1
    pair = Confusion(truth="1", read="l", count=1, share=1.0)
    classes = [row.model_copy(update={"n": 1, "recall": float(row.character != "1")}) for row in evaluated.classes]
    made = {"confusion": tuple(map(tuple, counts.tolist())), "pairs": (pair,), "classes": tuple(classes)}
    return evaluated.model_copy(update=made)


def only(result: StudyResult, model: str, called: str = "") -> StudyResult:
    """Of all networks this one alone, by another name if it is given one."""
    named = {"model": called or model}
    parts = ("trainings", "evaluations", "external", "texts", "text_rates", "reliability", "slices")
    own = {
        part: tuple(one.model_copy(update=named) for one in getattr(result, part) if one.model == model)
        for part in parts
    }
    return result.model_copy(update=own | {"gains": ()})


def spelt(text: str) -> TextReading:
    own = sample.readings(FULL.model_copy(update={"texts": ("A",)}), np.random.default_rng(0))[0]
    return own.model_copy(update={"text": text, "model": "model_2", "read": text, "glyphs": own.glyphs * len(text)})


# The search.


def test_a_search_of_one_trial_has_words_and_a_drawing_of_its_own(full: StudyResult) -> None:
    result = with_one_trial(full)
    learning = plots.learning(result)
    assert learning and [x for x, _ in learning.epochs] == [(plots.LEFT + plots.WIDTH - plots.RIGHT) / 2]
    assert plain(search_sentences.timeline_story(fleet(result))).startswith("One worker had the only trial, for 54 s.")
    assert plain(_label(fleet(result))).startswith("Timeline of 1 worker, with 1 bar, one for each time")
    assert [row[2].text for row in search_rows.rungs(result).rows] == ["1"]  # its epochs, and not 1 to 1
    html = page.render(result, sample.pictures(result.study, 0), [])
    assert "Each dot is a configuration after its only epoch." in html
    assert "This search does not tell which hyperparameter matters" in html


def test_equal_accuracies_are_called_the_same(full: StudyResult) -> None:
    result = searched(full, tuple(one.model_copy(update={"val_accuracy": 0.9}) for one in full.search.trials))
    assert "The best 5 have the same accuracy." in search_sentences.search_story(result, comparable=True)
    found = importances(trials(result), result.search.space, 0)
    story = search_sentences.importance_story([(one, None) for one in found])
    assert story == "High and low values of every hyperparameter came to the same accuracy in the mean."
    top = min(tick[0] for tick in plots.axes(result)[-1].ticks)
    assert all(line.heights[-1] == top for line in plots.lines(result, plots.axes(result)))


@pytest.mark.parametrize("difference", [0.0, 0.00004, -0.00004])
def test_a_difference_that_is_shown_as_0_has_no_sign(difference: float) -> None:
    assert plain(words.points(difference)) == "0.00 points"
    assert words.points_between(difference, 0.01) == "0.00 to +1.00"
    with spoken("fr"):
        assert plain(words.points(difference)) == "0,00 point"


def test_an_accuracy_of_100_percent_is_called_so() -> None:
    for others in (0.9, 1.0):
        scale = plots.Errors.of([others, 1.0])
        assert plain(scale.ticks[0][1]) == "100.0 %" and scale.y(1.0) == plots.TOP
        assert scale.y(0.99) > scale.y(0.999) > scale.y(0.9995)


def test_every_bracket_that_a_search_may_have_has_a_colour_and_dashes_of_its_own() -> None:
    most = max(len({one.bracket for one in schedule(Search(max_epochs=243, factor=factor))}) for factor in (2, 3))
    css = content("report.css")
    for theme in THEMES:
        assert len(set(theme.brackets)) == len(theme.brackets) == most
    assert all(f".b{place}{{stroke:var(--bracket-{place})" in css for place in range(most))


@pytest.mark.parametrize("factor", [2, 3])
def test_how_many_are_promoted_is_what_the_study_says(full: StudyResult, factor: int) -> None:
    study = full.study.model_copy(update={"search": full.study.search.model_copy(update={"factor": factor})})
    story = search_sentences.ladders(full.model_copy(update={"study": study}))
    assert f"the best go on to the next, about 1 in {factor}, with more epochs" in plain(story)


def test_epochs_of_neighbouring_rungs_have_no_labels_on_one_another(full: StudyResult) -> None:
    ends = (1, 2, 4, 8, 243)
    row = full.search.trials[0]
    made = tuple(row.model_copy(update={"trial": f"{k:04d}", "epochs": end}) for k, end in enumerate(ends))
    learning = plots.learning(searched(full, made))
    assert learning and len(learning.epochs) == len(ends)  # each has its line
    shown = [(x, label) for x, label in learning.epochs if label]
    assert [label for _, label in shown] == ["4", "8", "243"]
    assert all(after - here >= plots.LABEL for (here, _), (after, _) in pairwise(shown))


def test_a_search_that_failed_took_no_time_that_is_compared(full: StudyResult) -> None:
    failed = searched(full, ())
    took = [[cell.text for cell in row[1:]] for row in comparison.search(failed, full).rows if row[0].text == "Time"]
    assert took == [[words.NONE, words.duration(full.search.seconds)]]


def test_many_values_of_a_hyperparameter_are_shown_as_a_range(full: StudyResult) -> None:
    units = tuple(float(8 * k) for k in range(1, 41))
    result = full.model_copy(update={"search": full.search.model_copy(update={"space": {"units": units}})})
    assert [row[1].text for row in search_rows.chosen(result).rows if row[0].text == "units"] == ["40 values, 8 to 320"]
    halves = Contrast(0.01, -0.01, 0.03, units[20:], units[:20])
    middle = Contrast(0.01, 0.002, 0.03, units[10:30], units[:10] + units[30:])
    story = search_sentences.importance_story([(Importance("units", halves, middle, ()), None)])
    assert story.endswith("(88–240) units is 1.00\xa0points better than at the ends (8–80, 248–320).")


def test_hundreds_of_lines_are_thin(full: StudyResult, tmp_path: Path, opened: Browser) -> None:
    row = full.search.trials[0]
    made = tuple(row.model_copy(update={"trial": f"{k:04d}", "configuration": k}) for k in range(120))
    path = tmp_path / "report.html"
    path.write_text(page.render(searched(full, made), sample.pictures(FULL, 0), []), encoding="utf-8")
    opened.open(path)
    width = opened.run("getComputedStyle(document.querySelector('.lines .q1:not(.chosen)')).strokeWidth")
    assert float(width.removesuffix("px")) < 1.2  # which the lesser lines of a few have


# The training.


def loud(full: StudyResult, loss: float) -> StudyResult:
    """Model 3 had this validation loss in its 10th epoch."""
    own = full.trainings[2]
    rows = [row.model_copy(update={"val_loss": loss}) if row.epoch == 10 else row for row in own.epochs]
    made = [own.model_copy(update={"epochs": tuple(rows)}) if one is own else one for one in full.trainings]
    return full.model_copy(update={"trainings": tuple(made)})


def test_an_epoch_in_which_a_network_broke_down_does_not_flatten_the_curves(full: StudyResult) -> None:
    broken = loud(full, 5123.4)
    assert curve_limits(broken, "loss")[1] < 3 < curve_limits(loud(full, 3.0), "loss")[1]
    assert exceeded(broken) and not exceeded(full) and not exceeded(full.model_copy(update={"trainings": ()}))
    said = "A loss beyond the scale lies on its upper edge."
    assert said in page.render(broken, sample.pictures(FULL, 0), [])


def history(accuracies: list[float], losses: list[float], overfits: int | None = None) -> TrainingResult:
    own = sample.study_result().trainings[0]
    epochs = [
        Epoch(epoch=k, loss=loss, accuracy=one, val_loss=loss, val_accuracy=one, seconds=1, images_per_second=1)
        for k, (one, loss) in enumerate(zip(accuracies, losses, strict=True), 1)
    ]
    best = accuracies.index(max(accuracies)) + 1
    return own.model_copy(update={"epochs": tuple(epochs), "best_epoch": best, "overfits_from": overfits})


def drawn(full: StudyResult, *trained: TrainingResult) -> list[histories.History]:
    named = [one.model_copy(update={"model": f"model_{k}"}) for k, one in enumerate(trained, 1)]
    found = histories.histories(full.model_copy(update={"trainings": tuple(named)}), reference_too=False)
    return [panel for panels in found.values() for panel in panels]


def test_a_scale_up_to_100_percent_says_so(full: StudyResult) -> None:
    panel = drawn(full, history([0.0, 1.0], [4.0, 0.1]))[0]
    assert [plain(label) for _, label in panel.ticks] == ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]


def test_no_text_of_a_curve_at_the_edge_lies_on_another(full: StudyResult) -> None:
    """A line along the lower or the upper edge, and one that always was 0."""
    low, high = history([0.0] * 9 + [0.001], [4.0] * 10, overfits=2), history([1.0] * 10, [0.0] * 10)
    for panel in [*drawn(full, low, high), *drawn(full, high)]:
        assert max(y for y, _, _ in panel.names) <= histories.LOWEST  # below stand the epochs
        assert abs(panel.names[0][0] - panel.names[1][0]) >= histories.APART - 0.2
        if panel.band is not None:
            assert abs(panel.overfits.y - panel.best_label.y) >= histories.APART


def test_a_single_epoch_tells_nothing_of_overfitting() -> None:
    story = plain(sentences.overfitting(history([0.5], [2.0])))
    assert story.startswith("Model 1 was trained for one epoch, which does not tell whether it overfits")


def test_a_training_under_way_has_no_verdict_and_no_difference(full: StudyResult) -> None:
    ended = full.trainings[0]
    early = ended.model_copy(update={"epochs": ended.epochs[:2], "best_epoch": 2, "overfits_from": None, "backend": ""})
    story = plain(sentences.overfitting(early))
    assert story.startswith("Model 1 is not trained to its end: so far its validation loss was lowest, ")
    shown = {row[0].text: row[1] for row in rows.comparison(full.model_copy(update={"trainings": (early,)})).rows}
    assert (shown["Best epoch"].text, shown["Best epoch"].note) == ("2 of 2 so far", "ref. 5")
    assert shown["Overfits from epoch"].text == words.NONE
    note = plain(shown["Lowest validation loss"].note)
    assert note.startswith("epoch 2") and note.endswith("epoch 4")  # the reference's, and no difference from it


# The data, and what the networks read of it.


def test_what_the_data_have_none_of_is_said_in_words(full: StudyResult) -> None:
    none = {"validation_with_twin": 0, "unavoidable": 0, "unavoidable_validation": 0, "distinct": full.data.images}
    result = full.model_copy(update={"data": full.data.model_copy(update=none)})
    origin, memory, errors = sentences.data_story(result)
    assert "No two of them are the same picture." in origin
    assert memory.startswith("No validation image has a twin") and errors.startswith("No picture has two labels")
    assert "No classifier" in sentences.lead(full) and "No classifier" not in sentences.lead(result)


def test_what_the_data_have_one_of_is_in_the_singular(full: StudyResult) -> None:
    one = dict.fromkeys(("groups", "fonts", "distinct", "validation_with_twin", "unavoidable"), 1)
    data = full.data.model_copy(update=one | {"validation": 1, "unavoidable_validation": 0})
    result = full.model_copy(update={"data": data})
    told = plain(" ".join([*sentences.data_story(result), sentences.lead(result)]))
    for text in (
        "1 font.",
        "1 group in all",
        "1 different picture.",
        "1 validation image (",
        "1 image (",
        "on 1 other.",
    ):
        assert text in told, text
    assert "The validation part has none of them." in told


def test_a_class_without_images_has_no_recall_and_one_without_answers_no_precision(full: StudyResult) -> None:
    table = rows.classes(without_images_of("0", full.evaluations[0]))
    shown = {row[0].text: [cell.text for cell in row[1:3]] for row in table.rows}
    assert shown.pop("0") == [words.NONE, words.NONE]
    assert all(words.NONE not in cells for cells in shown.values())


def test_a_class_without_images_is_not_among_those_that_changed_most(full: StudyResult) -> None:
    lacking = tuple(without_images_of("0", one) for one in full.evaluations)
    table = comparison.classes(full, full.model_copy(update={"evaluations": lacking}))
    assert "0" not in {row[0].text for row in table.rows}


def test_parts_that_are_read_alike_have_no_best_one(full: StudyResult) -> None:
    right = Rate(value=1.0, low=0.9, high=1.0, n=9)
    parts = tuple(one.model_copy(update={"accuracy": right}) for one in full.slices)
    story = sentences.slice_story(full.model_copy(update={"slices": parts}), full.evaluations[0])
    assert plain(story).endswith("By weight, model 1 reads all parts alike (100.0 %).")


def test_a_single_mistake_is_one_time(full: StudyResult) -> None:
    story = plain(sentences.confusion_story(with_one_mistake(full.evaluations[0])))
    assert "Model 1 made 1 mistake on" in story and "digit 1 read as small l: 1 time, or 100.0 %" in story


def test_answers_that_are_all_equally_sure_are_said_once(full: StudyResult) -> None:
    sure = (Bin(low=14 / 15, high=1, n=9, confidence=1.0, accuracy=1.0),)
    one = full.reliability[0].model_copy(update={"bins": sure, "tempered": sure})
    label = plain(page._diagram(one)["label"])
    assert label == "Reliability of model 1: all answers have a probability near 100.0 %, 100.0 % are right"


def test_one_network_is_compared_with_the_reference_in_the_singular_or_not_at_all(full: StudyResult) -> None:
    result = only(full, "model_2")
    assert sentences.against_reference(result).endswith("; its interval contains the reference’s figure.")
    far = result.evaluations[0].accuracy.model_copy(update={"low": 0.99, "high": 1.0})
    apart = result.model_copy(update={"evaluations": (result.evaluations[0].model_copy(update={"accuracy": far}),)})
    assert sentences.against_reference(apart).endswith("; its interval does not contain the reference’s figure.")
    own = only(full, "model_2", "model_5")
    assert "Against the reference" not in page.render(own, sample.pictures(FULL, 0), [])


# Numbers, names, and the width of the page.


def test_a_rung_that_has_not_begun_has_no_time(full: StudyResult) -> None:
    last = tuple(one for one in full.search.trials if one.bracket == 0)
    shown = [[cell.text for cell in row] for row in search_rows.rungs(searched(full, last)).rows]
    assert len(shown) > 1 and [row[0] for row in shown if row[-1] != words.NONE] == ["0"]


def test_equal_gpus_are_counted() -> None:
    assert words.gpus(("H100", "H100", "A10")) == "2 \u00d7 H100 and A10"
    assert words.gpus(()) == "no GPU"


def test_a_text_that_nothing_read_is_shown_all_the_same(full: StudyResult) -> None:
    html = page.render(full.model_copy(update={"texts": (), "text_rates": ()}), sample.pictures(FULL, 0), [])
    assert html.count('<div class="read">') == len(FULL.texts)


@pytest.fixture(scope="module")
def odd(full: StudyResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One trial, one value of units, one mistake, no image of 0, and the longest text and reason of a failure."""
    result = only(with_one_trial(full), "model_2")
    evaluated = without_images_of("0", with_one_mistake(result.evaluations[0]))
    space = result.search.space | {"units": (288.0,)}
    search = result.search.model_copy(update={"space": space, "seconds": 26_810.0})  # hours
    study = result.study.model_copy(update={"texts": (LONG,)})
    rate = result.text_rates[0].model_copy(update={"text": LONG})
    made = {"study": study, "evaluations": (evaluated,), "search": search, "failures": {"model_4": "x" * 300}}
    result = result.model_copy(update=made | {"texts": (spelt(LONG),), "text_rates": (rate,)})
    path = tmp_path_factory.mktemp("odd") / "report.html"
    path.write_text(page.render(result, sample.pictures(study, 18), []), encoding="utf-8")
    return path


@pytest.mark.parametrize("size", list(SIZES))
def test_long_names_do_not_widen_the_page(size: str, odd: Path, opened: Browser) -> None:
    opened.said.clear()
    opened.open(odd, size=size)
    assert opened.run("document.documentElement.scrollWidth") == SIZES[size][0]
    covered = "[...document.querySelectorAll('#texts .pin th:first-child')].some(th => th.scrollWidth > th.clientWidth)"
    assert opened.run(covered) is False
    scrolls = "[...document.querySelectorAll('{}')].some(one => one.scrollWidth > one.clientWidth)"
    assert opened.run(scrolls.format(".read .strip")) is False
    if size == "wide":  # no column of the search's tables is out of sight
        assert opened.run(scrolls.format("#search .scroll")) is False
    assert opened.said == []


def test_what_there_is_one_or_none_of_answers_all_the_same(odd: Path, opened: Browser) -> None:
    opened.said.clear()
    opened.open(odd)
    opened.run("document.querySelector('[data-order=alike]').click()")
    assert opened.run("document.getElementById('matrix-said').textContent") == "1 mistake"
    said = "document.querySelector('#seen p').textContent"
    assert opened.run(said) == "Its only image. Below it is the answer with its probability."
    for c, told in (
        ("0", "No validation image shows it."),
        ("1", "Its only image was misread."),
        ("2", "Its only image was"),
    ):
        opened.run(f"document.querySelector('#classes tr[data-k=\"{c}\"] button').click()")
        assert opened.run(said).startswith(told)
    assert opened.run(said) == "Its only image was read correctly."
    opened.run("document.querySelector('[aria-label=\"units, lower end\"]').focus()")
    opened.key("ArrowUp")  # there is one stop
    opened.run("document.querySelector('[aria-label=\"filters_hp_3, lower end\"]').focus()")
    opened.key("ArrowUp")
    kept = "document.getElementById('kept').textContent"
    assert opened.run(kept) == "0 of 1 trial: filters_hp_3 128"
    opened.run("document.getElementById('all-trials').click()")
    opened.run("document.querySelector('.lines').focus()")
    opened.key("ArrowDown")
    assert opened.run(kept).startswith("trial 0000, configuration 0:")
    assert opened.said == []
