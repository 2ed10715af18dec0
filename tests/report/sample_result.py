"""A seeded, invented study result with realistic proportions, and glyphs drawn for it."""

import math
from itertools import count, pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from charrec import alphabet
from charrec.data.font_kinds import EMBEDDED
from charrec.report import Pictures
from charrec.report.board import Board
from charrec.results import (
    Bin,
    ClassRow,
    Confusion,
    DataSummary,
    Epoch,
    Evaluation,
    External,
    Gain,
    Kind,
    Machine,
    Rate,
    Reading,
    Reliability,
    SearchCurve,
    SearchResult,
    Slice,
    Stored,
    StudyResult,
    TextRate,
    TextReading,
    TrainingResult,
    TrialRow,
)
from charrec.study import FULL, QUICK, Data, Search, Study
from charrec.sweep.schedule import schedule
from tests.report.sample_timeline import timeline

DRAWN = ("the same bytes", "a full disk")  # of which `make test` draws a report for one
C = alphabet.CLASSES
CHARS74K = "Chars74K, computer fonts (kaggle:supreethrao/chars74kdigitalenglishfont)"
MODELS = {"model_1": 0.8893, "model_2": 0.9071, "model_3": 0.9103, "model_4": 0.9112}
PARAMETERS = {"model_1": 829_758, "model_2": 829_758, "model_3": 3_977_512, "model_4": 3_690_110}
NETWORK = {"filters_hp_1": 16, "filters_hp_2": 32, "filters_hp_3": 64, "dropout": 0.6, "units": 288}
# Pairs that people confuse too: the two cases of a letter that look alike, and single-stroke characters.
LOOK_ALIKES = [
    *(f"{c}{c.upper()}" for c in "cosvwxzukpmy"),
    "0O",
    "0o",
    "1l",
    "lI",
    "1I",
    "5S",
    "2Z",
    "ij",
    "9g",
]


def rate(value: float, n: int) -> Rate:
    """Wilson's interval."""
    z, p = 1.96, value
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Rate(value=p, low=(middle - half) / (1 + z * z / n), high=(middle + half) / (1 + z * z / n), n=n)


def training(model: str, epochs: int, overfits: bool, rng: np.random.Generator) -> TrainingResult:
    rows = []
    for e in range(1, epochs + 1):
        train = (0.085 if overfits else 0.24) + 1.6 * math.exp(-0.75 * e ** (0.9 if overfits else 0.62))
        val = 0.245 + 0.9 * math.exp(-0.62 * e**0.8) + (0.026 * max(0, e - 5) if overfits else 0.0)
        val += float(rng.normal(0, 0.006))
        peak = MODELS[model]
        val_accuracy = peak - 0.42 * math.exp(-0.8 * e**0.8) - (0.0012 * max(0, e - 5) if overfits else 0.0)
        rows.append(
            Epoch(
                epoch=e,
                loss=train,
                accuracy=1 - 0.36 * train - 0.008,
                val_loss=val,
                val_accuracy=val_accuracy + float(rng.normal(0, 0.0012)),
                seconds=float(rng.normal(27, 0.4)),
                images_per_second=float(rng.normal(2100, 30)),
            )
        )
    lowest = min(rows, key=lambda row: row.val_loss).epoch
    return TrainingResult(
        model=model,
        network=NETWORK if model == "model_4" else {},
        parameters=PARAMETERS[model],
        precision="float32",
        backend="tensorflow",
        device="NVIDIA H100 80GB HBM3",
        epochs=tuple(rows),
        best_epoch=max(rows, key=lambda row: row.val_accuracy).epoch,
        overfits_from=lowest + 1 if overfits and lowest < epochs else None,
        weights=Stored(key=f"trainings/1f0c5a6b7d8e9f00/{model}.weights.h5", sha256="ab" * 32),
    )


