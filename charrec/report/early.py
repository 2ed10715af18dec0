"""The page of a study of which no network is evaluated yet: its data, its curves so far, its trials so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

from charrec.report import canvas, curves, figures, pixels, rows, sentences, theme, timeline, typefaces, words
from charrec.report.templates import template
from charrec.report.theme import LIGHT, THEMES, Theme
from charrec.results import StudyResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def render(result: StudyResult, missing: Sequence[str]) -> str:
    """The complete page, with its pictures in it."""
    from matplotlib import rc_context

    drawn = {}
    for each in THEMES:
        with rc_context(canvas.style(each)):
            for name, make in _charts(result):
                drawn[name if each is LIGHT else f"{name}-{each.name}"] = pixels.uri(pixels.figure_png(make(each)))
    drawing = timeline.drawing(result)
    return template("early.html.j2", sentences=sentences).render(
        r=result,
        css=files("charrec.report").joinpath("report.css").read_text(),
        faces=typefaces.css(),
        themes={one.name: one for one in theme.THEMES},
        figures=drawn,
        headline=headline(result),
        missing=missing,
        data_sets=[(one, rows.named(one)) for one in rows.data_sets(result) if one.images],
        rungs=rows.rungs(result),
        ranking=rows.ranking(result),
        timeline=drawing,
        workers=rows.workers(drawing.fleet) if drawing else None,
    )


def headline(result: StudyResult) -> str:
    """How far it is, in a line."""
    if not result.trainings:
        return "No network has trained an epoch yet"
    top = max(result.trainings, key=lambda one: one.epochs[one.best_epoch - 1].val_accuracy)
    accuracy = top.epochs[top.best_epoch - 1].val_accuracy
    return f"{words.title(top.model)} is at {words.percent(accuracy)} of the validation characters"


def _charts(result: StudyResult) -> Iterator[tuple[str, Callable[[Theme], Figure]]]:
    for metric in ("accuracy", "loss") if result.trainings else ():
        limits = curves.curve_limits(result, metric)
        for training in result.trainings:
            yield (
                f"curve-{training.model}-{metric}",
                lambda each, t=training, m=metric, y=limits: curves.curve(each, t, m, y, False),  # type: ignore[misc]
            )
    if result.search.trials:
        yield "search", lambda each: figures.search(each, result.search)
