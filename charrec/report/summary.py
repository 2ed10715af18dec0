"""The report on one screen, as Markdown with small pictures: what a workflow's page shows."""

import base64
from collections.abc import Mapping
from io import BytesIO

from PIL import Image

from charrec import reference
from charrec.markdown import escaped, table
from charrec.report import sentences, words
from charrec.results import StudyResult

WIDTH = 720  # px of a picture


def summary(result: StudyResult, figures: Mapping[str, bytes], files: Mapping[str, str]) -> str:
    """Leaderboard, what the search chose, what was read, pictures inlined; `files` are name -> address.

    `figures` are PNG files by title. Every picture is shrunk, so that the page stays below a few hundred kB.
    """
    comparable = sentences.on_chars74k(result)
    best = sentences.best(result)
    parts = [
        f"**{words.title(best.model)} reads {words.percent(best.accuracy.value)} of {words.count(best.accuracy.n)} "
        f"validation characters** ({words.percent(best.folded_accuracy.value)} with the two cases as one).",
        *(f"**{step} failed** and is missing here: {escaped(why)}" for step, why in result.failures.items()),
        _leaderboard(result, comparable),
        _chosen(result),
        _texts(result),
        *(f"### {title}\n\n![{title}]({_small(data)})" for title, data in figures.items()),
        "### Files\n\n" + "\n".join(f"- {_link(name, address)}" for name, address in files.items()),
        f"Study `{result.identity}`, seed {result.study.seed}, code `{result.code or 'unknown'}`, "
        f"{words.duration(sum(result.durations.values()))} in all steps together.",
    ]
    return "\n\n".join(part for part in parts if part)


def _leaderboard(result: StudyResult, comparable: bool) -> str:
    trained = {training.model: training for training in result.trainings}
    head = ["Model", "Accuracy", "95 % interval", "Two cases as one", "Best epoch"]
    rows = []
    for evaluation in sorted(result.evaluations, key=lambda e: -e.accuracy.value):
        training = trained[evaluation.model]
        row = [
            words.title(evaluation.model),
            words.percent(evaluation.accuracy.value),
            words.interval(evaluation.accuracy),
            words.percent(evaluation.folded_accuracy.value),
            f"{training.best_epoch} of {len(training.epochs)}",
        ]
        theirs = reference.MODELS.get(evaluation.model)
        rows.append([*row, *([words.percent(theirs.val_accuracy) if theirs else words.NONE] if comparable else [])])
    return table(head + (["Reference"] if comparable else []), rows)


def _chosen(result: StudyResult) -> str:
    if not result.search.trials:
        return ""
    network = ", ".join(f"{name} {words.number(value)}" for name, value in result.search.chosen.items())
    return f"The search chose {network}, the best of {words.many(len(result.search.trials), 'trial')}."


def _texts(result: StudyResult) -> str:
    """A row for each text and way of preparing it, a column a network."""
    models = list(dict.fromkeys(text.model for text in result.texts))
    read = {(text.text, text.method, text.model): text for text in result.texts}
    rows = []
    for text, method in dict.fromkeys((one.text, one.method) for one in result.texts):
        found = [read.get((text, method, model)) for model in models]
        head = f"“{escaped(text)}”", words.METHODS[method]
        rows.append([*head, *(f"`{one.read if one else ''}`" for one in found)])
        if any(one and one.kind for one in found):
            rows.append([head[0], f"{head[1]}, as one kind", *(f"`{one.one_kind if one else ''}`" for one in found)])
    return "### New texts\n\n" + table(["Text", "Images", *map(words.title, models)], rows) if rows else ""


def _small(png: bytes) -> str:
    """The picture as a data URI, at most WIDTH wide."""
    with Image.open(BytesIO(png)) as image:
        image.thumbnail((WIDTH, WIDTH))
        out = BytesIO()
        image.convert("RGB").quantize(64).save(out, "png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def _link(name: str, address: str) -> str:
    return f"[{name}]({address})" if address.startswith(("http://", "https://", "file://")) else f"{name}: `{address}`"
