"""How much of a search's accuracy goes with each hyperparameter, from the table of trials alone.

A plain comparison of means, since thirty trials bear no more: a forest's variance shares (functional ANOVA) or the
density ratios of PED-ANOVA would need a further model, or a further library, and would say less of which value is good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

DRAWS = 4000  # of the bootstrap
FAR = 3.0  # quartile distances below the lower quartile at which an accuracy is clipped: Tukey's outer fence
FEWEST = 2  # configurations in each half, of which an interval can be drawn
SURE, SURER = 0.95, 0.99  # of the intervals: of the halves, and of the middles, which are looked at besides


@dataclass(frozen=True)
class Value:
    value: float
    n: int  # configurations
    mean: float | None  # of their differences from their bracket's mean; None: nobody tried it


@dataclass(frozen=True)
class Contrast:
    """The mean accuracy of configurations with some values less that of those with others."""

    effect: float
    low: float | None  # its interval; None: too few configurations
    high: float | None
    of: tuple[float, ...]
    less: tuple[float, ...]

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Importance:
    """`halves`: the upper values less the lower ones. `middle`: the middle values less those at the ends, if tried."""

    name: str
    halves: Contrast
    middle: Contrast | None
    values: tuple[Value, ...]


def importances(trials: pd.DataFrame, space: dict[str, tuple[float, ...]], seed: int) -> list[Importance]:
    """The greatest effect first; empty where fewer than two configurations have an accuracy.

    `trials` is the table `trials.csv`. Of each configuration only the first trial counts, since the later ones were
    chosen by it. Each is compared with the others of its bracket, which were trained for as many epochs. A network that
    learned nothing is clipped to Tukey's outer fence, or it alone would decide.
    """
    first = trials[(trials["rung"] == 0) & trials["val_accuracy"].notna()]
    if len(first) < 2:
        return []
    score = first.groupby("bracket")["val_accuracy"].transform(_centred).to_numpy(float)
    weights = np.random.default_rng(seed).multinomial(len(first), [1 / len(first)] * len(first), size=DRAWS)
    found = [_importance(name, space[name], first[name].to_numpy(float), score, weights) for name in space]
    return sorted((one for one in found if one), key=lambda one: -abs(one.halves.effect))


def _centred(accuracies: pd.Series[float]) -> pd.Series[float]:
    """A bracket's accuracies, clipped, less their mean."""
    low, high = accuracies.quantile([0.25, 0.75])
    clipped = accuracies.clip(lower=low - FAR * (high - low))
    return clipped - clipped.mean()


def _importance(
    name: str, options: tuple[float, ...], chosen: np.ndarray, score: np.ndarray, weights: np.ndarray
) -> Importance | None:
    """None where one of the halves was never tried. Of an odd number of values, the middle one is in neither half."""
    half, end = len(options) // 2, max(1, len(options) // 4)
    lower, upper = options[:half], options[len(options) - half :]
    inner, outer = options[end:-end], options[:end] + options[-end:]
    halves = _contrast(upper, lower, chosen, score, weights, SURE)
    if halves is None:
        return None
    return Importance(
        name=name,
        halves=halves,
        middle=_contrast(inner, outer, chosen, score, weights, SURER),
        values=tuple(_value(option, score[chosen == option]) for option in options),
    )


def _contrast(
    of: tuple[float, ...],
    less: tuple[float, ...],
    chosen: np.ndarray,
    score: np.ndarray,
    weights: np.ndarray,
    sure: float,
) -> Contrast | None:
    """None where one of the two was never tried."""
    high, low = np.isin(chosen, of), np.isin(chosen, less)
    if not (low.any() and high.any()):
        return None
    ends: tuple[float | None, float | None] = (None, None)
    if min(low.sum(), high.sum()) >= FEWEST:
        ends = _interval(score, low, high, weights, sure)
    return Contrast(float(score[high].mean() - score[low].mean()), *ends, of=of, less=less)


def _value(option: float, scores: np.ndarray) -> Value:
    return Value(option, len(scores), float(scores.mean()) if len(scores) else None)


def _interval(
    score: np.ndarray, low: np.ndarray, high: np.ndarray, weights: np.ndarray, sure: float
) -> tuple[float, float]:
    """Of drawing configurations with replacement; draws without one of the two are left out."""
    drawn = weights[(weights[:, low].sum(axis=1) > 0) & (weights[:, high].sum(axis=1) > 0)]
    means = [(drawn[:, part] @ score[part]) / drawn[:, part].sum(axis=1) for part in (low, high)]
    lowest, highest = np.quantile(means[1] - means[0], [(1 - sure) / 2, (1 + sure) / 2])
    return float(lowest), float(highest)
