"""The report of a search in a space other than the deck's: more axes, a learning rate, many values, old results."""

from itertools import pairwise

import numpy as np
import pytest
import sample_result as sample

from charrec.report import plots, rows, search_rows, sentences, tables
from charrec.report.page import render
from charrec.report.settings import settings
from charrec.report.summary import _chosen
from charrec.results import StudyResult
from charrec.study import FULL, Choices

RATES = (0.00003, 0.0003, 0.001, 0.003)


@pytest.fixture(scope="module")
def result() -> StudyResult:
    """The sample's study, had it searched for the learning rate and among 64 numbers of units too."""
    plain, units = sample.study_result(), tuple(range(128, 128 + 64 * 8, 8))
    rates = dict(enumerate(np.random.default_rng(1).choice(RATES, 1000).tolist()))

    def at(configuration: int, network: dict[str, int | float]) -> dict[str, int | float]:
        return network | {"learning_rate": rates[configuration], "units": units[configuration % 64]}

    trials = tuple(t.model_copy(update={"network": at(t.configuration, t.network)}) for t in plain.search.trials)
    space = plain.search.space | {"units": tuple(map(float, units)), "learning_rate": RATES}
    found = plain.search.model_copy(update={"trials": trials, "space": space, "chosen": trials[0].network})
    asked = FULL.search.model_copy(update={"space": Choices(units=units, learning_rate=RATES)})
    return plain.model_copy(update={"search": found, "study": FULL.model_copy(update={"search": asked})})


def test_every_line_crosses_the_axis_of_the_learning_rate_at_its_trials(result: StudyResult) -> None:
    axes = plots.axes(result)
    rate = next(axis for axis in axes if axis.name == "learning_rate")
    assert [label for _, label in rate.ticks] == ["3e-05", "0.0003", "0.001", "0.003"]
    heights = [y for y, _ in rate.ticks]
    assert np.ptp(np.diff(heights)) < 0.2  # evenly, as a logarithm's would be
    networks = {t.trial: t.network for t in result.search.trials}
    for line in plots.lines(result, axes):
        y = line.heights[axes.index(rate)]
        label = min(rate.ticks, key=lambda tick: abs(tick[0] - y))[1]
        assert label == f"{networks[line.trial]['learning_rate']:g}"
    assert [axis.x for axis in axes] == sorted({axis.x for axis in axes})


def test_labels_of_many_values_do_not_lie_on_one_another(result: StudyResult) -> None:
    axes = {axis.name: axis for axis in plots.axes(result)}
    assert len(axes["units"].ticks) == 64 and axes["learning_rate"].every == axes["accuracy"].every == 1
    for axis in axes.values():
        shown = [y for y, _ in axis.ticks[:: axis.every]]
        assert all(abs(a - b) >= plots.LABEL - 0.2 for a, b in pairwise(shown)), axis.name


def test_tables_have_the_learning_rate_and_what_was_tried(result: StudyResult) -> None:
    trials = tables.trials(result)
    assert trials["learning_rate"].tolist() == [t.network["learning_rate"] for t in result.search.trials]
    assert "learning_rate" in set(tables.importance(result)["hyperparameter"])
    name, searched, ours, theirs, apart = (cell.text for cell in search_rows.chosen(result).rows[-1])
    assert (name, searched, theirs, apart) == ("learning_rate", "3e-05, 0.0003, 0.001, 0.003", "\u2014", "\u2014")
    assert ours == f"{result.search.chosen['learning_rate']:g}"
    assert f"learning_rate {ours}" in _chosen(result)


def test_the_page_says_what_was_searched_and_that_it_is_not_the_decks(result: StudyResult) -> None:
    page = render(result, sample.pictures(result.study, 0), [])
    assert "learning_rate (Adam’s step size)" in page
    assert 'visibility="hidden"' in page
    points = result.study.search.space.points
    assert f"a search of {points:,} points instead of 720" in sentences.differences(result)
    assert "points instead of" not in str(sentences.differences(sample.study_result()))


def test_every_list_is_among_the_settings_and_an_empty_one_a_dash(result: StudyResult) -> None:
    for study, shown in ((result.study, "3e-05, 0.0003, 0.001, 0.003"), (FULL, "\u2014")):
        here = {row[0].text: row[1] for row in rows.study(study)}
        assert here["search.space.learning_rate"].text == shown
        assert (here["search.space.learning_rate"].kind == "wrong") is (study is not FULL)
        there = {name: text for name, text, _ in settings(study)}
        assert (there["search.space.filters_hp_1"], there["search.space.learning_rate"]) == ("16, 32", shown)


def test_a_result_from_before_there_was_a_choice_is_the_same(result: StudyResult) -> None:
    old = sample.study_result().model_dump_json()
    assert '"space"' in old and '"learning_rate"' not in old  # what was searched, and no setting
    assert StudyResult.model_validate_json(old).study == FULL
    assert StudyResult.model_validate_json(result.model_dump_json()) == result
