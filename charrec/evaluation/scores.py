"""Probabilities -> rates with intervals, confusions, readings. Pure arithmetic: no files, no networks."""

import math
from collections.abc import Sequence

import numpy as np

from charrec.alphabet import CAPITALS, CLASSES, DIGITS, FOLDED
from charrec.data.foreign import METHODS
from charrec.evaluation.kinds import OF, as_one_kind
from charrec.evaluation.temperature import FEWEST, crossed, temperature
from charrec.results import ClassRow, Confusion, Epoch, Evaluation, External, Rate, Reading, TextReading
from charrec.study import Kinds

Z = 1.959964  # standard normal quantile of a two-sided 95 % interval
DRAWS = 2000  # of the bootstrap: its 95 % ends repeat to about 0.02 points
PAIRS = 30
BINS = 15  # of the calibration error, as Guo et al., On calibration of modern neural networks, ICML 2017
ROSE = 1.02  # a validation loss that ends less than 2 % above its lowest is flat, not overfitting

GROUPS: dict[str, tuple[int, ...]] = {"letters": CAPITALS, "digits": DIGITS}


def evaluate(
    model: str,
    probabilities: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    twins: np.ndarray,
    seed: int,
) -> Evaluation:
    """One network on the validation images.

    probabilities (n, 62), labels (n,), groups (n,) of fonts, twins (n,) bool: an identical image of the class
    is in training. Intervals are of a bootstrap over font groups, since the images of a font err together.
    """
    read = probabilities.argmax(axis=1)
    correct = read == labels
    folded = np.array(FOLDED)
    truth = np.clip(probabilities[np.arange(len(labels)), labels], 1e-12, 1)
    second = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    confusion = np.zeros((len(CLASSES), len(CLASSES)), int)
    np.add.at(confusion, (labels, read), 1)

    enough = len(labels) >= FEWEST and len(np.unique(groups)) > 1
    honest = crossed(probabilities, labels, groups, seed).max(axis=1) if enough else None

    def rate(hits: np.ndarray, mask: np.ndarray | None = None) -> Rate:
        return clustered(hits, groups, seed) if mask is None else clustered(hits[mask], groups[mask], seed)

    return Evaluation(
        model=model,
        loss=float(-np.log(truth).mean()),
        accuracy=rate(correct),
        folded_accuracy=rate(folded[read] == folded[labels]),
        top2_accuracy=rate((second == labels[:, None]).any(axis=1)),
        without_twin_accuracy=rate(correct, ~twins) if not twins.all() else None,
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        pairs=most_confused(confusion),
        classes=per_class(confusion),
        calibration_error=calibration_error(probabilities.max(axis=1), correct),
        temperature=temperature(probabilities, labels) if enough else None,
        calibrated_error=None if honest is None else calibration_error(honest, correct),
    )


def clustered(hits: np.ndarray, groups: np.ndarray, seed: int) -> Rate:
    """The share of hits, its interval from drawing whole groups with replacement (percentile bootstrap).

    Where drawing cannot show a spread, since there is one group or every image is a hit (or none is), Wilson's
    interval: for a single group on its images, else on as many images as there are groups.
    """
    _, member = np.unique(groups, return_inverse=True)
    sizes, right = np.bincount(member), np.bincount(member, weights=hits)
    if len(sizes) < 2:
        return wilson(int(hits.sum()), len(hits))
    if hits.all() or not hits.any():
        return wilson(len(sizes) * int(hits.all()), len(sizes)).model_copy(update={"n": len(hits)})
    weights = np.random.default_rng(seed).multinomial(len(sizes), [1 / len(sizes)] * len(sizes), size=DRAWS)
    low, high = np.quantile((weights @ right) / (weights @ sizes), [0.025, 0.975])
    return Rate(value=float(hits.mean()), low=float(low), high=float(high), n=len(hits))


