"""The page of a study of which no network is evaluated yet: its data, its curves so far, its trials so far."""

from __future__ import annotations

from collections.abc import Sequence

from charrec.report import plots, rows, search_rows, search_sentences, sentences, timeline, words
from charrec.report.bilingual import in_both
from charrec.report.curves import exceeded
from charrec.report.histories import histories
from charrec.report.language import Language, Saying, say
from charrec.report.templates import frame, template
from charrec.results import StudyResult

SCRIPTS = ("language.js", "explore.js")
LATER = ("live.js",)


def render(result: StudyResult, missing: Sequence[Saying], first: Language = "en") -> str:
    """The complete page in both languages, its drawings in it."""
    return in_both(lambda: _written(result, missing), first)


def _written(result: StudyResult, missing: Sequence[Saying]) -> str:
    drawing = timeline.drawing(result)
    axes = plots.axes(result) if result.search.trials else []
    return template("early.html.j2", sentences=sentences, search_sentences=search_sentences).render(
        **frame(("report.css",), SCRIPTS, LATER),
        r=result,
        headline=headline(result),
        missing=[sentence() for sentence in missing],
        data_sets=[(one, rows.named(one)) for one in rows.data_sets(result) if one.images],
        histories=histories(result, reference_too=False),
        exceeded=exceeded(result),
        axes=axes,
        lines=plots.lines(result, axes),
        learning=plots.learning(result),
        rungs=search_rows.rungs(result),
        ranking=search_rows.ranking(result),
        timeline=drawing,
        workers=search_rows.workers(drawing.fleet) if drawing else None,
    )


def headline(result: StudyResult) -> str:
    """How far it is, in a line."""
    if not result.trainings:
        return say("No network has trained an epoch yet")
    top = max(result.trainings, key=lambda one: one.epochs[one.best_epoch - 1].val_accuracy)
    accuracy = words.percent(top.epochs[top.best_epoch - 1].val_accuracy)
    return say("{model} is at {share} of the validation characters", model=words.subject(top.model), share=accuracy)
