"""What the stored trainings of tests/benchmarks/model_5.py are worth, on fonts and on MNIST:

    python -m tests.benchmarks.model_5_told --folder FOLDER --glyphs chars74kdigitalenglishfont.zip \
        --digits mnist-dataset.zip --letters fonts

Every finished training is read once, the rest is left out; nothing is trained. MNIST and the letters are read here and
nowhere before, so make sure that nothing is decided after this. Writes docs/model-5.json and the gallery
docs/model-5-failures.png, then the marked parts of docs/model-5.md.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np

from charrec.alphabet import FOLDED
from charrec.data.arrays import Packed
from charrec.data.glyphs import load_columns
from charrec.data.unavoidable import unavoidable
from charrec.errors import InputError
from charrec.evaluation.paired import Answers, figure
from charrec.evaluation.scores import clustered
from charrec.evaluation.tables import Table, labels_of, tables_of
from charrec.machine.greetings import drop_greetings
from charrec.machine.provenance import commit, this_machine
from charrec.machine.unneeded import leave_out_unneeded
from charrec.memo.outcome import Outcome
from charrec.memo.step import Bench, Step
from charrec.results import EvaluationResult, PredictionResult, TrainingResult
from charrec.steps import evaluate, pipeline, predict
from charrec.steps.evaluate import EVALUATE
from charrec.steps.predict import PREDICT
from charrec.steps.train import TRAIN
from charrec.storage import open_store
from charrec.study import FULL, Data
from tests.benchmarks.handwritten import Apart
from tests.benchmarks.model_5 import EPOCHS, SEEDS, Run, packed, runs, study_of
from tests.benchmarks.model_5_failures import gallery
from tests.benchmarks.model_5_pages import GALLERY, SHEARED, STORED, Network, Told, Value
from tests.benchmarks.publish import publish
from tests.benchmarks.slanted import SLANTED


@dataclass(frozen=True)
class Seen:
    """One network's readings."""

    run: Run
    training: TrainingResult
    evaluation: EvaluationResult
    labels: np.ndarray
    groups: np.ndarray
    written: np.ndarray  # whether a validation image is of a font that looks handwritten
    tables: dict[str, Table]

    def hits(self, what: str) -> tuple[np.ndarray, np.ndarray]:
        """Whether each image is read right, and the unit that errs together."""
        if what == "digits":
            head, shares = self.tables["digits prepared"]
            return shares[:, :10].argmax(axis=1) == labels_of(head), np.arange(len(head))
        folded, read = np.array(FOLDED), self.tables["validation"][1].argmax(axis=1)
        right = read == self.labels if what == "classes" else folded[read] == folded[self.labels]
        chosen = {"written": self.written, "print": ~self.written}.get(what, np.ones(len(right), bool))
        return right[chosen], self.groups[chosen]


def seen(run: Run, sets: pipeline.Sets, bench: Bench, way: Step[predict.Given, PredictionResult]) -> Seen | None:
    """None: not finished."""
    trained = TRAIN.recall(run.given, bench.store)
    if trained is None:
        return None
    foreign = {role: Packed.of(sets[role].value) for role in ("letters", "digits")}
    glyphs = run.given.glyphs
    given = predict.Given(recipe=run.given.recipe, weights=trained.value.weights, glyphs=glyphs, **foreign)
    predicted: Outcome[PredictionResult] = way.run(given, bench)
    wanted = evaluate.Given(
        model=trained.value.model, predictions=predicted.key, glyphs=glyphs,
        texts=FULL.texts, kinds=FULL.kinds, seed=FULL.seed,
    )  # fmt: skip
    columns = load_columns(glyphs.packed.local(bench.store, bench.cache))
    _, validation = glyphs.halves(columns)
    groups = columns["group"].to_numpy()[validation]
    return Seen(
        run=run,
        training=trained.value,
        evaluation=EVALUATE.run(wanted, bench).value,
        labels=columns["label"].to_numpy()[validation],
        groups=groups,
        written=np.isin(groups, glyphs.apart if isinstance(glyphs, Apart) else ()),
        tables=tables_of(predicted.value, bench.store, len(validation)),
    )


def measured(seen: list[Seen], than: list[Seen]) -> Network:
    """One way of training; `than` is model 5 by the same seeds."""
    pooled = ["classes", "folded", "digits"] + ["written", "print"] * bool(seen[0].written.any())
    values = {what: _pooled([one.hits(what) for one in seen]) for what in pooled}
    rates = [{row.text: row for row in one.evaluation.text_rates if row.method == "prepared"} for one in seen]
    for text in rates[0]:
        values[text] = Value(by_seed=tuple(each[text].one_kind.value for each in rates))
        values[f"{text}, kind known"] = Value(by_seed=tuple(each[text].kind_known.value for each in rates))
    errors = [one.evaluation.evaluation for one in seen]
    values["calibration"] = Value(by_seed=tuple(one.calibration_error for one in errors))
    if all(one.calibrated_error is not None for one in errors):
        values["calibrated"] = Value(by_seed=tuple(one.calibrated_error or 0.0 for one in errors))
    reference = {one.run.seed: one for one in than}
    pairs = [(reference[one.run.seed], one) for one in seen if one.run.seed in reference]
    return Network(
        name=seen[0].run.name,
        epochs=len(seen[0].training.epochs),
        seeds=tuple(one.run.seed for one in seen),
        seconds=tuple(round(sum(row.seconds for row in one.training.epochs), 1) for one in seen),
        values=values,
        over={what: _difference(what, pairs) for what in pooled} if pairs and seen is not than else {},
    )


