"""The timeline of a search's workers, and what it says of them in sum."""

import re
from itertools import pairwise

import numpy as np
import pytest
import sample_result as sample

from charrec.report import search_rows, search_sentences, tables
from charrec.report.shifts import fleet
from charrec.report.timeline import ALL, BOTTOM, LEFT, LOW, RIGHT, TOP, WIDTH, Bar, drawing
from charrec.results import Stretch, StudyResult, Timeline
from charrec.study import Search
from tests.report import sample_timeline
from tests.report.sample_timeline import LEASE


@pytest.fixture(scope="module")
def result() -> StudyResult:
    return sample.study_result()


def timed(result: StudyResult, *stretches: Stretch) -> StudyResult:
    return result.model_copy(update={"timeline": Timeline(began="2026-11-28T08:00:00+00:00", stretches=stretches)})


def stretch(worker: str, begin: float, end: float | None, how: str = "completed", trial: str = "0000") -> Stretch:
    return Stretch.model_validate(
        {"worker": worker, "trial": trial, "configuration": int(trial), "bracket": 2, "rung": 0, "begin": begin}
        | {"end": end, "how": how, "epochs": None, "after": None}
    )


def crowd(result: StudyResult, workers: int) -> StudyResult:
    """A larger search by so many workers, and one more in place of the lost one."""
    searched = sample.search(Search(max_epochs=81), np.random.default_rng(1))
    at_once = sample_timeline.timeline(searched.trials, workers)
    return result.model_copy(update={"search": searched, "search_curves": (), "timeline": at_once})


def test_every_stretch_is_a_bar_as_long_as_it_took(result: StudyResult) -> None:
    drawn = drawing(result)
    assert drawn and result.timeline
    assert len(drawn.bars) == len(result.timeline.stretches) == len(result.search.trials) + 2
    unit = (WIDTH - LEFT - RIGHT) / max(one.end or 0 for one in result.timeline.stretches)
    for bar, one in zip(drawn.bars, result.timeline.stretches, strict=True):
        assert (bar.trial, bar.configuration) == (one.trial, one.configuration)
        assert bar.x == pytest.approx(LEFT + unit * one.begin, abs=0.2)
        assert one.end and bar.width == pytest.approx(unit * (one.end - one.begin), abs=0.3)
    assert [kind for kind, _ in drawn.kinds] == ["promoted", "last", "failed", "released", "lost"]


def test_the_higher_the_rung_the_higher_the_bar(result: StudyResult) -> None:
    drawn = drawing(result)
    assert drawn and result.timeline
    heights = {(one.rung, bar.height) for bar, one in zip(drawn.bars, result.timeline.stretches, strict=True)}
    assert len(heights) == 3 and [height for _, height in sorted(heights)] == sorted(height for _, height in heights)


def test_a_lost_trial_leads_to_where_it_was_taken_up_again(result: StudyResult) -> None:
    drawn = drawing(result)
    assert drawn
    (lost,) = (bar for bar in drawn.bars if bar.kind == "lost")
    (again,) = (bar for bar in drawn.bars if bar.trial == lost.trial and bar.kind != "lost")
    assert lost.waits == again.x > lost.x + lost.width and again.y != lost.y
    assert f"taken up again {LEASE:.0f}".replace("62", "1\u00a0min 2\u00a0s") in lost.title