def wilson(hits: int, n: int) -> Rate:
    """A share of n independent images with its score interval (Wilson, JASA 1927)."""
    share = hits / n
    centre, scale = (share + Z * Z / (2 * n)), 1 + Z * Z / n
    half = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return Rate(value=share, low=max(0.0, (centre - half) / scale), high=min(1.0, (centre + half) / scale), n=n)


def calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Expected calibration error: how far confidence and accuracy lie apart, in bins of confidence."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gap = np.bincount(bins, weights=confidence, minlength=BINS) - np.bincount(bins, correct, minlength=BINS)
    return float(np.abs(gap).sum() / len(correct))


def most_confused(confusion: np.ndarray) -> tuple[Confusion, ...]:
    """The most frequent wrong readings."""
    wrong = confusion - np.diag(np.diag(confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    totals = confusion.sum(axis=1)
    return tuple(
        Confusion(truth=CLASSES[t], read=CLASSES[r], count=int(wrong[t, r]), share=float(wrong[t, r] / totals[t]))
        for t, r in zip(*np.unravel_index(order, wrong.shape), strict=True)
        if wrong[t, r]
    )


def per_class(confusion: np.ndarray) -> tuple[ClassRow, ...]:
    """Recall, precision and the most frequent wrong reading of each class; 0 where there is nothing to divide."""
    rows = []
    for index, character in enumerate(CLASSES):
        n, read_as = int(confusion[index].sum()), int(confusion[:, index].sum())
        hits, wrong = int(confusion[index, index]), confusion[index].copy()
        wrong[index] = 0
        worst = int(wrong.argmax())
        rows.append(
            ClassRow(
                character=character,
                n=n,
                recall=hits / n if n else 0.0,
                precision=hits / read_as if read_as else 0.0,
                most_read_as=CLASSES[worst] if wrong[worst] else "",
                most_read_as_share=float(wrong[worst] / n) if n else 0.0,
            )
        )
    return tuple(rows)


def external(model: str, set_: str, method: str, probabilities: np.ndarray, labels: np.ndarray) -> External:
    """One network on a foreign set, among all classes and among the set's own alone."""
    within = np.array(GROUPS[set_])
    read = within[probabilities[:, within].argmax(axis=1)]
    hits = int((probabilities.argmax(axis=1) == labels).sum())
    return External.model_validate(
        {
            "model": model,
            "set": set_,
            "method": method,
            "accuracy": wilson(hits, len(labels)),
            "accuracy_within": wilson(int((read == labels).sum()), len(labels)),
        }
    )


def read_text(
    text: str, model: str, method: str, probabilities: np.ndarray, names: Sequence[str], kinds: Kinds
) -> TextReading:
    """What one network makes of the glyphs of a text; row i of the probabilities is of character i."""
    assert method in METHODS
    (kind,), (read,) = as_one_kind(probabilities[None], kinds)
    glyphs = [
        Reading(
            truth=character,
            name=name,
            top=tuple((CLASSES[c], float(row[c])) for c in np.argsort(-row, kind="stable")[:3]),
        )
        for character, row, name in zip(text, probabilities, names, strict=True)
    ]
    return TextReading.model_validate(
        {
            "text": text,
            "model": model,
            "method": method,
            "read": "".join(glyph.top[0][0] for glyph in glyphs),
            "one_kind": "".join(CLASSES[c] for c in read),
            "kind": list(OF)[kind],
            "glyphs": glyphs,
        }
    )


def overfits_from(epochs: Sequence[Epoch]) -> int | None:
    """The first epoch after the lowest validation loss, where that rose by 2 % till the end; else None.

    On the slides' model 1 the lowest is epoch 4, so it overfits from epoch 5.
    """
    lowest = min(epochs, key=lambda row: row.val_loss)
    rose = epochs[-1].val_loss > ROSE * lowest.val_loss and epochs[-1].loss < lowest.loss
    return lowest.epoch + 1 if rose else None
