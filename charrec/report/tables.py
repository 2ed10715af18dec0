"""A study's numbers as data frames, one CSV file each: unrounded, rates as fractions."""

import json
from typing import Any

import pandas as pd

from charrec import alphabet, reference
from charrec.report.importance import Contrast, importances
from charrec.results import Bin, Epoch, Rate, Stretch, StudyResult


def _rate(name: str, rate: Rate | None) -> dict[str, Any]:
    if rate is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: rate.value, f"{name}_low": rate.low, f"{name}_high": rate.high}


def models(result: StudyResult) -> pd.DataFrame:
    """One row per network: training, evaluation, reference values."""
    evaluations = {e.model: e for e in result.evaluations}
    gains = {one.model: one for one in result.gains}
    rows = []
    for training in result.trainings:
        row: dict[str, Any] = training.model_dump(exclude={"epochs", "network"})
        row["network"] = json.dumps(training.network) if training.network else ""
        row["epochs"] = len(training.epochs)
        row["seconds"] = sum(epoch.seconds for epoch in training.epochs)
        if evaluation := evaluations.get(training.model):
            row["val_loss"] = evaluation.loss
            row["val_images"] = evaluation.accuracy.n
            for name in ("accuracy", "folded_accuracy", "top2_accuracy", "without_twin_accuracy"):
                row |= _rate(name, getattr(evaluation, name))
            row["calibration_error"] = evaluation.calibration_error
        if gain := gains.get(training.model):
            row |= {"before": gain.before, "gain": gain.difference, "gain_low": gain.low, "gain_high": gain.high}
        if theirs := reference.MODELS.get(training.model):
            row |= {
                "reference_parameters": theirs.parameters,
                "reference_val_accuracy": theirs.val_accuracy,
                "reference_val_loss": theirs.val_loss,
            }
        rows.append(row)
    return pd.DataFrame(rows)


def histories(result: StudyResult) -> pd.DataFrame:
    return pd.DataFrame([{"model": t.model, **epoch.model_dump()} for t in result.trainings for epoch in t.epochs])


def trials(result: StudyResult) -> pd.DataFrame:
    """The search's trials, best first; one column per hyperparameter."""
    rows = [
        {**trial.model_dump(exclude={"network"}), **trial.network, "rank": rank}
        for rank, trial in enumerate(result.search.trials, 1)
    ]
    columns = [
        "rank",
        "trial",
        "configuration",
        "bracket",
        "rung",
        "epochs",
        "val_accuracy",
        "state",
        "seconds",
    ]
    return pd.DataFrame(rows, columns=[*columns, *hyperparameters(result)])


def hyperparameters(result: StudyResult) -> list[str]:
    """The reference's names first, in its order, then the others."""
    search = result.search
    names = dict.fromkeys([*search.space, *search.chosen, *(k for t in search.trials for k in t.network)])
    return sorted(names, key=lambda k: (list(reference.SEARCH_CHOSEN) + list(names)).index(k))


def confusion(result: StudyResult) -> pd.DataFrame:
    """One row per (truth, answer) pair that occurs, correct answers included."""
    c = alphabet.CLASSES
    rows = [
        (e.model, c[i], c[j], count)
        for e in result.evaluations
        for i, row in enumerate(e.confusion)
        for j, count in enumerate(row)
        if count
    ]
    return pd.DataFrame(rows, columns=["model", "truth", "read", "count"])


def classes(result: StudyResult) -> pd.DataFrame:
    return pd.DataFrame([{"model": e.model, **row.model_dump()} for e in result.evaluations for row in e.classes])


def pairs(result: StudyResult) -> pd.DataFrame:
    rows = [{"model": e.model, **pair.model_dump()} for e in result.evaluations for pair in e.pairs]
    return pd.DataFrame(rows, columns=["model", "truth", "read", "count", "share"])


def external(result: StudyResult) -> pd.DataFrame:
    rows = [
        {"model": x.model, "set": x.set, "method": x.method, "images": x.accuracy.n}
        | _rate("accuracy", x.accuracy)
        | _rate("accuracy_within", x.accuracy_within)
        for x in result.external
    ]
    return pd.DataFrame(rows)


def texts(result: StudyResult) -> pd.DataFrame:
    """One row per glyph and network: the reading and the three likeliest classes."""
    rows = []
    for text in result.texts:
        for position, glyph in enumerate(text.glyphs, 1):
            row: dict[str, Any] = {"text": text.text, "model": text.model, "method": text.method}
            row |= {
                "read": text.read,
                "one_kind": text.one_kind,
                "kind": text.kind,
                "position": position,
                "truth": glyph.truth,
                "image": glyph.name,
            }
            for rank, (character, probability) in enumerate(glyph.top, 1):
                row |= {f"top_{rank}": character, f"probability_{rank}": probability}
            rows.append(row)
    return pd.DataFrame(rows)


def text_rates(result: StudyResult) -> pd.DataFrame:
    """One row per family of texts, network and way of preparing the images."""
    rows = [
        {"text": x.text, "kind": x.kind, "model": x.model, "method": x.method, "draws": x.plain.n}
        | _rate("plain", x.plain)
        | _rate("one_kind", x.one_kind)
        | _rate("kind_known", x.kind_known)
        for x in result.text_rates
    ]
    return pd.DataFrame(rows)


def search_curves(result: StudyResult) -> pd.DataFrame:
    """One row per epoch of each configuration."""
    rows = [
        {"configuration": curve.configuration, **epoch.model_dump()}
        for curve in result.search_curves
        for epoch in curve.epochs
    ]
    return pd.DataFrame(rows, columns=["configuration", *Epoch.model_fields])


def timeline(result: StudyResult) -> pd.DataFrame:
    """One row per stretch of a worker's work at a trial of the search; seconds since the first."""
    rows = [one.model_dump() for one in result.timeline.stretches] if result.timeline else []
    return pd.DataFrame(rows, columns=list(Stretch.model_fields))


def importance(result: StudyResult) -> pd.DataFrame:
    """One row per hyperparameter, the greatest effect first."""
    found = importances(trials(result), result.search.space, result.study.seed)
    rows = [(one.name, *_effect(one.halves), *_effect(one.middle)) for one in found]
    names = [f"{part}{end}" for part in ("effect", "middle") for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["hyperparameter", *names])


def _effect(one: Contrast | None) -> tuple[float | None, ...]:
    return (one.effect, one.low, one.high) if one else (None, None, None)


def slices(result: StudyResult) -> pd.DataFrame:
    """One row per network and part of the validation images."""
    rows = [
        {"model": one.model, "by": one.by, "part": one.name, "images": one.accuracy.n}
        | _rate("accuracy", one.accuracy)
        | _rate("folded_accuracy", one.folded_accuracy)
        for one in result.slices
    ]
    return pd.DataFrame(rows)


def reliability(result: StudyResult) -> pd.DataFrame:
    """One row per network, with and without its temperature, and bin of probabilities that has images."""
    rows = [
        {"model": one.model, "temperature": temperature, **each.model_dump()}
        for one in result.reliability
        for temperature, bins in ((1.0, one.bins), (one.temperature, one.tempered))
        for each in bins
    ]
    return pd.DataFrame(rows, columns=["model", "temperature", *Bin.model_fields])


TABLES = {
    f.__name__: f
    for f in (
        models,
        histories,
        trials,
        search_curves,
        timeline,
        importance,
        confusion,
        classes,
        pairs,
        slices,
        reliability,
        external,
        texts,
        text_rates,
    )
}