def confusion(accuracy: float, per_class: int, rng: np.random.Generator) -> np.ndarray:
    """(62, 62) counts; most errors are between look-alikes."""
    alike = np.full((62, 62), 0.012)
    for a, b in (pair for p in LOOK_ALIKES for pair in (p, p[::-1])):
        alike[C.index(a), C.index(b)] = 9.0
    np.fill_diagonal(alike, 0)
    wrong = alike / alike.sum() * 62 * (1 - accuracy)
    np.fill_diagonal(wrong, 1 - wrong.sum(axis=1))
    return np.array(
        [rng.multinomial(per_class + int(rng.integers(-per_class // 4, per_class // 4 + 1)), row) for row in wrong]
    )


def evaluation(trained: TrainingResult, per_class: int, twins: bool, rng: np.random.Generator) -> Evaluation:
    table = confusion(trained.epochs[trained.best_epoch - 1].val_accuracy, per_class, rng)
    n, right = int(table.sum()), int(np.trace(table))
    fold = np.array(alphabet.FOLDED)
    folded = int(table[fold[:, None] == fold[None, :]].sum())
    off = table - np.diag(np.diag(table))
    order = np.argsort(-off, axis=None, kind="stable")[:30]
    pairs = [(int(k // 62), int(k % 62)) for k in order if off.flat[k]]
    rows = []
    for i, c in enumerate(C):
        worst, total = int(off[i].argmax()), int(table[i].sum())
        rows.append(
            ClassRow(
                character=c,
                n=total,
                recall=table[i, i] / total,
                precision=table[i, i] / max(1, int(table[:, i].sum())),
                most_read_as=C[worst] if off[i, worst] else "",
                most_read_as_share=off[i, worst] / total,
            )
        )
    return Evaluation(
        model=trained.model,
        loss=trained.epochs[trained.best_epoch - 1].val_loss,
        accuracy=rate(right / n, n),
        folded_accuracy=rate(folded / n, n),
        top2_accuracy=rate(min(1, folded / n + 0.005), n),
        without_twin_accuracy=rate(right / n - 0.028, int(n * 0.761)) if twins else None,
        confusion=tuple(tuple(int(v) for v in row) for row in table),
        pairs=tuple(
            Confusion(truth=C[i], read=C[j], count=int(off[i, j]), share=off[i, j] / table[i].sum()) for i, j in pairs
        ),
        classes=tuple(rows),
        calibration_error=0.012,
    )


def search(searched: Search, rng: np.random.Generator) -> SearchResult:
    """Successive halving: the best of each rung are promoted to the next."""
    space = {
        "filters_hp_1": (16.0, 32.0, 48.0, 64.0),
        "filters_hp_2": (32.0, 64.0, 96.0),
        "filters_hp_3": (64.0, 128.0),
        "dropout": (0.4, 0.5, 0.6, 0.7),
        "units": (128.0, 192.0, 256.0, 288.0, 384.0, 512.0),
    }
    trials: list[TrialRow] = []
    nets: list[tuple[int, dict[str, int | float], float]] = []
    configurations = count()
    for rung in schedule(searched):
        if rung.rung:
            nets = sorted(nets, key=lambda net: -net[2])[: rung.trials]
        else:
            nets = [
                (
                    next(configurations),
                    {k: (float if k == "dropout" else int)(rng.choice(v)) for k, v in space.items()},
                    float(rng.normal(0.9, 0.008)),
                )
                for _ in range(rung.trials)
            ]
        for config, network, skill in nets:
            failed = len(trials) == 7
            value = skill - 0.25 * math.exp(-0.75 * rung.epochs) + float(rng.normal(0, 0.002))
            trials.append(
                TrialRow(
                    trial=f"{len(trials):04d}",
                    configuration=config,
                    bracket=rung.bracket,
                    rung=rung.rung,
                    epochs=rung.epochs,
                    val_accuracy=None if failed else value,
                    state="FAILED" if failed else "COMPLETED",
                    network=network,
                    seconds=8.6 * (rung.epochs - rung.first),
                )
            )
    best = max(trials, key=lambda trial: trial.val_accuracy or 0).configuration
    trials = [t.model_copy(update={"network": NETWORK}) if t.configuration == best else t for t in trials]
    trials.sort(key=lambda trial: -(trial.val_accuracy or 0))
    return SearchResult(
        trials=tuple(trials),
        space=space,
        chosen=NETWORK,
        epochs=sum(trial.epochs for trial in trials),
        images=50_394,
        seconds=1523.4,
    )


def readings(studied: Study, rng: np.random.Generator) -> tuple[TextReading, ...]:
    wrong = {"R": "P", "2": "A", "P": "p", "0": "O"}
    texts = []
    for text in studied.texts:
        for model in MODELS:
            for method in ("prepared", "reference"):
                glyphs = []
                for k, c in enumerate(text):
                    slip = c in wrong and rng.random() < (0.2 if method == "prepared" else 0.6)
                    first = wrong[c] if slip else c
                    sure = float(rng.uniform(0.55, 0.999))
                    rest = [x for x in (c, "Q", "7") if x != first][:2]
                    top = ((first, sure), (rest[0], 0.8 * (1 - sure)), (rest[1], 0.1 * (1 - sure)))
                    glyphs.append(Reading(truth=c, name=f"Images/Images/{c}/{1400 + k}.png", top=top))
                read = "".join(glyph.top[0][0] for glyph in glyphs)
                digits = text.isdigit()
                kind: Kind = "digits" if digits else "capitals"
                one_kind = "".join(c if (d := read[k]).isdigit() != digits else d.upper() for k, c in enumerate(text))
                texts.append(
                    TextReading(
                        text=text, model=model, method=method, read=read, one_kind=one_kind, kind=kind,
                        glyphs=tuple(glyphs),
                    )
                )  # fmt: skip
    return tuple(texts)


def text_rates(studied: Study) -> tuple[TextRate, ...]:
    rates = []
    for text in (*studied.texts, "years", "months", "words"):
        digits = text.isdigit() or text == "years"
        for m, model in enumerate(MODELS):
            for method in ("prepared", "reference"):
                easy = (0.1 if digits else 0.6) + 0.03 * m - (0.05 if method == "reference" else 0)
                kind: Kind = "digits" if digits else "capitals"
                rates.append(
                    TextRate(
                        text=text, model=model, method=method, kind=kind, plain=rate(easy / 5, 2000),
                        one_kind=rate(0.75 * easy, 2000), kind_known=rate(easy, 2000),
                    )
                )  # fmt: skip
    return tuple(rates)


def externals() -> tuple[External, ...]:
    scores = {("letters", "prepared"): 0.81, ("letters", "reference"): 0.66}
    scores |= {("digits", "prepared"): 0.47, ("digits", "reference"): 0.21}
    return tuple(
        External(
            model=model,
            set=group,
            method=method,
            accuracy=rate(score + 0.012 * i, n),
            accuracy_within=rate(score + 0.12 + 0.012 * i, n),
        )
        for i, model in enumerate(MODELS)
        for (group, method), score in scores.items()
        for n in [2600 if group == "letters" else 10_000]
    )


def gains(evaluations: tuple[Evaluation, ...]) -> tuple[Gain, ...]:
    """Each network less the one before; from model 3 on the interval contains 0."""
    return tuple(
        Gain(
            model=one.model, before=before.model, difference=(apart := one.accuracy.value - before.accuracy.value),
            low=apart - 0.009, high=apart + 0.009, n=one.accuracy.n, groups=246,
        )
        for before, one in pairwise(evaluations)
    )  # fmt: skip


def search_curves(found: SearchResult) -> tuple[SearchCurve, ...]:
    """Epochs that lead to the accuracies of each configuration's trials."""
    curves = []
    for configuration in sorted({trial.configuration for trial in found.trials}):
        own = {t.epochs: t.val_accuracy for t in found.trials if t.configuration == configuration and t.val_accuracy}
        values = [own.get(e, 0.9 - 0.25 * math.exp(-0.75 * e)) for e in range(1, max(own, default=0) + 1)]
        epochs = [
            Epoch(epoch=e, loss=0.5, accuracy=v, val_loss=0.5, val_accuracy=v, seconds=8.6, images_per_second=2100)
            for e, v in enumerate(values, 1)
        ]
        curves.append(SearchCurve(configuration=configuration, epochs=tuple(epochs)))
    return tuple(curves)


def reliability(model: str) -> Reliability:
    """Too sure without its temperature."""
    middles = [(k / 15, (k + 0.5) / 15, (k + 1) / 15) for k in range(6, 15)]
    plain, tempered = (
        tuple(
            Bin(low=low, high=high, n=40 + 30 * k, confidence=middle, accuracy=middle - shift)
            for k, (low, middle, high) in enumerate(middles)
        )
        for shift in (0.03, 0.004)
    )
    return Reliability(
        model=model, bins=plain, error=0.03, temperature=1.4, tempered=tempered, tempered_error=0.004
    )  # fmt: skip


def slices(evaluated: Evaluation) -> tuple[Slice, ...]:
    shares = {("character", "digits"): 0.05, ("character", "capitals"): 0.0, ("character", "small letters"): -0.03}
    shares |= {("weight", "regular"): 0.002, ("weight", "bold"): -0.002}
    n = evaluated.accuracy.n // 3
    return tuple(
        Slice.model_validate(
            {"model": evaluated.model, "by": by, "name": name, "accuracy": rate(evaluated.accuracy.value + more, n)}
            | {"folded_accuracy": rate(evaluated.folded_accuracy.value, n)}
        )
        for (by, name), more in shares.items()
    )


def data_summary(source: str, images: int) -> DataSummary:
    training = round(images * 0.8)
    return DataSummary(
        source=source,
        version="1",
        licence="CC BY-NC 4.0" if source == CHARS74K else "OFL 1.1 and Apache 2.0, as each font says",
        digest="9d5c1f9ab03e66d2" * 4,
        images=images,
        fonts=images // 62 if source != CHARS74K else 254,
        groups=images // 62 if source != CHARS74K else 197,
        distinct=50_737 if images == 62_992 else round(images * 0.805),
        training=training,
        validation=images - training,
        validation_with_twin=round((images - training) * 0.239),
        unavoidable=round(images * 0.0134),
        unavoidable_validation=round((images - training) * 0.0131),
        letters_source="kaggle:thomasqazwsxedc/alphabet-characters-fonts-dataset",
        letters=2600,
        letters_version="1",
        letters_licence="Apache 2.0",
        letters_digest="3f0e7d6c5b4a2918" * 4,
        digits_source="kaggle:hojjatk/mnist-dataset",
        digits=10_000,
        digits_version="1",
        digits_licence="",
        digits_digest="c0ffee0123456789" * 4,
    )


def machine() -> Machine:
    return Machine(
        cpu="AMD EPYC 9534 64-Core Processor",
        cores=16,
        memory_gib=125.8,
        gpus=("NVIDIA H100 80GB HBM3",),
        system="Linux 6.8 x86_64",
        versions={"python": "3.11.14", "keras": "3.15.1", "tensorflow": "2.21.0", "numpy": "2.4.1"},
    )


def shifted(trained: TrainingResult, evaluated: Evaluation) -> TrainingResult:
    """The history shifted so that its best epoch has the evaluated accuracy."""
    shift = evaluated.accuracy.value - trained.epochs[trained.best_epoch - 1].val_accuracy
    rows = [row.model_copy(update={"val_accuracy": row.val_accuracy + shift}) for row in trained.epochs]
    return trained.model_copy(update={"epochs": tuple(rows)})


def study_result(studied: Study = FULL, source: str = CHARS74K) -> StudyResult:
    """The full study on Chars74K, or another study on another source."""
    rng = np.random.default_rng(7)
    tiny = studied is not FULL
    epochs = {"model_1": 15, "model_2": 15, "model_3": 15, "model_4": 20} if not tiny else dict.fromkeys(MODELS, 2)
    trainings = tuple(training(model, n, model == "model_1", rng) for model, n in epochs.items())
    images = 62_992 if not tiny else 2976
    evaluations = tuple(evaluation(t, images // 310, not tiny, rng) for t in trainings)
    searched = search(studied.search, rng)
    return StudyResult(
        study=studied,
        identity="5b8d0c2a77e1f934",
        data=data_summary(source, images),
        trainings=tuple(map(shifted, trainings, evaluations)),
        search=searched,
        search_curves=search_curves(searched),
        timeline=timeline(searched.trials),
        reliability=tuple(reliability(e.model) for e in evaluations),
        slices=tuple(part for e in evaluations for part in slices(e)),
        gains=gains(evaluations),
        evaluations=evaluations,
        external=externals(),
        texts=readings(studied, rng),
        text_rates=text_rates(studied),
        machine=machine(),
        code="607dc10f3b1e5a9c2d4f60718293a4b5c6d7e8f9+",
        durations={"data": 41.2, "model_1": 402.0, "model_2": 398.1, "model_3": 431.9}
        | {"search": 1523.4, "model_4": 551.7, "evaluation": 38.0, "new data": 22.6},
        started="2026-11-22T18:33:30Z",
    )


TINY = QUICK.model_copy(
    update={"data": Data(glyphs="fonts", letters="fonts", digits="sklearn", fonts=48, letters_per_class=20)}
)


def tiny_result() -> StudyResult:
    """Two epochs, few trials, no twins, no overfitting."""
    return study_result(TINY, EMBEDDED)


def glyph(c: str, size: int, seed: int = 0) -> np.ndarray:
    """One character, black on white, slightly different for each seed."""
    rng = np.random.default_rng(seed)
    image = Image.new("L", (size, size), 255)
    font = ImageFont.load_default(size=size * rng.uniform(0.6, 0.8))
    draw = ImageDraw.Draw(image)
    draw.text((size / 2, size / 2), c, fill=0, font=font, anchor="mm")
    if seed:
        image = image.rotate(float(rng.uniform(-12, 12)), fillcolor=255, resample=Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.uint8)


def pictures(studied: Study = FULL, mistakes: int = 18, board: Board | None = None) -> Pictures:
    size = studied.image_size
    rng = np.random.default_rng(11)
    texts = {}
    for text in studied.texts:
        for method, side in (("raw", 28), ("prepared", size), ("reference", size)):
            texts[text, method] = np.stack([glyph(c, side, 40 + k) for k, c in enumerate(text)])
    pairs = [LOOK_ALIKES[k % len(LOOK_ALIKES)] for k in range(mistakes)]
    empty = np.zeros((0, size, size), np.uint8)
    return Pictures(
        samples=np.stack([glyph(c, size) for c in C]),
        augmented=np.stack([[glyph(c, size, 100 * k * (k > 0)) for k in range(8)] for c in "aR5"]),
        texts=texts,
        mistakes=np.stack([glyph(pair[0], size, k) for k, pair in enumerate(pairs)]) if pairs else empty,
        mistake_captions=[f"{a} read as {b}, {rng.uniform(97, 100):.1f} %" for a, b in pairs],
        misread=np.stack([glyph(a, 32, k) for k, (a, _) in enumerate(pairs)]) if pairs else empty,
        misread_as=tuple((a, b, 0.9) for a, b in pairs),
        board=board,
    )
