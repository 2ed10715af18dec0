"""What each schedule finds on the table of tests.benchmarks.space: the tables and the pictures of docs/sweep.md.

`.venv/bin/python -m tests.benchmarks.space --play`. A play repeats to the last digit.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from statistics import fmean

import numpy as np
from scipy.stats import spearmanr

from charrec import reference
from charrec.report import canvas, pixels
from charrec.report.theme import THEMES, Theme
from charrec.study import FULL
from charrec.sweep.schedule import schedule
from charrec.sweep.space import SPACE, propose
from tests.benchmarks.schedules import Asha, Ended, Hyperband, Ladder, Schedule, play
from tests.benchmarks.space import POINTS, Plan, read

SEEDS = 200
WORKERS = 8
BUDGET = sum(rung.trials * (rung.epochs - rung.first) for rung in schedule(FULL.search))  # 120 epochs
BUDGETS = (10, 20, 40, 60, 80, 100, BUDGET)
LAST = FULL.search.max_epochs
FINALISTS = 3
EARLY = (1, 2, 3, 4, 6, LAST)
BEST, EVERY = Plan().best, Plan().every
DEGREES = 1 + sum(len(values) - 1 for values in SPACE.values())  # of freedom, of the sum of effects


def order(seed: int) -> Iterator[int]:
    """All points in random order; the same for every schedule of a seed but Hyperband, which draws its own."""
    yield from np.random.default_rng(seed).permutation(len(POINTS)).tolist()


def finalists(seed: int, epochs: int) -> Ladder:
    """So many epochs each, the best three to the end."""
    points = (BUDGET - FINALISTS * (LAST - epochs)) // epochs
    return Ladder(order(seed), ((points, epochs), (FINALISTS, LAST)))


SCHEDULES: dict[str, Callable[[int], Schedule]] = {
    "Hyperband": partial(Hyperband, FULL.search),
    "ASHA": lambda seed: Asha(order(seed), (2, 4, LAST), FULL.search.factor, BUDGET),
    "one epoch each, the best three to the end": partial(finalists, epochs=1),
    "two epochs each, the best three to the end": partial(finalists, epochs=2),
    "random search": lambda seed: Ladder(order(seed), ((BUDGET // LAST, LAST),)),
}


@dataclass(frozen=True)
class Table:
    """Every point trained once, and some again."""

    curves: np.ndarray  # (repeats, points, epochs) accuracies; NaN where a point was not trained again

    @cached_property
    def values(self) -> np.ndarray:
        """(repeats, points) the best epoch of each training."""
        return self.curves.max(axis=2)

    @cached_property
    def again(self) -> np.ndarray:
        """(points,) mean of the later trainings; NaN where there is none."""
        later = self.values[1:, (trained := ~np.isnan(self.values[-1]))]
        means = np.full(len(trained), np.nan)
        means[trained] = later.mean(axis=0)
        return means

    @cached_property
    def expected(self) -> np.ndarray:
        """(points,) the first trainings' accuracies without their luck: the least-squares sum of an effect a value."""
        columns = [
            [getattr(point, name) == value for point in POINTS] for name, values in SPACE.items() for value in values
        ]
        design = np.array(columns, float).T
        effects = np.linalg.lstsq(design, self.values[0], rcond=None)[0]
        return np.asarray(design @ effects)


@dataclass(frozen=True)
class Played:
    """One schedule's runs, one for each seed."""

    runs: Sequence[list[Ended]]

    def chosen(self, spent: int) -> list[int]:
        """The best point of each run after so many epochs."""
        return [[ended.best for ended in run if ended.spent <= spent][-1] for run in self.runs]

    @property
    def first(self) -> int:
        """Epochs until each run has ended a job."""
        return max(run[0].spent for run in self.runs)

    def regrets(self, values: np.ndarray, spent: int = BUDGET) -> np.ndarray:
        """(runs,) by how much the table's best value beats that of the chosen point."""
        return np.asarray(values.max() - values[self.chosen(spent)])


def played(name: str, table: Table, workers: int = 1) -> Played:
    return Played([play(SCHEDULES[name](seed), table.curves[0], workers) for seed in range(SEEDS)])


def outcomes(table: Table, alone: dict[str, Played]) -> Iterator[str]:
    """A row for each schedule: what it takes, and what it finds."""
    yield row("schedule", "points", "regret", "median", "one in ten above", "without luck", "time", "regret then")
    yield rule(8)
    for name, run in alone.items():
        fleet = played(name, table, WORKERS)
        regrets = run.regrets(table.values[0])
        yield row(
            name,
            f"{fmean(len({ended.job.point for ended in one}) for one in run.runs):.0f}",
            interval(regrets),
            f"{100 * np.median(regrets):.1f}",
            f"{100 * np.quantile(regrets, 0.9):.1f}",
            interval(run.regrets(table.expected)),
            f"{fmean(one[-1].time for one in fleet.runs):.0f}",
            interval(fleet.regrets(table.values[0])),
        )


def by_budget(table: Table, alone: dict[str, Played]) -> Iterator[str]:
    """Mean regret after some of the epochs."""
    yield row("regret after epochs", *map(str, BUDGETS))
    yield rule(1 + len(BUDGETS))
    for name, run in alone.items():
        yield row(name, *(f"{100 * run.regrets(table.values[0], spent).mean():.1f}" for spent in BUDGETS))


