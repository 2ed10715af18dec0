"""The page: collects the template's variables and renders it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from charrec import alphabet, reference
from charrec.report import (
    board,
    matrix,
    pixels,
    plots,
    rows,
    search_rows,
    search_sentences,
    sentences,
    tables,
    timeline,
    words,
)
from charrec.report.bilingual import in_both
from charrec.report.cells import Mark, Scale
from charrec.report.curves import exceeded
from charrec.report.histories import histories
from charrec.report.importance import Contrast, importances
from charrec.report.language import Language, Saying, say
from charrec.report.templates import content, frame, template
from charrec.results import Bin, Evaluation, External, Rate, Reliability, StudyResult, TextReading

if TYPE_CHECKING:
    import numpy as np

    from charrec.report import Pictures


STYLES = ("report.css", "board.css")
SCRIPTS = ("language.js", "explore.js")
LATER = ("board.js", "live.js")  # the scripts of the board, and of a page that is served while the study runs
SPRITE_COLUMNS = 40  # misread images side by side
CAPTION = re.compile(r"(.) read as (.), (\d+) ?%")


def render(
    result: StudyResult,
    pictures: Pictures,
    siblings: list[str],
    missing: Sequence[Saying] = (),
    first: Language = "en",
) -> str:
    """The complete page; `siblings` are the files next to it, for links, `missing` what an unfinished study lacks.

    It is written in its first language, and carries the words of the other.
    """
    return in_both(lambda: _written(result, pictures, siblings, missing), first)


def _written(result: StudyResult, pictures: Pictures, siblings: list[str], missing: Sequence[Saying]) -> str:
    """The page in the language that is spoken."""
    comparable = sentences.on_chars74k(result)
    return template(
        "report.html.j2", sentences=sentences, search_sentences=search_sentences, reference=reference
    ).render(
        **frame(STYLES, SCRIPTS, LATER),
        r=result,
        headline=sentences.headline(result),
        siblings=siblings,
        missing=[sentence() for sentence in missing],
        best=sentences.best(result),
        comparable=comparable,
        differences=sentences.differences(result),
        coarse=pictures.samples.shape[-1] < 64,
        seconds=sum(result.durations.values()),
        histories=histories(result, comparable),
        exceeded=exceeded(result),
        **_board(result, pictures.board),
        **_dots(result),
        **_glyphs(pictures),
        **_tables(result),
        **_search(result),
        **_errors(result, pictures),
        texts=[_text(result, pictures, text) for text in result.study.texts],
        quoted=[words.quoted(text) for text in result.study.texts],
    )


def _board(result: StudyResult, found: board.Board | None) -> dict[str, Any]:
    if found is None or found.why:
        return {"board": found}
    digits, size = board.digits_of(result, found.model), board.size_of(result.study, found.model)
    return {"board": found, "board_script": content("board.js"), "board_digits": digits, "board_size": size}


def _tables(result: StudyResult) -> dict[str, Any]:
    best = sentences.best(result)
    return {
        "data_sets": [(one, rows.named(one)) for one in rows.data_sets(result)],
        "comparison": rows.comparison(result),
        "layers": rows.layers(result),
        "chosen": search_rows.chosen(result),
        "rungs": search_rows.rungs(result),
        "ranking": search_rows.ranking(result),
        "classes": rows.classes(best),
        "pairs": rows.pairs(best),
        "text_rates": rows.text_rates(result),
        "slices": rows.slices(result),
        "external": {group: rows.external(result, group) for group in words.SETS},
        "fields": rows.study(result.study),
    }


def _glyphs(pictures: Pictures) -> dict[str, Any]:
    return {
        "samples": list(zip(alphabet.CLASSES, _uris(pictures.samples), strict=False)),
        "augmented": [_uris(row) for row in pictures.augmented],
        "mistakes": [
            (text[:1], _caption(text), src)
            for text, src in zip(pictures.mistake_captions, _uris(pictures.mistakes), strict=True)
        ],
    }


def _uris(images: np.ndarray) -> list[str]:
    return [pixels.uri(pixels.png(image)) for image in images]


def _caption(text: str) -> str:
    """The reading on one line, its probability on the next; of "0 read as O, 99 %" as the pictures have it."""
    if not (found := CAPTION.fullmatch(text)):
        return text
    truth, read, sure = found.groups()
    return f"{say('{truth} read as {read}', truth=truth, read=read)}\n{sure}{words.per_cent()}"


def _rate_marks(scale: Scale, rate: Rate, kind: str = "dot") -> list[Mark]:
    low, high = scale.at(rate.low), scale.at(rate.high)
    return [
        Mark("bar" if kind == "dot" else "bar other", low, round(high - low, 3), words.interval(rate)),
        Mark(kind, scale.at(rate.value), title=words.rate(rate)),
    ]


def _dots(result: StudyResult) -> dict[str, Any]:
    """The first screen's dot plot: each network's accuracy with its interval, and the reference as a diamond."""
    theirs = {e.model: reference.MODELS[e.model] for e in result.evaluations if e.model in reference.MODELS}
    values = [v for e in result.evaluations for v in (e.accuracy.low, e.accuracy.high)]
    scale = Scale.around(values + [r.val_accuracy for r in theirs.values()])
    tracks = {}
    for e in result.evaluations:
        marks = _rate_marks(scale, e.accuracy)
        if r := theirs.get(e.model):
            label = say("reference: {share}", share=words.percent(r.val_accuracy))
            marks.append(Mark("diamond", scale.at(r.val_accuracy), title=label))
        tracks[e.model] = marks
    return {"scale": scale, "tracks": tracks, "outside": _outside(result.external)}


def _search(result: StudyResult) -> dict[str, Any]:
    """What is drawn of the search, and the effect of each hyperparameter as marks on one scale."""
    axes = plots.axes(result) if result.search.trials else []
    found = importances(tables.trials(result), result.search.space, result.study.seed)
    drawing = timeline.drawing(result)
    halves = [one.halves for one in found]
    ends = [end for one in halves for end in (one.effect, one.low, one.high) if end is not None]
    scale = Scale.around([0.0, *ends], least=-1.0)
    return {
        "axes": axes,
        "lines": plots.lines(result, axes),
        "learning": plots.learning(result),
        "timeline": drawing,
        "workers": search_rows.workers(drawing.fleet) if drawing else None,
        "importances": [(one, _effect_marks(scale, one.halves)) for one in found],
        "effect_scale": scale,
        "values": search_rows.values(found),
    }


def _effect_marks(scale: Scale, one: Contrast) -> list[Mark]:
    marks = [Mark("zero", scale.at(0.0), title=say("no difference"))]
    if one.low is not None and one.high is not None:
        low, high = scale.at(one.low), scale.at(one.high)
        marks.append(Mark("bar", low, round(high - low, 3), words.points_between(one.low, one.high)))
    return [*marks, Mark("dot", scale.at(one.effect), title=words.points(one.effect))]


def _errors(result: StudyResult, pictures: Pictures) -> dict[str, Any]:
    """The best network's confusions with their images, and every network's reliability."""
    best, misread = sentences.best(result), pictures.misread
    tints = [f"{low}{words.DASH}{high - 1}" for low, high in pairwise((1, *matrix.SHADES))]
    return {
        "views": matrix.views(best),
        "tints": list(enumerate([*tints, say("{n} or more", n=matrix.SHADES[-1])])),
        "sprite": pixels.uri(pixels.sprite(misread, SPRITE_COLUMNS)) if len(misread) else "",
        "misread": _misread(best, pictures),
        "diagrams": [_diagram(one) for one in result.reliability],
    }


def _misread(best: Evaluation, pictures: Pictures) -> dict[str, Any]:
    """What the page's script knows of the misread images, in the order of their sprite."""
    return {
        "columns": SPRITE_COLUMNS,
        "images": [(truth, read, round(100 * sure, 1)) for truth, read, sure in pictures.misread_as],
        "classes": {row.character: (row.n, round(100 * row.recall, 1)) for row in best.classes},
    }


