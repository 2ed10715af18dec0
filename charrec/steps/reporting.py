"""Gather what the steps found, draw what it looks like, write the report."""

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from charrec.alphabet import CLASSES
from charrec.data import foreign as newdata
from charrec.data.glyphs import Manifest, load_columns, load_images, unavoidable
from charrec.evaluation.scores import overfits_from
from charrec.memo.identity import identity
from charrec.memo.outcome import Outcome, remember
from charrec.report import Pictures, write_report
from charrec.results import DataSummary, SearchResult, StudyResult, TrainingResult
from charrec.steps.data import arrays, halves, local
from charrec.steps.reading import Findings, Predictions, Set, read_table, role_of, twins
from charrec.steps.store import store_of
from charrec.study import Frozen, Runtime, Study
from charrec.sweep.space import SPACE
from charrec.training.precision import Precision

Sets = dict[str, Set]  # role -> what is packed

ROWS, COLUMNS = 4, 6  # of the augmentation examples
MISTAKES = 24
NO_SEARCH = SearchResult(trials=(), space=SPACE, chosen={}, epochs=0, images=0, seconds=0.0)


class Stored(Frozen):
    """Objects in the store."""

    files: tuple[str, ...]  # their keys (a field named `keys` would break `dict(model)`, which Prefect uses)


class Steps(Frozen):
    """The outcomes that a report is made of."""

    glyphs: Outcome[Manifest]
    letters: Outcome[Manifest]
    digits: Outcome[Manifest]
    precision: Outcome[Precision]
    search: Outcome[SearchResult] | None  # none: it failed
    trainings: tuple[Outcome[TrainingResult], ...]
    predictions: tuple[Outcome[Predictions], ...]
    findings: tuple[Outcome[Findings], ...]
    augmented: Outcome[Stored]
    failures: dict[str, str] = {}


def draw_augmented(study: Study, glyphs: Set, runtime: Runtime) -> Outcome[Stored]:
    """Training images and what the augmentation makes of them: (rows, columns, s, s), the first column untouched."""
    given = [
        glyphs.value.digest,
        study.image_size,
        study.split,
        study.validation_fraction,
        study.seed,
        ROWS,
        COLUMNS,
    ]
    key = f"pictures/{identity(given, code=('charrec.models.augmentation',))}"
    store = store_of(runtime)

    def compute() -> Stored:
        import keras

        from charrec.models.augmentation import augmentation

        data = arrays(study, glyphs, runtime)
        chosen = np.random.default_rng(study.seed).choice(data.training, ROWS, replace=False)
        images = data.images[np.sort(chosen)]
        keras.utils.set_random_seed(study.seed)
        layers = augmentation()
        batch = images[..., None].astype(np.float32)
        versions = [np.asarray(layers(batch, training=True))[..., 0] for _ in range(COLUMNS - 1)]
        table = np.stack([images, *[np.rint(v).clip(0, 255).astype(np.uint8) for v in versions]], axis=1)
        content = BytesIO()
        np.save(content, table, allow_pickle=False)
        store.put(f"{key}/augmented.npy", content.getvalue())
        return Stored(files=(f"{key}/augmented.npy",))

    return remember(store, key, Stored, compute)


def report(outcomes: dict[str, Any], study: Study, runtime: Runtime) -> Outcome[Stored]:
    """The report's files in the store, `report.html` the first of them; `outcomes` are the fields of Steps."""
    steps = Steps.model_validate(outcomes)
    result = gather(steps, study, runtime)
    key = f"reports/{identity(result, code=('charrec.report',))}"
    store = store_of(runtime)

    def compute() -> Stored:
        with TemporaryDirectory() as folder:
            written = write_report(result, _pictures(steps, study, runtime), Path(folder))
            keys = [f"{key}/{path.relative_to(folder).as_posix()}" for path in written]
            for path, at in zip(written, keys, strict=True):
                store.upload(path, at)
        return Stored(files=tuple(sorted(keys, key=lambda at: not at.endswith("report.html"))))

    return remember(store, key, Stored, compute)


