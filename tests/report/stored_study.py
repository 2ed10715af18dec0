"""A study in a store as its steps leave it, but for Keras: the packed sets and evaluations are real, networks invented.

A network of a given skill takes so many images for what they are, and the others for the next class.
"""

from dataclasses import dataclass, field
from io import BytesIO

import numpy as np

from charrec.alphabet import CLASSES
from charrec.data.arrays import Glyphs
from charrec.data.foreign import METHODS
from charrec.data.glyphs import load_columns
from charrec.data.sources import locate
from charrec.evaluation.tables import as_table
from charrec.machine.provenance import commit, this_machine
from charrec.memo.identity import identity
from charrec.memo.outcome import Outcome, Provenance, Value, outcome_of, remember
from charrec.memo.step import Bench
from charrec.results import (
    AugmentResult,
    Epoch,
    EvaluationResult,
    Precision,
    PredictionResult,
    SearchResult,
    Stored,
    StudyResult,
    TrainingResult,
)
from charrec.steps import pipeline
from charrec.steps.augment import AUGMENT
from charrec.steps.evaluate import EVALUATE
from charrec.steps.pack import PACK
from charrec.steps.report import REPORT, gather, images_of, outcomes_of
from charrec.steps.report import Given as Reporting
from charrec.storage import Store
from charrec.study import Data, Search, Study
from charrec.sweep.document import Document, TrialRecord
from charrec.training.checkpoints import Checkpoint, Progress
from charrec.training.recipe import recipe_of
from charrec.tuning.plan import Sweep
from charrec.tuning.space import SPACE
from tests.commands.shelf import put_report

Branch = tuple[Outcome[TrainingResult], Outcome[PredictionResult], Outcome[EvaluationResult]]

SMALL = Study(
    data=Data(glyphs="fonts", letters="fonts", digits="sklearn", fonts=6, letters_per_class=2),
    image_size=32, precision="float32", validation_fraction=0.4, epochs_model_1=2, epochs_model_2=2, epochs_model_3=2,
    epochs_model_4=2, epochs_model_5=0, search=Search(max_epochs=2, factor=2, images=64),
)  # fmt: skip
PROVENANCE = Provenance(started="2026-11-28T09:00:00+00:00", seconds=2.0, machine=this_machine(), code=commit())


