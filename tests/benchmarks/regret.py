"""What each schedule finds on the table of tests.benchmarks.space: the tables and the picture of docs/sweep.md.

`.venv/bin/python -m tests.benchmarks.space --play`. A play repeats to the last digit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, quantiles
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import spearmanr

from charrec import reference
from charrec.report import canvas, pixels
from charrec.report.theme import THEMES, Theme
from charrec.study import FULL
from charrec.sweep.schedule import schedule
from charrec.sweep.space import SPACE, propose
from tests.benchmarks.schedules import Asha, Ended, Hyperband, Ladder, Schedule, play
from tests.benchmarks.space import POINTS, read

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SEEDS = 200
BUDGET = sum(rung.trials * (rung.epochs - rung.first) for rung in schedule(FULL.search))  # 120 epochs
LAST = FULL.search.max_epochs
FINALISTS = 3
BEST = 10  # points that stand for what can be found, since one alone is there by luck too


def order(seed: int) -> Iterator[int]:
    """All points in random order; the same for every schedule of a seed but Hyperband, which draws its own."""
    yield from np.random.default_rng(seed).permutation(len(POINTS)).tolist()


SCHEDULES: dict[str, Callable[[int], Schedule]] = {
    "Hyperband": partial(Hyperband, FULL.search),
    "ASHA": lambda seed: Asha(order(seed), (2, 4, LAST), FULL.search.factor, BUDGET),
    "one epoch each, the best three to the end": lambda seed: Ladder(
        order(seed), ((BUDGET - FINALISTS * (LAST - 1), 1), (FINALISTS, LAST))
    ),
    "two epochs each, the best three to the end": lambda seed: Ladder(
        order(seed), (((BUDGET - FINALISTS * (LAST - 2)) // 2, 2), (FINALISTS, LAST))
    ),
    "random search": lambda seed: Ladder(order(seed), ((BUDGET // LAST, LAST),)),
}


@dataclass(frozen=True)
class Table:
    """Each training's accuracy: the best of its epochs."""

    curves: np.ndarray  # (repeats, points, epochs)

    @property
    def values(self) -> np.ndarray:
        """(repeats, points)"""
        return self.curves.max(axis=2)

    def others(self, repeat: int) -> np.ndarray:
        """(points,) mean of the trainings that a search on `repeat` has not seen."""
        return np.delete(self.values, repeat, axis=0).mean(axis=0)

    def best(self, repeat: int) -> np.ndarray:
        """The points that are best in one repeat."""
        return np.argsort(-self.values[repeat], kind="stable")[:BEST]


@dataclass(frozen=True)
class Played:
    """One schedule, all seeds: seed s plays on repeat s % repeats."""

    runs: tuple[list[Ended], ...]
    table: Table

    def regrets(self, spent: int) -> list[float]:
        """By how much the table's best training beats the chosen one's, after so many epochs; NaN before the first."""
        return [self._at(seed, spent, lambda repeat: self.table.values[repeat].max() - self.table.values[repeat])
                for seed in range(len(self.runs))]  # fmt: skip

    def again(self, spent: int) -> list[float]:
        """The accuracy of the chosen point in its other trainings."""
        return [self._at(seed, spent, self.table.others) for seed in range(len(self.runs))]

    def _at(self, seed: int, spent: int, value: Callable[[int], np.ndarray]) -> float:
        chosen = [row.best for row in self.runs[seed] if row.spent <= spent]
        return float(value(seed % len(self.table.curves))[chosen[-1]]) if chosen else float("nan")


def played(name: str, table: Table, seeds: int = SEEDS, workers: int = 1) -> Played:
    curves = table.curves
    runs = tuple(play(SCHEDULES[name](seed), curves[seed % len(curves)], workers) for seed in range(seeds))
    return Played(runs, table)


def outcomes(alone: dict[str, Played], eight: dict[str, Played]) -> Iterator[str]:
    """A row for each schedule: what it takes, and what it finds."""
    yield (
        "| schedule | points | epochs | regret: mean | median | worst of ten | trained again"
        " | epochs' time on 8 workers | regret there |"
    )
    yield "|" + "---|" * 9
    for name, run in alone.items():
        regrets, fleet = run.regrets(BUDGET), eight[name]
        points = fmean(len({row.job.point for row in one}) for one in run.runs)
        yield (
            f"| {name} | {points:.0f} | {fmean(one[-1].spent for one in run.runs):.0f} | {interval(regrets)}"
            f" | {100 * np.median(regrets):.1f} | {100 * quantiles(regrets, n=10)[-1]:.1f}"
            f" | {interval(run.again(BUDGET))} % | {fmean(one[-1].time for one in fleet.runs):.0f}"
            f" | {interval(fleet.regrets(BUDGET))} |"
        )


def by_budget(alone: dict[str, Played]) -> Iterator[str]:
    """Mean regret after some of the epochs."""
    budgets = (10, 20, 40, 60, 80, 100, BUDGET)
    yield "| regret after epochs | " + " | ".join(map(str, budgets)) + " |"
    yield "|---|" + "---|" * len(budgets)
    for name, run in alone.items():
        yield f"| {name} | " + " | ".join(f"{100 * fmean(run.regrets(spent)):.1f}" for spent in budgets) + " |"


