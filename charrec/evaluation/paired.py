"""Two networks on the same images: their rates, and whether the difference may be chance.

The interval comes from a bootstrap over groups such as fonts: the images of one font err together, so a hundred of them
are not a hundred independent observations. McNemar's test assumes that they are; its p, reported beside, is too small.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np

from charrec.study import Frozen

DRAWS = 10_000  # of the bootstrap: its 95 % ends repeat to about 2 % of the interval
Name = Literal["accuracy", "folded_accuracy", "letters", "digits"]


@dataclass(frozen=True)
class Answers:
    """n images: the class of each, the class that either network takes it for, and what errs together."""

    labels: np.ndarray
    champion: np.ndarray
    challenger: np.ndarray
    units: np.ndarray


class Figure(Frozen):
    """One rate of both networks on the same images, and the 95 % interval of the difference."""

    name: Name
    champion: float
    challenger: float
    difference: float  # challenger less champion
    low: float
    high: float
    mcnemar_p: float  # exact, two-sided; too small where images err together
    n: int  # images
    groups: int  # what was drawn: font groups, fonts or images


def figure(name: Name, answers: Answers, seed: int) -> Figure:
    """Both rates; the interval of their difference from drawing whole units with replacement (percentile bootstrap).

    The percentiles are wider for few units, as Student's t is (Hesterberg, What Teachers Should Know About the
    Bootstrap, 2015, "expanded percentile"): for 5 units the plain ones miss the truth in 20 of 100 cases instead of 5,
    these in 9.

    Units that are alike in size and gain are drawn as one kind, which is the same distribution: 10,000 single images
    are of three kinds.
    """
    before, after = answers.champion == answers.labels, answers.challenger == answers.labels
    _, member = np.unique(answers.units, return_inverse=True)
    sizes, gains = np.bincount(member), np.bincount(member, weights=after.astype(int) - before)
    kinds, counts = np.unique(np.stack([sizes, gains], axis=1), axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(sizes), counts / len(sizes), size=DRAWS)
    tail = _tail(len(sizes))
    low, high = np.quantile((drawn @ kinds[:, 1]) / (drawn @ kinds[:, 0]), [tail, 1 - tail])
    return Figure(
        name=name,
        champion=float(before.mean()),
        challenger=float(after.mean()),
        difference=float(after.mean() - before.mean()),
        low=float(low),
        high=float(high),
        mcnemar_p=mcnemar(int((before & ~after).sum()), int((after & ~before).sum())),
        n=len(before),
        groups=len(sizes),
    )


def _tail(units: int) -> float:
    """The share to cut at either end of a bootstrap over so many units: 2.5 % of many, 0.1 % of five."""
    from scipy.stats import norm, t  # 0.3 s, which only a comparison needs

    if units < 2:
        return 0.0
    return float(norm.cdf(-sqrt(units / (units - 1)) * t.ppf(0.975, units - 1)))


def mcnemar(lost: int, won: int) -> float:
    """Exact two-sided p of as uneven a pair of counts if each image were won or lost by a fair coin (McNemar 1947)."""
    from scipy.stats import binomtest

    return float(binomtest(lost, lost + won).pvalue) if lost + won else 1.0
