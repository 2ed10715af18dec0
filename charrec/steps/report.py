"""The results of all steps -> the report's files."""

from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from tokenize import TokenError
from typing import Any

import numpy as np
import pandas as pd

from charrec.alphabet import CLASSES
from charrec.data import foreign
from charrec.data.arrays import Glyphs, Packed
from charrec.data.font_kinds import font_kinds
from charrec.data.glyphs import load_columns, load_images
from charrec.data.sources.damage import scratch
from charrec.data.twins import twins
from charrec.data.unavoidable import unavoidable
from charrec.evaluation.gains import gains
from charrec.evaluation.reliability import reliability
from charrec.evaluation.scores import overfits_from
from charrec.evaluation.slices import slices
from charrec.evaluation.tables import VALIDATION, role_of, table_of
from charrec.evaluation.temperature import FEWEST, temperature
from charrec.memo.identity import identity
from charrec.memo.outcome import Outcome
from charrec.memo.step import Bench, Step
from charrec.report import Pictures, write_report
from charrec.report.board import SAMPLE, Board, Sample, board, size_of
from charrec.report.pixels import small
from charrec.results import (
    AugmentResult,
    DataSummary,
    EvaluationResult,
    PackResult,
    Precision,
    PredictionResult,
    Reliability,
    ReportResult,
    SearchCurve,
    SearchResult,
    Slice,
    Stored,
    StudyResult,
    TrainingResult,
)
from charrec.storage import Store, document
from charrec.study import Frozen, Search, Study
from charrec.training.checkpoints import read_progress
from charrec.tuning.timeline import timeline

MISTAKES = 24
MISREAD = 2000  # images that the page's matrix shows at most, the most confident first: half a megabyte
MISREAD_SIZE = 32  # px


class Given(Frozen):
    """The study, and the keys of its steps' outcomes; what failed is missing, and `failures` says why."""

    study: Study
    glyphs: str
    letters: str
    digits: str
    precision: str
    search: str | None
    trainings: tuple[str, ...]
    predictions: tuple[str, ...]
    evaluations: tuple[str, ...]
    augmented: str
    failures: dict[str, str] = {}


@dataclass(frozen=True)
class Outcomes:
    """What lies under the keys."""

    glyphs: Outcome[PackResult]
    letters: Outcome[PackResult]
    digits: Outcome[PackResult]
    precision: Outcome[Precision]
    search: Outcome[SearchResult] | None
    trainings: list[Outcome[TrainingResult]]
    predictions: list[Outcome[PredictionResult]]
    evaluations: list[Outcome[EvaluationResult]]
    augmented: Outcome[AugmentResult]


@dataclass(frozen=True)
class Images:
    """The packed glyphs: a file of them, what is known of each, and which of them train and validate."""

    path: Path
    columns: pd.DataFrame
    training: np.ndarray
    validation: np.ndarray


def compute(given: Given, bench: Bench) -> ReportResult:
    outcomes = outcomes_of(given, bench)
    images = images_of(given.study, outcomes, bench)
    result = gather(given, outcomes, images, bench)
    key = REPORT.key(given)
    with ExitStack() as stack:
        folder = drawn(result, pictures_of(given.study, outcomes, images, bench), stack)
        written = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        files = []
        for path in sorted(written, key=lambda path: path.name == "report.html"):  # last: without it there is no report
            at = f"{key}/{path.relative_to(folder).as_posix()}"
            files.append(Stored(key=at, sha256=bench.store.upload(path, at)))
    return ReportResult(files=tuple(files[::-1]))


def drawn(result: StudyResult, pictures: Pictures, stack: ExitStack) -> Path:
    """A folder with the report's files, until the stack ends. Raises InputError for a full temporary folder."""
    with scratch("the report's files"):
        folder = Path(stack.enter_context(TemporaryDirectory()))
        write_report(result, pictures, folder)
    return folder


def outcomes_of(given: Given, bench: Bench) -> Outcomes:
    return Outcomes(
        glyphs=bench.outcome(given.glyphs, PackResult),
        letters=bench.outcome(given.letters, PackResult),
        digits=bench.outcome(given.digits, PackResult),
        precision=bench.outcome(given.precision, Precision),
        search=bench.outcome(given.search, SearchResult) if given.search else None,
        trainings=[bench.outcome(key, TrainingResult) for key in given.trainings],
        predictions=[bench.outcome(key, PredictionResult) for key in given.predictions],
        evaluations=[bench.outcome(key, EvaluationResult) for key in given.evaluations],
        augmented=bench.outcome(given.augmented, AugmentResult),
    )