def _diagram(one: Reliability) -> dict[str, Any]:
    most = max(each.n for each in (*one.bins, *one.tempered))

    def dots(bins: tuple[Bin, ...]) -> list[tuple[float, float, float, str]]:
        return [
            (
                round(40 + 205 * each.confidence, 1),
                round(210 - 200 * each.accuracy, 1),
                round(9 * (each.n / most) ** 0.25, 1),
                say(
                    "{images}: probability {said} in the mean, {right} right",
                    images=words.many(each.n, "image"),
                    said=words.percent(each.confidence, 1),
                    right=words.percent(each.accuracy, 1),
                ),
            )
            for each in bins
        ]

    lowest, highest = one.bins[0], one.bins[-1]
    label = (
        say(
            "Reliability of {model}: of answers with a probability near {low}, {few} are right; near {high}, {most}",
            model=words.name(one.model),
            low=words.percent(lowest.confidence, 0),
            few=words.percent(lowest.accuracy, 0),
            high=words.percent(highest.confidence, 1),
            most=words.percent(highest.accuracy, 1),
        )
        if len(one.bins) > 1
        else say(
            "Reliability of {model}: all answers have a probability near {high}, {most} are right",
            model=words.name(one.model),
            high=words.percent(highest.confidence, 1),
            most=words.percent(highest.accuracy, 1),
        )
    )
    return {
        "model": one.model,
        "error": one.error,
        "temperature": one.temperature,
        "tempered_error": one.tempered_error,
        "plain": dots(one.bins),
        "tempered": dots(one.tempered),
        "ticks": [(0, "0"), (50, "50"), (100, "100")],
        "label": label,
    }


def _outside(scores: tuple[External, ...]) -> dict[str, Any]:
    """The new data by group, with both methods on one track per network."""
    groups: dict[str, Any] = {}
    for group in words.SETS:
        own = [x for x in scores if x.set == group]
        if not own:
            continue
        scale = Scale.around([v for x in own for v in (x.accuracy.low, x.accuracy.high)])
        tracks: dict[str, list[Mark]] = {}
        for x in own:
            kind = "dot" if x.method == "prepared" else "ring"
            tracks.setdefault(x.model, []).extend(_rate_marks(scale, x.accuracy, kind))
        story = sentences.external_story(scores, group)
        groups[group] = {"scale": scale, "tracks": tracks, "story": story}
    return groups


def _text(result: StudyResult, pictures: Pictures, text: str) -> dict[str, Any]:
    """One text glyph by glyph: its images, and each network's reading by method."""
    own = [reading for reading in result.texts if reading.text == text]
    top = sentences.best(result).model
    answers: dict[str, TextReading] = {x.method: x for x in own if x.model == top}
    return {
        "text": text,
        "images": {m: _uris(pictures.texts[text, m]) for m in words.METHODS if (text, m) in pictures.texts},
        "names": [glyph.name for glyph in own[0].glyphs] if own else [],
        "readings": {m: [x for x in own if x.method == m] for m in ("prepared", "reference")},
        "answers": answers,
        "reference": reference.READ_AS.get(text),
    }