def _pooled(hits: list[tuple[np.ndarray, np.ndarray]]) -> Value:
    right, units = (np.concatenate(part) for part in zip(*hits, strict=True))
    rate = clustered(right, units, FULL.seed)
    return Value(by_seed=tuple(float(one.mean()) for one, _ in hits), low=rate.low, high=rate.high)


def _difference(what: str, pairs: list[tuple[Seen, Seen]]) -> Value:
    """A unit is drawn with its images of every seed."""
    before, after = ([one.hits(what) for one in side] for side in zip(*pairs, strict=True))
    answers = Answers(
        labels=np.ones(sum(len(right) for right, _ in before), int),
        champion=np.concatenate([right for right, _ in before]).astype(int),
        challenger=np.concatenate([right for right, _ in after]).astype(int),
        units=np.concatenate([units for _, units in before]),
    )
    found = figure("accuracy", answers, FULL.seed)
    gains = (float(new.mean() - old.mean()) for (old, _), (new, _) in zip(before, after, strict=True))
    return Value(by_seed=tuple(gains), low=found.low, high=found.high)


def told(data: Data, seeds: list[int], epochs: dict[str, int], bench: Bench) -> tuple[Told, list[Seen]]:
    """The tables, and model 5 as it is trained in full."""
    sets: pipeline.Sets = {role: packed(data, role, bench) for role in pipeline.ROLES}
    found: dict[str, dict[str, list[Seen]]] = {only: {} for only in EPOCHS}
    for only, run in _each(data, seeds, epochs, sets, bench):
        ways = {run.name: PREDICT} | ({SHEARED: SLANTED} if only == "full" else {})
        for name, way in ways.items():
            if one := seen(run._replace(name=name), sets, bench, way):
                found[only].setdefault(name, []).append(one)
                print(f"{only}: {name}, seed {run.seed}", flush=True)
    if not any(found.values()):
        raise InputError(f"{bench.store.url} has no finished training", "one of tests.benchmarks.model_5", "Run it.")
    networks = {
        only: tuple(measured(each, ways.get("model 5", [])) for each in ways.values()) for only, ways in found.items()
    }
    any_ = next(each for ways in found.values() for each in ways.values())
    columns = load_columns(any_[0].run.given.glyphs.packed.local(bench.store, bench.cache))
    lost = unavoidable(columns["label"].to_numpy(), columns["sha256"].tolist())
    ceiling = mean(1 - float(lost[one.run.given.glyphs.halves(columns)[1]].mean()) for one in any_)
    machine = this_machine()
    return Told(code=commit(), cores=machine.cores, cpu=machine.cpu, ceiling=ceiling, **networks), found["full"].get(
        "model 5", []
    )


def _each(
    data: Data, seeds: list[int], epochs: dict[str, int], sets: pipeline.Sets, bench: Bench
) -> Iterator[tuple[str, Run]]:
    for only, count in epochs.items():
        for seed in seeds:
            for run in runs(study_of(seed, data), sets, bench, only, count):
                yield only, run


def parsed(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--glyphs", default=FULL.data.glyphs)
    parser.add_argument("--letters", default=FULL.data.letters)
    parser.add_argument("--digits", default=FULL.data.digits)
    parser.add_argument("--fonts", type=int, help="use only so many, to try this out")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--epochs", type=int, help=f"of each training; none: {EPOCHS}")
    parser.add_argument("--to", type=Path, help="a folder for the JSON and the gallery, instead of docs")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    given = parsed(words)
    data = Data(glyphs=given.glyphs, letters=given.letters, digits=given.digits, fonts=given.fonts)
    bench = Bench(open_store(str(given.folder / "store")), given.folder / "cache")
    epochs = dict.fromkeys(EPOCHS, given.epochs) if given.epochs else EPOCHS
    try:
        result, full = told(data, given.seeds, epochs, bench)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    to = given.to or STORED.parent
    (to / STORED.name).write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    if full:
        gallery(full[0], Packed.of(packed(data, "digits", bench).value), bench, to / GALLERY.name)
    if given.to is None:
        publish()
    return 0


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    drop_greetings()
    leave_out_unneeded()
    sys.exit(main())