def luck(table: Table) -> Iterator[str]:
    """How much of an accuracy is its point's, and how much of the best points' lead is luck."""
    first, again = table.values[0], table.again
    trained = np.flatnonzero(~np.isnan(again))
    sample = trained[np.isin(trained, np.arange(0, len(POINTS), EVERY))]
    leaders = np.argsort(-first, kind="stable")[:BEST]
    noise = np.sqrt(table.values[:, sample].var(axis=0, ddof=1).mean())
    best = leaders[0]
    deck = POINTS.index(propose(reference.SEARCH_CHOSEN))
    yield row("", "")
    yield rule(2)
    for label, value in {
        "all points: lowest, median, highest": ", ".join(percent(share) for share in np.quantile(first, (0, 0.5, 1))),
        "standard deviation over all points": points(first.std(ddof=1)),
        f"of one point, trained again ({len(sample)} points, {len(table.values)} trainings each)": points(noise),
        "around the sum of the hyperparameters' effects": points((first - table.expected).std(ddof=DEGREES)),
        f"the best point, {described(int(best))}": f"{percent(first[best])}, trained again {percent(again[best])}",
        f"the {BEST} best": f"{percent(first[leaders].mean())}, trained again {percent(again[leaders].mean())}",
        "by the sum of effects, the best": described(int(table.expected.argmax())),
        "the deck's choice": f"{percent(first[deck])}, rank {1 + int((first > first[deck]).sum())};"
        f" by the sum of effects {1 + int((table.expected > table.expected[deck]).sum())}",
    }.items():
        yield row(label, value)


def foresight(table: Table) -> Iterator[str]:
    """Spearman's correlation of the accuracy after some epochs with the last one, and with what luck leaves of it."""
    yield row("after epochs", *map(str, EARLY))
    yield rule(1 + len(EARLY))
    early = [table.curves[0, :, :epochs].max(axis=1) for epochs in EARLY]
    yield row("mean accuracy", *(percent(accuracies.mean()) for accuracies in early))
    for label, final in (("after 10", table.values[0]), ("without luck", table.expected)):
        ranks = (spearmanr(accuracies, final).statistic for accuracies in early)
        yield row(f"rank correlation with the accuracy {label}", *(f"{rank:.2f}" for rank in ranks))


def effects(table: Table) -> Iterator[str]:
    """Mean accuracy by the value of each hyperparameter, and the share of the variance that it explains."""
    first = table.values[0]
    yield row("hyperparameter", "mean accuracy by value", "share of the variance")
    yield rule(3)
    for name, values in SPACE.items():
        means = [first[[getattr(point, name) == value for point in POINTS]].mean() for value in values]
        text = ", ".join(f"{value:g}: {percent(mean)}" for value, mean in zip(values, means, strict=True))
        yield row(name, text, f"{100 * np.var(means) / first.var():.0f} %")


def described(point: int) -> str:
    net = POINTS[point]
    return f"{net.filters_hp_1}, {net.filters_hp_2}, {net.filters_hp_3}, dropout {net.dropout:g}, {net.units} units"


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def rule(columns: int) -> str:
    return "|" + "---|" * columns


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def points(share: float) -> str:
    return f"{100 * share:.1f} points"


def interval(shares: np.ndarray) -> str:
    """Mean and its standard error, in points."""
    return f"{100 * shares.mean():.2f} ± {100 * shares.std(ddof=1) / len(shares) ** 0.5:.2f}"


def plot(alone: dict[str, Played], table: Table, path: Path, theme: Theme) -> None:
    """Regret against the epochs spent: by the accuracies of the table, and by those without luck."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(canvas.style(theme)):
        figure = Figure(figsize=(9.6, 4.4), layout="constrained")
        FigureCanvasAgg(figure)
        panels = zip(
            figure.subplots(1, 2, sharey=True),
            (("regret, points of accuracy", table.values[0]), ("without luck", table.expected)),
            strict=True,
        )
        for axes, (title, values) in panels:
            for (name, run), colour in zip(alone.items(), theme.brackets, strict=False):
                spent = range(run.first, BUDGET + 1)
                regrets = [100 * run.regrets(values, epochs).mean() for epochs in spent]
                axes.plot(spent, regrets, color=colour, lw=2, label=name, drawstyle="steps-post")
            axes.set_title(title, loc="left", fontsize=10, color=theme.muted)
            axes.set_xlabel("epochs spent")
            axes.set_xlim(0, BUDGET)
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
        handles, names = axes.get_legend_handles_labels()
        figure.legend(
            handles, names, loc="outside upper left", ncols=3, frameon=False, labelcolor=theme.ink, fontsize=9
        )
        path.write_bytes(pixels.figure_png(figure))


def main(path: Path) -> None:
    table = Table(read(path))
    alone = {name: played(name, table) for name in SCHEDULES}
    for lines in (luck(table), effects(table), foresight(table), outcomes(table, alone), by_budget(table, alone)):
        print("\n".join(lines), end="\n\n")
    for theme in THEMES:
        plot(alone, table, path.with_name(f"space-{theme.name}.png"), theme)