@pytest.mark.parametrize(("workers", "shared"), [(63, False), (150, True)])
def test_64_workers_have_a_row_each_and_more_take_turns(result: StudyResult, workers: int, shared: bool) -> None:
    many = crowd(result, workers)
    drawn = drawing(many)
    assert drawn and drawn.row >= LOW and len(drawn.fleet.shifts) > 60
    number = round((drawn.height - TOP - BOTTOM) / drawn.row)
    assert number < len(drawn.fleet.shifts) if shared else number == 64 and drawn.height <= ALL + TOP + BOTTOM + 20
    in_rows: dict[int, list[Bar]] = {}
    for bar in drawn.bars:
        in_rows.setdefault(int((bar.y + bar.height - TOP) // drawn.row), []).append(bar)
    assert len(in_rows) == number
    for one, other in (pair for row in in_rows.values() for pair in pairwise(sorted(row, key=lambda bar: bar.x))):
        assert one.x + one.width <= other.x + 1.6  # the least width of a bar


def test_what_nobody_worked_for_long_is_cut(result: StudyResult) -> None:
    night = 8 * 3600
    drawn = drawing(timed(result, stretch("a", 0, 100), stretch("b", 104, 200), stretch("c", night, night + 200)))
    assert drawn and [label.replace("\u00a0", " ") for _, label in drawn.breaks] == ["7 h 56 min 40 s"]
    widths = [bar.width for bar in drawn.bars]
    assert widths[2] == pytest.approx(2 * widths[0], abs=0.3) and widths[0] > 100
    assert [bar.x for bar in drawn.bars] == sorted(bar.x for bar in drawn.bars)
    assert all(second - first >= 80 for (first, _), (second, _) in pairwise(drawn.ticks))


def test_no_label_of_a_time_lies_under_a_cut(result: StudyResult) -> None:
    cut = drawing(timed(result, stretch("a", 0, 121), stretch("b", 40_000, 40_200)))
    whole = drawing(timed(result, stretch("a", 0, 121), stretch("b", 121, 321)))
    assert cut and whole
    assert "2\u00a0min" in [label for _, label in whole.ticks]
    (place,) = (x for x, _ in cut.breaks)
    assert len(cut.ticks) >= 2 and all(abs(x - place) > 30 for x, _ in cut.ticks)


def test_a_worker_that_ended_without_a_word_has_a_mark_where_it_began(result: StudyResult) -> None:
    drawn = drawing(timed(result, stretch("a", 0, None, "given back"), stretch("b", 5, 60)))
    assert drawn and drawn.bars[0].width < 3 and "it is not known when" in drawn.bars[0].title


def test_idle_is_between_a_workers_trials(result: StudyResult) -> None:
    found = fleet(
        timed(result, stretch("a", 0, 10), stretch("b", 5, 25, trial="0001"), stretch("a", 20, 30, trial="0002"))
    )
    assert [(one.number, one.worker, one.seconds, one.idle) for one in found.shifts] == [
        (1, "a", 20, 10), (2, "b", 20, 0)
    ]  # fmt: skip
    assert found.idle_share == 10 / 50 and not found.lost


def test_epochs_that_a_lost_worker_finished_are_not_lost(result: StudyResult) -> None:
    """An older result: each takes 8.6 s; the worker was there for 20 s and finished one."""
    lost = stretch("a", 0, 20, "lost").model_copy(update={"epochs": 1, "after": 2})
    found = fleet(timed(result, lost, stretch("b", 90, 100)))
    assert (found.lost, round(found.lost_seconds, 3), found.waited_seconds) == (1, 20 - 8.6, 70)
    text = search_sentences.timeline_story(found).replace("\u00a0", " ")
    assert "Once a worker was lost with its trial, and with it 11 s of work" in text and "waited 1 min 10 s" in text


def test_the_work_that_was_lost_is_the_accounts(result: StudyResult) -> None:
    lost = stretch("a", 0, 20, "lost").model_copy(update={"epochs": 1, "after": 2, "lost": 4.25})
    assert fleet(timed(result, lost, stretch("b", 90, 100))).lost_seconds == 4.25


def test_the_table_and_the_file_have_every_worker_and_stretch(result: StudyResult) -> None:
    crew, frame = fleet(result), tables.timeline(result)
    assert result.timeline and len(frame) == len(result.timeline.stretches)
    assert set(frame["worker"]) == {row[1].text for row in search_rows.workers(crew).rows}
    assert frame[frame["how"] == "completed"].groupby("worker").size().to_dict() == {
        one.worker: one.trials for one in crew.shifts if one.trials
    }


def test_the_page_has_the_bars_with_what_they_are(folder, result: StudyResult) -> None:  # type: ignore[no-untyped-def]
    page = (folder / "report.html").read_text(encoding="utf-8")
    (svg,) = re.findall(r'<svg[^>]* id="timeline".*?</svg>', page, re.DOTALL)
    assert result.timeline and len(re.findall("<title[^>]*>worker ", svg)) == len(result.timeline.stretches)
    assert "Timeline of 4" in svg and svg.count('class="stripes"') == 1


def test_a_result_from_before_says_that_no_times_were_kept(result: StudyResult) -> None:
    old = StudyResult.model_validate_json(result.model_dump_json(exclude={"timeline"}))
    assert old.timeline is None and drawing(old) is None and tables.timeline(old).empty