@dataclass
class StoredStudy:
    """Grows as its steps are stored."""

    bench: Bench
    study: Study = SMALL
    branches: list[Branch] = field(default_factory=list)

    @property
    def name(self) -> str:
        return identity(self.study)

    def pack(self) -> "StoredStudy":
        sources = [locate(role, self.study.data, self.bench.cache) for role in pipeline.ROLES]
        self.sets = {one.role: PACK.run(pipeline.packing(self.study, one), self.bench) for one in sources}
        self.precision = self._remember("precision/0123456789abcdef", Precision(chosen="float32"))
        return self

    def augment(self) -> "StoredStudy":
        content, key = BytesIO(), AUGMENT.key(pipeline.augmenting(self.study, self.sets))
        size = self.study.image_size
        np.save(content, np.full((3, 8, size, size), 200, np.uint8))
        images = self.bench.put(f"{key}/augmented.npy", content.getvalue())
        self.augmented = self._remember(key, AugmentResult(images=images))
        return self

    def epochs(self, model: str, count: int, key: str = "") -> Progress:
        """A training that has come so far, with weights that nobody can load."""
        key = key or self.training_key(model)
        rows = [
            Epoch(epoch=n, loss=2 / n, accuracy=1 - 0.5 / n, val_loss=2.1 / n, val_accuracy=1 - 0.6 / n, seconds=3.0,
                  images_per_second=400.0) for n in range(1, count + 1)
        ]  # fmt: skip
        weights = self.bench.put(f"{key}/epoch-{count:03d}-owner.weights.h5", b"weights")
        last = Checkpoint(epoch=count, key=weights.key, sha256=weights.sha256)
        progress = Progress(owner="owner", epochs=tuple(rows), parameters=1000, last=last, best=last)
        self.bench.store.put(f"{key}/progress.json", progress.model_dump_json().encode())
        return progress

    def training_key(self, model: str) -> str:
        return f"trainings/{model}-{self.name}"

    def branch(self, model: str, skill: float, noise: int = 0) -> "StoredStudy":
        """Its training, predictions and evaluation."""
        weights = self.epochs(model, 2).best
        assert weights
        trained = TrainingResult(
            model=model, parameters=1000, precision="float32", backend="tensorflow", device="a CPU",
            epochs=self.epochs(model, 2).epochs, best_epoch=2, weights=Stored(key=weights.key, sha256=weights.sha256),
        )  # fmt: skip
        training = self._remember(self.training_key(model), trained)
        key, tables = f"predictions/{model}-{self.name}", {}
        for name, (names, labels) in self._tested().items():
            rng = np.random.default_rng([noise, len(names)])
            read = np.where(rng.random(len(names)) < skill, labels, (labels + 1) % len(CLASSES))
            probabilities = np.full((len(names), len(CLASSES)), 0.001, np.float32)
            probabilities[np.arange(len(names)), read] = 0.939
            content = BytesIO()
            as_table(names, labels, probabilities).to_parquet(content, index=False)
            tables[name] = self.bench.put(f"{key}/{name.replace(' ', '-')}.parquet", content.getvalue())
        predicted = self._remember(key, PredictionResult(tables=tables))
        evaluated: Outcome[EvaluationResult] = EVALUATE.run(
            pipeline.evaluating(self.study, model, self.sets, predicted), self.bench
        )
        self.branches.append((training, predicted, evaluated))
        return self

    def _tested(self) -> dict[str, tuple[list[str], np.ndarray]]:
        glyphs = Glyphs.of(self.study, self.sets["glyphs"].value)
        columns = load_columns(glyphs.packed.local(self.bench.store, self.bench.cache))
        columns = columns.iloc[glyphs.halves(columns)[1]]
        tested = {"validation": (columns["name"].astype(str).tolist(), columns["label"].to_numpy(np.int64))}
        for role in ("letters", "digits"):
            known = load_columns(self.bench.store.local(self.sets[role].value.file.key, self.bench.cache))
            for method in METHODS:
                tested[f"{role} {method}"] = known["name"].astype(str).tolist(), known["label"].to_numpy(np.int64)
        return tested

    def result(self, search: Outcome[SearchResult] | None = None) -> StudyResult:
        """What its report tells."""
        given = self.reporting(search)
        outcomes = outcomes_of(given, self.bench)
        return gather(given, outcomes, images_of(self.study, outcomes, self.bench), self.bench)

    def report(self, search: Outcome[SearchResult] | None = None) -> str:
        """The study's end; the key of its report."""
        return REPORT.run(self.reporting(search), self.bench).key

    def undrawn(self, search: Outcome[SearchResult] | None = None) -> str:
        """The same without its pictures, which take seconds."""
        key = REPORT.key(self.reporting(search))
        put_report(self.bench.store, key, self.result(search))
        return key

    def reporting(self, search: Outcome[SearchResult] | None) -> Reporting:
        return pipeline.reporting(
            self.study, self.sets, self.precision, search, self.branches, self.augmented, {}
        )  # fmt: skip

    def _remember(self, key: str, value: Value) -> Outcome[Value]:
        kind = outcome_of(type(value))
        return remember(self.bench.store, kind(key=key, value=value, provenance=PROVENANCE))


def begin_search(store: Store, study: StoredStudy) -> None:
    """A search of which two trials have ended and one waits."""
    recipe = recipe_of(study.study, "model_4", "float32", None, "tensorflow")
    glyphs = Glyphs.of(study.study, study.sets["glyphs"].value)
    sweep = Sweep(key="sweeps/0123456789abcdef", search=study.study.search, recipe=recipe, glyphs=glyphs)
    sweep.begin(store)
    values = {name: points[0] for name, points in SPACE.items()} | {"tuner/epochs": 1, "tuner/initial_epoch": 0}
    values |= {"tuner/bracket": 1, "tuner/round": 0}
    trials = {
        f"{n:04d}": TrialRecord(configuration=n, values=values, status=state, score=score, seconds=3.0)
        for n, (state, score) in enumerate([("COMPLETED", 0.5), ("FAILED", None), ("INVALID", None)])
    }
    document = Document(
        trials=trials, ended=["0000", "0001"], waiting=["0002"], brackets=[], current_bracket=1, current_iteration=0,
        seed_state=0,
    )  # fmt: skip
    store.put(sweep.oracle, document.model_dump_json().encode())