def no_search(search: Search) -> SearchResult:
    """Of one that failed, or has not begun."""
    return SearchResult(trials=(), space=search.space.searched, chosen={}, epochs=0, images=0, seconds=0.0)


def images_of(study: Study, outcomes: Outcomes, bench: Bench) -> Images:
    glyphs = Glyphs.of(study, outcomes.glyphs.value)
    path = glyphs.packed.local(bench.store, bench.cache)
    columns = load_columns(path)
    return Images(path, columns, *glyphs.halves(columns))


def gather(given: Given, outcomes: Outcomes, images: Images, bench: Bench) -> StudyResult:
    """Everything that the report tells, as one value."""
    search, last = outcomes.search, outcomes.trainings[-1].provenance
    sets = {"glyphs": outcomes.glyphs, "letters": outcomes.letters, "digits": outcomes.digits}
    durations = {f"pack {role}": packed.provenance.seconds for role, packed in sets.items()}
    durations |= {f"train {t.value.model}": sum(e.seconds for e in t.value.epochs) for t in outcomes.trainings}
    durations |= {"search": search.value.seconds} if search else {}
    durations["precision"] = outcomes.precision.provenance.seconds
    durations["predict"] = sum(o.provenance.seconds for o in outcomes.predictions)
    durations["evaluate"] = sum(o.provenance.seconds for o in outcomes.evaluations)
    return StudyResult(
        study=given.study,
        identity=study_identity(given.trainings, given.study),
        data=_summary(outcomes, images),
        trainings=tuple(
            t.value.model_copy(update={"overfits_from": overfits_from(t.value.epochs)}) for t in outcomes.trainings
        ),
        search=search.value if search else no_search(given.study.search),
        evaluations=tuple(o.value.evaluation for o in outcomes.evaluations),
        external=tuple(row for o in outcomes.evaluations for row in o.value.external),
        texts=tuple(row for o in outcomes.evaluations for row in o.value.texts),
        text_rates=tuple(row for o in outcomes.evaluations for row in o.value.text_rates),
        search_curves=search_curves(search.key, search.value, bench.store) if search else (),
        timeline=timeline(bench.store, search.key) if search else None,
        **parts_of(given.study, outcomes, images, bench),
        predictions={t.value.model: p.key for t, p in zip(outcomes.trainings, outcomes.predictions, strict=True)},
        machine=last.machine,
        code=last.code,
        durations=durations,
        failures=given.failures,
        started=min(outcomes.glyphs.provenance.started, *(t.provenance.started for t in outcomes.trainings)),
    )


def _validation(predictions: PredictionResult, images: Images, bench: Bench) -> np.ndarray:
    """The (n, 62) probabilities of the validation images."""
    return table_of(predictions, VALIDATION, bench.store, len(images.validation))[1]


def search_curves(key: str, search: SearchResult, store: Store) -> tuple[SearchCurve, ...]:
    """The trainings of the configurations of the search under this key, as far as they can be read."""
    trained = {
        configuration: read_progress(store, f"{key}/configuration-{configuration:03d}").epochs
        for configuration in sorted({trial.configuration for trial in search.trials})
    }
    return tuple(SearchCurve(configuration=one, epochs=epochs) for one, epochs in trained.items() if epochs)


def parts_of(study: Study, outcomes: Outcomes, images: Images, bench: Bench) -> dict[str, Any]:
    """The fields of a study's result that need each network's answer to each validation image."""
    known = images.columns.iloc[images.validation]
    labels, groups, styles, families = (known[name].to_numpy() for name in ("label", "group", "style", "font"))
    named = font_kinds(outcomes.glyphs.value.manifest.source, families.tolist())
    kinds = np.array([named.get(family, "") for family in families])
    sure: list[Reliability] = []
    parts: list[Slice] = []
    read: dict[str, np.ndarray] = {}
    for evaluated, predicted in zip(outcomes.evaluations, outcomes.predictions, strict=True):
        model, found = evaluated.value.evaluation.model, _validation(predicted.value, images, bench)
        sure.append(reliability(model, found, labels, groups, study.seed))
        read[model] = found.argmax(axis=1)
        parts += slices(model, read[model], labels, groups, styles, kinds, study.seed)
    return {"reliability": tuple(sure), "slices": tuple(parts), "gains": gains(read, labels, groups, study.seed)}


def study_identity(trainings: tuple[str, ...], study: Study) -> str:
    """One name for these trainings, by their keys, in this study."""
    return identity(trainings, study)