def gather(steps: Steps, study: Study, runtime: Runtime) -> StudyResult:
    """Everything that the report tells, as one value."""
    sets: dict[str, Set] = {"glyphs": steps.glyphs, "letters": steps.letters, "digits": steps.digits}
    durations = {f"pack {role}": packed.provenance.seconds for role, packed in sets.items()}
    durations |= {f"train {t.value.model}": sum(e.seconds for e in t.value.epochs) for t in steps.trainings}
    if steps.search:
        durations["search"] = steps.search.value.seconds
    durations["choose the precision"] = steps.precision.provenance.seconds
    durations["read"] = sum(o.provenance.seconds for o in steps.predictions)
    durations["evaluate"] = sum(o.provenance.seconds for o in steps.findings)
    last = steps.trainings[-1].provenance
    return StudyResult(
        study=study,
        identity=study_identity([t.key for t in steps.trainings], study),
        data=_summary(steps, study, runtime),
        trainings=tuple(
            t.value.model_copy(update={"overfits_from": overfits_from(t.value.epochs)}) for t in steps.trainings
        ),
        search=steps.search.value if steps.search else NO_SEARCH,
        evaluations=tuple(f.value.evaluation for f in steps.findings),
        external=tuple(row for f in steps.findings for row in f.value.external),
        texts=tuple(row for f in steps.findings for row in f.value.texts),
        machine=last.machine,
        code=last.code,
        durations=durations,
        failures=steps.failures,
        started=min(steps.glyphs.provenance.started, *(t.provenance.started for t in steps.trainings)),
    )


def study_identity(trainings: list[str], study: Study) -> str:
    """One name for these trainings, by their keys, in this study."""
    return identity(trainings, study)


def _summary(steps: Steps, study: Study, runtime: Runtime) -> DataSummary:
    columns = load_columns(local(steps.glyphs.key, runtime))
    training, validation = halves(study, columns)
    known = steps.glyphs.value
    wrong = unavoidable(columns["label"].to_numpy(), columns["sha256"].tolist())
    return DataSummary(
        source=known.source,
        version=known.version,
        licence=known.licence,
        digest=known.digest,
        images=known.images,
        fonts=known.fonts,
        groups=known.groups,
        distinct=known.distinct,
        training=len(training),
        validation=len(validation),
        validation_with_twin=int(twins(columns, training, validation).sum()),
        unavoidable=known.unavoidable,
        unavoidable_validation=int(wrong[validation].sum()),
        letters_source=steps.letters.value.source,
        letters=steps.letters.value.images,
        digits_source=steps.digits.value.source,
        digits=steps.digits.value.images,
    )


def _pictures(steps: Steps, study: Study, runtime: Runtime) -> Pictures:
    path = local(steps.glyphs.key, runtime)
    columns, images = load_columns(path), load_images(path, study.image_size)
    training, validation = halves(study, columns)
    labels = columns["label"].to_numpy()
    shuffled = training[np.random.default_rng(study.seed).permutation(len(training))]
    store = store_of(runtime)
    best = max(range(len(steps.findings)), key=lambda i: steps.findings[i].value.evaluation.accuracy.value)
    _, probabilities = read_table(store, steps.predictions[best].value.tables["validation"])
    wrong, captions = _surest_mistakes(probabilities, labels[validation])
    return Pictures(
        samples=np.stack([images[shuffled[labels[shuffled] == c][0]] for c in range(len(CLASSES))]),
        augmented=np.load(BytesIO(store.get(steps.augmented.value.files[0])), allow_pickle=False),
        texts={
            (text, method): picture
            for text in study.texts
            for method, picture in _text_pictures(text, steps, study, runtime).items()
        },
        mistakes=images[validation[wrong]],
        mistake_captions=captions,
    )


def _surest_mistakes(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, list[str]]:
    read, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(read != labels)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")][:MISTAKES]
    return wrong, [f"{CLASSES[labels[i]]} read as {CLASSES[read[i]]}, {sure[i]:.0%}" for i in wrong]


def _text_pictures(text: str, steps: Steps, study: Study, runtime: Runtime) -> dict[str, np.ndarray]:
    path = local(getattr(steps, role_of(text)).key, runtime)
    picks = newdata.pick_text(text, load_columns(path)["label"].to_numpy(), study.seed)
    raw = load_images(path)[picks]
    return {
        "raw": raw,
        **{method: prepare(raw, study.image_size) for method, prepare in newdata.METHODS.items()},
    }
