"""The page: collects the template's variables and renders it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from charrec import alphabet, reference
from charrec.report import board, pixels, rows, sentences, theme, typefaces, words
from charrec.report.cells import Mark, Scale
from charrec.results import External, Rate, StudyResult, TextReading

if TYPE_CHECKING:
    import numpy as np

    from charrec.report import Pictures


def render(
    result: StudyResult,
    pictures: Pictures,
    figures: dict[str, bytes],
    siblings: list[str],
    missing: Sequence[str] = (),
) -> str:
    """The complete page; `siblings` are the files next to it, for links, `missing` what an unfinished study lacks."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("charrec.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"words": words, "sentences": sentences, "reference": reference}
    package = files("charrec.report")
    css = package.joinpath("report.css").read_text() + package.joinpath("board.css").read_text()
    return environment.get_template("report.html.j2").render(
        r=result,
        css=css,
        faces=typefaces.css(),
        themes={t.name: t for t in theme.THEMES},
        figures={name: pixels.uri(data) for name, data in figures.items()},
        siblings=siblings,
        missing=missing,
        best=sentences.best(result),
        comparable=sentences.on_chars74k(result),
        differences=sentences.differences(result),
        coarse=pictures.samples.shape[-1] < 64,
        seconds=sum(result.durations.values()),
        **_board(result, pictures.board),
        **_dots(result),
        **_glyphs(pictures),
        **_tables(result),
        texts=[_text(result, pictures, text) for text in result.study.texts],
    )


def _board(result: StudyResult, found: board.Board | None) -> dict[str, Any]:
    if found is None or found.why:
        return {"board": found}
    digits, size = board.digits_of(result, found.model), board.size_of(result.study, found.model)
    return {"board": found, "board_script": board.script(), "board_digits": digits, "board_size": size}


def _tables(result: StudyResult) -> dict[str, Any]:
    best = sentences.best(result)
    return {
        "data_sets": [(one, rows.named(one)) for one in rows.data_sets(result)],
        "comparison": rows.comparison(result),
        "chosen": rows.chosen(result),
        "rungs": rows.rungs(result),
        "ranking": rows.ranking(result),
        "classes": rows.classes(best),
        "pairs": rows.pairs(best),
        "text_rates": rows.text_rates(result),
        "external": {group: rows.external(result, group) for group in words.SETS},
        "fields": rows.study(result.study),
    }


def _glyphs(pictures: Pictures) -> dict[str, Any]:
    return {
        "samples": list(zip(alphabet.CLASSES, _uris(pictures.samples), strict=False)),
        "augmented": [_uris(row) for row in pictures.augmented],
        "mistakes": list(zip(map(_caption, pictures.mistake_captions), _uris(pictures.mistakes), strict=True)),
    }


def _uris(images: np.ndarray) -> list[str]:
    return [pixels.uri(pixels.png(image)) for image in images]


def _caption(text: str) -> str:
    """The reading on one line, its probability on the next."""
    return text.replace(", ", "\n", 1).replace(" %", "%").replace("%", f"{words.NBSP}%")


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
            label = f"reference: {words.percent(r.val_accuracy)}"
            marks.append(Mark("diamond", scale.at(r.val_accuracy), title=label))
        tracks[e.model] = marks
    return {"scale": scale, "tracks": tracks, "outside": _outside(result.external)}


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