def interval(values: list[float]) -> str:
    """Mean and its standard error, in points."""
    return f"{100 * fmean(values):.2f} ± {100 * np.std(values, ddof=1) / len(values) ** 0.5:.2f}"


def noise(table: Table) -> Iterator[str]:
    """How much of a training's accuracy is its point's."""
    values = table.values
    repeats = range(len(values))
    retrained = float(np.sqrt(values.var(axis=0, ddof=1).mean()))
    total = float(np.sqrt(values.var(axis=1, ddof=1).mean()))
    yield f"accuracy of all trainings: mean {percent(values.mean())}, best {percent(values.max())}, worst {percent(values.min())}"
    yield f"standard deviation: over points {100 * total:.2f}, of one point trained again {100 * retrained:.2f} points"
    yield f"share of the variance that is the points': {1 - (retrained / total) ** 2:.2f}"
    for repeat in repeats:
        best, again = values[repeat].argmax(), table.others(repeat)
        yield (
            f"repeat {repeat}: best {percent(values[repeat, best])} {POINTS[best].model_dump()}, trained again"
            f" {percent(again[best])}, rank {1 + int((again > again[best]).sum())}; the {BEST} best:"
            f" {percent(values[repeat, table.best(repeat)].mean())}, again {percent(again[table.best(repeat)].mean())}"
        )
    mean = values.mean(axis=0)
    deck = POINTS.index(propose(reference.SEARCH_CHOSEN))
    yield f"the deck's choice: {percent(mean[deck])} (mean of its trainings), rank {1 + int((mean > mean[deck]).sum())} of {len(POINTS)}"
    yield ""
    yield "| after epochs | 1 | 2 | 3 | 4 | 6 | 10 |"
    yield "|---|" + "---|" * 6
    for label, same in (("the same training", True), ("another training", False)):
        yield (
            f"| rank correlation with {label} | "
            + " | ".join(f"{foresight(table, epochs, same):.2f}" for epochs in (1, 2, 3, 4, 6, LAST))
            + " |"
        )


def foresight(table: Table, epochs: int, same: bool) -> float:
    """Spearman's correlation of the accuracy after some epochs with the final one."""
    early, final = table.curves[..., :epochs].max(axis=2), table.values
    return fmean(
        spearmanr(early[repeat], final[repeat] if same else table.others(repeat)).statistic
        for repeat in range(len(final))
    )


def effects(table: Table) -> Iterator[str]:
    """Mean accuracy by the value of each hyperparameter, and the share of the points' variance that it explains."""
    values = table.values
    mean = values.mean(axis=0)
    points = float(np.cov(values).mean() if len(values) < 2 else np.cov(values)[np.triu_indices(len(values), 1)].mean())
    yield "| | accuracy by value | share of the points' variance |"
    yield "|---|---|---|"
    for name, choices in SPACE.items():
        means = [mean[[getattr(point, name) == choice for point in POINTS]].mean() for choice in choices]
        text = ", ".join(f"{choice:g}: {percent(value)}" for choice, value in zip(choices, means, strict=True))
        yield f"| {name} | {text} | {np.var(means) / points:.2f} |"


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def plot(alone: dict[str, Played], path: Path, theme: Theme) -> None:
    """Regret, and the accuracy of the choice trained again, against the epochs spent."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(canvas.style(theme)):
        figure = Figure(figsize=(9.6, 4.4), layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        spent = np.arange(1, BUDGET + 1)
        for (name, run), colour in zip(alone.items(), theme.brackets, strict=False):
            regrets, again = ([100 * fmean(of(epochs)) for epochs in spent] for of in (run.regrets, run.again))
            left.plot(spent, regrets, color=colour, lw=2, label=name, drawstyle="steps-post")
            right.plot(spent, again, color=colour, lw=2, drawstyle="steps-post")
        table = next(iter(alone.values())).table
        repeats = range(len(table.curves))
        level(right, theme, f"the table's {BEST} best", fmean(table.others(r)[table.best(r)].mean() for r in repeats))
        level(right, theme, "all points", table.values.mean())
        for axes, title in ((left, "regret, points of accuracy"), (right, "accuracy of the choice, trained again")):
            axes.set_title(title, loc="left", fontsize=10, color=theme.muted)
            axes.set_xlabel("epochs spent")
            axes.set_xlim(0, BUDGET)
        left.set_ylim(0, 8)
        right.yaxis.set_major_formatter(lambda y, _: f"{y:.0f} %")
        figure.legend(loc="outside upper left", ncols=3, frameon=False, labelcolor=theme.ink, fontsize=9)
        path.write_bytes(pixels.figure_png(figure))


def level(axes: "Axes", theme: Theme, text: str, value: float) -> None:
    axes.axhline(100 * value, color=theme.muted, lw=1, ls=(0, (2, 3)))
    axes.annotate(text, (2, 100 * value), (0, 4), textcoords="offset points", fontsize=9, color=theme.muted)


def main(path: Path) -> None:
    table = Table(read(path))
    alone = {name: played(name, table) for name in SCHEDULES}
    eight = {name: played(name, table, workers=8) for name in SCHEDULES}
    for lines in (noise(table), effects(table), outcomes(alone, eight), by_budget(alone)):
        print("\n".join(lines), end="\n\n")
    for theme in THEMES:
        plot(alone, path.with_name(f"space-{theme.name}.png"), theme)
