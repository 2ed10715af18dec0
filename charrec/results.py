"""The results of the study's steps as typed values: declarations alone, no behaviour.

Rates are fractions in [0, 1], durations are seconds, losses are cross-entropies in nats.
"""

from typing import Annotated, Literal

from charrec.study import UNCOUNTED, Frozen, Study


class Stored(Frozen):
    """An object in the store that belongs to a result; without it, or with another content, the result is not whole."""

    key: Annotated[str, UNCOUNTED]
    sha256: str


class Manifest(Frozen):
    """What a packed set holds; `digest` is of the images and what is known of them, not of the packing."""

    digest: str
    images: int
    size: int  # px, square
    classes: int
    fonts: int
    groups: int
    distinct: int  # different pictures
    unavoidable: int  # images that no classifier can get right: the same picture bears another label too
    source: str
    version: str
    licence: str


class PackResult(Frozen):
    """A packed set and its file."""

    manifest: Manifest
    file: Stored  # glyphs.parquet


class Precision(Frozen):
    """What to train in, and the images/s of model 1 that say why (none where the study fixed it)."""

    chosen: str
    images_per_second: dict[str, float] = {}


class Epoch(Frozen):
    """One row of a history; `epoch` counts from 1."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    images_per_second: float  # training images, validation not counted


class TrainingResult(Frozen):
    """One trained network and how it came to be."""

    model: str  # "model_1" ... "model_5"
    network: dict[str, int | float] = {}  # what the search chose, model 4 alone
    parameters: int
    precision: str
    backend: str  # of Keras
    device: str
    epochs: tuple[Epoch, ...]
    best_epoch: int  # of the highest validation accuracy; its weights are kept
    overfits_from: int | None = (
        None  # found by the report's step: the first epoch after the lowest validation loss, if the loss rose for good
    )
    weights: Stored


class Rate(Frozen):
    """A share of n with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int


class ClassRow(Frozen):
    character: str
    n: int
    recall: float
    precision: float
    most_read_as: str  # the most frequent wrong answer, "" if there was none
    most_read_as_share: float


class Confusion(Frozen):
    """`count` images of `truth` were read as `read`."""

    truth: str
    read: str
    count: int
    share: float  # of the images of `truth`


class Evaluation(Frozen):
    """One network on the validation images."""

    model: str
    loss: float
    accuracy: Rate
    folded_accuracy: Rate  # the two cases of a letter as one
    top2_accuracy: Rate
    without_twin_accuracy: Rate | None  # images without an identical image of their class in training
    confusion: tuple[tuple[int, ...], ...]  # [truth][read], 62 x 62
    pairs: tuple[Confusion, ...]  # the most confused, both directions apart
    classes: tuple[ClassRow, ...]
    calibration_error: float  # expected calibration error, 15 bins
    temperature: float | None = None  # fitted on these images; none: too few, or an older result
    calibrated_error: float | None = None  # the error at a temperature that was fitted on the other half of the fonts


class External(Frozen):
    """One network on a whole foreign set."""

    model: str
    set: Literal["letters", "digits"]
    method: Literal["prepared", "reference"]
    accuracy: Rate  # among all 62 classes
    accuracy_within: Rate  # among the 26 capitals or the 10 digits alone


Kind = Literal["digits", "capitals", "small letters"]


class Reading(Frozen):
    """One glyph as one network reads it: the three likeliest classes with their probabilities."""

    truth: str
    name: str  # of the image in its source
    top: tuple[tuple[str, float], ...]


class TextReading(Frozen):
    text: str
    model: str
    method: Literal["prepared", "reference"]
    read: str  # each glyph for itself
    one_kind: str = ""  # all as the likeliest of three kinds; older results do not say
    kind: Kind | None = None  # that one
    glyphs: tuple[Reading, ...]


class TextRate(Frozen):
    """How often one network reads a whole text right, over many draws of its images."""

    text: str  # one of the study's, "years", "months" or "words"
    model: str
    method: Literal["prepared", "reference"]
    kind: Kind
    plain: Rate  # each glyph for itself
    one_kind: Rate  # as the likeliest of three kinds
    kind_known: Rate


class PredictionResult(Frozen):
    """Tables in the store: one row an image, its name, its character, and a probability for each class."""

    tables: dict[str, Stored]  # "validation", "letters prepared", ...


class EvaluationResult(Frozen):
    """Everything that one network read."""

    evaluation: Evaluation
    external: tuple[External, ...]
    texts: tuple[TextReading, ...]
    text_rates: tuple[TextRate, ...]


class AugmentResult(Frozen):
    """Training images and versions of them, as a NumPy file: (rows, columns, s, s) uint8."""

    images: Stored


class ReportResult(Frozen):
    """The files of a report, `report.html` the first of them."""

    files: tuple[Stored, ...]