def _summary(outcomes: Outcomes, images: Images) -> DataSummary:
    known, columns, validation = outcomes.glyphs.value.manifest, images.columns, images.validation
    letters, digits = outcomes.letters.value.manifest, outcomes.digits.value.manifest
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
        training=len(images.training),
        validation=len(validation),
        validation_with_twin=int(twins(columns, images.training, validation).sum()),
        unavoidable=known.unavoidable,
        unavoidable_validation=int(wrong[validation].sum()),
        letters_source=letters.source,
        letters=letters.images,
        letters_version=letters.version,
        letters_licence=letters.licence,
        letters_digest=letters.digest,
        digits_source=digits.source,
        digits=digits.images,
        digits_version=digits.version,
        digits_licence=digits.licence,
        digits_digest=digits.digest,
    )


def pictures_of(study: Study, outcomes: Outcomes, images: Images, bench: Bench) -> Pictures:
    pixels = load_images(images.path, study.image_size)
    training, validation = images.training, images.validation
    labels = images.columns["label"].to_numpy()
    shuffled = training[np.random.default_rng(study.seed).permutation(len(training))]
    best = max(range(len(outcomes.evaluations)), key=lambda i: outcomes.evaluations[i].value.evaluation.accuracy.value)
    augmented = outcomes.augmented.value.images
    wrong, read_as = _mistakes(_validation(outcomes.predictions[best].value, images, bench), labels[validation])
    return Pictures(
        samples=np.stack([pixels[shuffled[labels[shuffled] == c][0]] for c in range(len(CLASSES))]),
        augmented=augmented_of(bench.store.get(augmented.key), augmented.key),
        texts={
            (text, method): picture
            for text in study.texts
            for method, picture in _text_pictures(text, study, outcomes, bench).items()
        },
        mistakes=pixels[validation[wrong[:MISTAKES]]],
        mistake_captions=[f"{truth} read as {read}, {sure:.0%}" for truth, read, sure in read_as[:MISTAKES]],
        misread=small(pixels[validation[wrong[:MISREAD]]], MISREAD_SIZE),
        misread_as=tuple(read_as[:MISREAD]),
        board=_board(study, outcomes, images, pixels, bench),
    )


def _board(study: Study, outcomes: Outcomes, images: Images, pixels: np.ndarray, bench: Bench) -> Board:
    """The network that reads in the page, measured on some validation images as the page has it."""
    chosen = np.random.default_rng(study.seed).permutation(len(images.validation))[:SAMPLE]
    places = images.validation[chosen]
    predicted = {
        evaluated.value.evaluation.model: predictions.value
        for evaluated, predictions in zip(outcomes.evaluations, outcomes.predictions, strict=True)
    }

    def sampled(model: str) -> Sample:
        size = size_of(study, model)
        probabilities = _validation(predicted[model], images, bench)
        labels = images.columns["label"].to_numpy()
        enough = len(probabilities) >= FEWEST
        return Sample(
            images=(pixels if size == study.image_size else load_images(images.path, size))[places],
            labels=labels[places],
            read=probabilities.argmax(axis=1)[chosen],
            temperature=temperature(probabilities, labels[images.validation]) if enough else 1.0,
        )

    external = [row for one in outcomes.evaluations for row in one.value.external]
    return board(study, [one.value for one in outcomes.trainings], external, bench.store, sampled)


def augmented_of(content: bytes, where: str) -> np.ndarray:
    """(rows, columns, s, s) uint8 of a NumPy file. Raises Foreign for another; nothing in it is executed."""
    try:
        images: np.ndarray = np.lib.format.read_array(BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError, TypeError, OverflowError, MemoryError, SyntaxError, TokenError) as error:
        raise document.foreign(where, f"no array of NumPy's ({type(error).__name__})") from None
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[2] != images.shape[3] or not images.size:
        raise document.foreign(where, f"an array of {images.dtype} {images.shape}")
    return images


def _mistakes(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, list[tuple[str, str, float]]]:
    """Of the misread images, the most confident first: their places; truth, reading and its probability."""
    read, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(read != labels)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")]
    return wrong, [(CLASSES[labels[i]], CLASSES[read[i]], float(sure[i])) for i in wrong]


def _text_pictures(text: str, study: Study, outcomes: Outcomes, bench: Bench) -> dict[str, np.ndarray]:
    packed: Outcome[PackResult] = getattr(outcomes, role_of(text))
    path = Packed.of(packed.value).local(bench.store, bench.cache)
    picks = foreign.pick_text(text, load_columns(path)["label"].to_numpy(), study.seed)
    raw = load_images(path)[picks]
    return {"raw": raw, **{method: prepare(raw, study.image_size) for method, prepare in foreign.METHODS.items()}}


REPORT = Step("report", "reports/", Given, ReportResult, compute)