class ReadResult(Frozen):
    """Images under a prefix, as a network reads them: a CSV file, one row an image."""

    images: int
    unreadable: int  # of them; their rows say why
    table: Stored


class TrialRow(Frozen):
    trial: str
    configuration: int  # the n-th new configuration of the search
    bracket: int
    rung: int
    epochs: int  # trained in all after this trial
    val_accuracy: float | None
    state: str  # COMPLETED, FAILED, or LOST: given up, since its workers were lost
    network: dict[str, int | float]  # the hyperparameters as on the slide
    seconds: float


class SearchResult(Frozen):
    trials: tuple[TrialRow, ...]  # best first; none: the search failed
    space: dict[str, tuple[float, ...]]  # what could be chosen
    chosen: dict[str, int | float]
    epochs: int  # trained in all trials together
    images: int  # training images searched on
    seconds: float


class SearchCurve(Frozen):
    """The training of one configuration, which its trials share."""

    configuration: int
    epochs: tuple[Epoch, ...]


class Stretch(Frozen):
    """A worker's work at a trial of the search; times in seconds since the timeline began."""

    worker: str
    trial: str
    configuration: int
    bracket: int
    rung: int
    begin: float
    end: float | None  # of a lost or running one, the worker's last sign of life; None: it ended without a word
    how: Literal["completed", "failed", "given back", "lost", "running"]
    epochs: int | None  # finished in it; None: unknown
    after: int | None  # epochs of its configuration that were done at its end
    lost: float | None = None  # seconds of training in it that are in no stored epoch; None: an older result


class Timeline(Frozen):
    """Who worked at the search when, by the store's clock. Of a trial with many stretches, the latest 20."""

    began: str  # ISO 8601, UTC
    stretches: tuple[Stretch, ...]  # in the order of their begin


class Bin(Frozen):
    """The images whose likeliest class has a probability within [low, high)."""

    low: float
    high: float
    n: int
    confidence: float  # mean of these probabilities
    accuracy: float


class Reliability(Frozen):
    """Whether one network is right as often as it says, on the validation images, without and with a temperature.

    With one: each half of the font groups under the temperature that the other half asks for.
    """

    model: str
    bins: tuple[Bin, ...]  # those with images
    error: float  # expected calibration error
    temperature: float  # of all validation images
    tempered: tuple[Bin, ...]
    tempered_error: float


class Slice(Frozen):
    """One network on the validation images of one kind of character or font, weight or slant."""

    model: str
    by: Literal["character", "font kind", "weight", "slant"]
    name: str  # "digits", "serif", "bold", "italic", ...
    accuracy: Rate
    folded_accuracy: Rate


class Gain(Frozen):
    """The accuracy of one network less that of the one before it, on the same validation images.

    The 95 % interval is from drawing whole groups of fonts.
    """

    model: str
    before: str
    difference: float
    low: float
    high: float
    n: int  # images
    groups: int


class DataSummary(Frozen):
    """What was trained and validated on, and what was read besides. Older results do not say all of the latter."""

    source: str
    version: str
    licence: str
    digest: str
    images: int
    fonts: int
    groups: int  # of fonts joined by identical images
    distinct: int  # different pictures
    training: int
    validation: int
    validation_with_twin: int
    unavoidable: int  # images of the whole set that no classifier can get right: same picture, other label
    unavoidable_validation: int
    letters_source: str
    letters: int
    letters_version: str = ""
    letters_licence: str = ""
    letters_digest: str = ""
    digits_source: str
    digits: int
    digits_version: str = ""
    digits_licence: str = ""
    digits_digest: str = ""


class Machine(Frozen):
    cpu: str
    cores: int
    memory_gib: float
    gpus: tuple[str, ...]
    system: str
    versions: dict[str, str]  # python, keras, tensorflow, ...


class StudyResult(Frozen):
    """Everything that a report tells."""

    study: Study
    identity: str
    data: DataSummary
    trainings: tuple[TrainingResult, ...]
    search: SearchResult
    evaluations: tuple[Evaluation, ...]
    external: tuple[External, ...]
    texts: tuple[TextReading, ...]
    text_rates: tuple[TextRate, ...] = ()  # older results have none
    search_curves: tuple[SearchCurve, ...] = ()  # likewise
    timeline: Timeline | None = None  # likewise
    reliability: tuple[Reliability, ...] = ()  # likewise
    slices: tuple[Slice, ...] = ()  # likewise
    gains: tuple[Gain, ...] = ()  # likewise
    predictions: dict[str, str] = {}  # model -> key of the outcome of its predictions; older results do not say
    machine: Machine
    code: str  # commit, "+" if changed; "" outside a repository
    durations: dict[str, float]  # step -> seconds
    failures: dict[str, str] = {}  # "search" or a model -> why there is nothing of it
    started: str  # ISO 8601, UTC
