"""What each schedule finds on the table of tests.benchmarks.space: the tables and the pictures of docs/sweep.md.

`.venv/bin/python -m tests.benchmarks.space --play`. A play repeats to the last digit.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

import numpy as np
from scipy.stats import spearmanr

from charrec import reference
from charrec.report import canvas, pixels
from charrec.report.theme import THEMES, Theme
from charrec.study import FULL
from charrec.sweep.schedule import schedule
from charrec.sweep.schedules import Asha, BestOf, Random
from charrec.tuning.space import SPACE, propose
from tests.benchmarks.schedules import Ended, Hyperband, Ruled, Schedule, play
from tests.benchmarks.space import POINTS, SAMPLE, read

SEEDS = 200
WORKERS = 8
BUDGET = sum(rung.trials * (rung.epochs - rung.first) for rung in schedule(FULL.search))  # 120 epochs
BUDGETS = (10, 20, 40, 60, 80, 100, BUDGET)
LAST = FULL.search.max_epochs
FINALISTS = 3
EARLY = (1, 2, 3, 4, 6, LAST)
TICKS = (0.5, 1, 2, 3, 5, 10, 20)  # of regret
LEADERS = 10


def order(seed: int) -> Iterator[int]:
    """All points in random order; the same for every schedule of a seed but Hyperband, which draws its own."""
    yield from np.random.default_rng(seed).permutation(len(POINTS)).tolist()


def ruled(seed: int, schedule: Random | BestOf | Asha) -> Ruled:
    return Ruled(schedule.within(LAST), order(seed))


def finalists(epochs: int) -> BestOf:
    """So many epochs each, the best three to the end."""
    points = (BUDGET - FINALISTS * (LAST - epochs)) // epochs
    return BestOf(trials=points, epochs=epochs, best=FINALISTS)


SCHEDULES: dict[str, Callable[[int], Schedule]] = {
    "Hyperband": partial(Hyperband, FULL.search),
    "ASHA": partial(ruled, schedule=Asha(trials=BUDGET, factor=FULL.search.factor, total_epochs=BUDGET)),
    "one epoch each, the best three to the end": partial(ruled, schedule=finalists(1)),
    "three epochs each, the best three to the end": partial(ruled, schedule=finalists(3)),
    "random search": partial(ruled, schedule=Random(trials=BUDGET // LAST)),
}


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

    def regrets_at(self, values: np.ndarray, time: int) -> np.ndarray:
        """The same after some time, whatever was spent until then."""
        chosen = [[ended.best for ended in run if ended.time <= time][-1] for run in self.runs]
        return np.asarray(values.max() - values[chosen])


def choices(curves: np.ndarray) -> set[int]:
    """Every point that a schedule chooses in the end, for one of the seeds."""
    return {point for name in SCHEDULES for point in played(name, curves).chosen(BUDGET)}


def played(name: str, curves: np.ndarray, workers: int = 1) -> Played:
    return Played([play(SCHEDULES[name](seed), curves, workers) for seed in range(SEEDS)])


def outcomes(table: np.ndarray, alone: dict[str, Played], fleet: dict[str, Played]) -> Iterator[str]:
    """A row for each schedule: what it takes, and what it finds."""
    first, second = table.max(axis=2)
    yield row(
        "schedule", "points begun", "regret", "its median", "one in ten above", "the choice", "trained again",
        f"time on {WORKERS} workers", "regret there",
    )  # fmt: skip
    yield rule(9)
    for name, run in alone.items():
        regrets, chosen = run.regrets(first), run.chosen(BUDGET)
        yield row(
            name,
            f"{fmean(len({ended.job.point for ended in one}) for one in run.runs):.0f}",
            interval(regrets),
            f"{100 * np.median(regrets):.1f}",
            f"{100 * np.quantile(regrets, 0.9):.1f}",
            f"{interval(first[chosen])} %",
            f"{interval(second[chosen])} %",
            f"{fmean(one[-1].time for one in fleet[name].runs):.0f}",
            interval(fleet[name].regrets(first)),
        )


def by_budget(table: np.ndarray, alone: dict[str, Played]) -> Iterator[str]:
    """Mean regret after some of the epochs."""
    yield row("regret after epochs", *map(str, BUDGETS))
    yield rule(1 + len(BUDGETS))
    for name, run in alone.items():
        yield row(name, *(f"{100 * run.regrets(table[0].max(axis=1), spent).mean():.1f}" for spent in BUDGETS))


def luck(table: np.ndarray) -> Iterator[str]:
    """How much of an accuracy is its point's, and how much of the best points' lead is luck."""
    first, second = table.max(axis=2)
    ranked = np.argsort(-first, kind="stable")
    best, trained = ranked[0], [point for point in ranked if not np.isnan(second[point])]
    leaders, sample = trained[:LEADERS], list(SAMPLE)
    noise = (first[sample] - second[sample]).std() / 2**0.5
    deck = POINTS.index(propose(reference.SEARCH_CHOSEN))
    yield row("", "")
    yield rule(2)
    for label, value in {
        "all points: lowest, median, highest": ", ".join(percent(share) for share in np.quantile(first, (0, 0.5, 1))),
        "standard deviation over all points": points(first.std(ddof=1)),
        "over the better half of them": points(first[ranked[: len(first) // 2]].std(ddof=1)),
        f"of one point, trained again (a sample of {len(sample)})": points(noise),
        f"the best point: {described(int(best))}": f"{percent(first[best])}, trained again {percent(second[best])}",
        f"mean of the best {LEADERS} that were trained again": f"{percent(first[leaders].mean())},"
        f" then {percent(second[leaders].mean())}",
        f"mean of the sample of {len(sample)}": f"{percent(first[sample].mean())},"
        f" then {percent(second[sample].mean())}",
        "the deck's choice": f"{percent(first[deck])}, rank {1 + int((first > first[deck]).sum())} of {len(first)}",
    }.items():
        yield row(label, value)


def foresight(table: np.ndarray) -> Iterator[str]:
    """Spearman's correlation of the accuracy after some epochs with that after the last one."""
    yield row("after epochs", *map(str, EARLY))
    yield rule(1 + len(EARLY))
    early = [table[0, :, :epochs].max(axis=1) for epochs in EARLY]
    yield row("mean accuracy", *(percent(accuracies.mean()) for accuracies in early))
    half = np.argsort(-early[-1], kind="stable")[: len(POINTS) // 2]
    for label, some in (("all points", slice(None)), ("the half that is better in the end", half)):
        ranks = (spearmanr(accuracies[some], early[-1][some]).statistic for accuracies in early)
        yield row(f"rank correlation with the last, {label}", *(f"{rank:.2f}" for rank in ranks))


def effects(table: np.ndarray) -> Iterator[str]:
    """Mean accuracy by the value of each hyperparameter, and the share of the variance that it explains."""
    first = table[0].max(axis=1)
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


def plot(table: np.ndarray, alone: dict[str, Played], fleet: dict[str, Played], path: Path, theme: Theme) -> None:
    """Regret against the epochs spent by one worker, and against the time of several."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    first = table[0].max(axis=1)
    with rc_context(canvas.style(theme)):
        figure = Figure(figsize=(9.6, 4.4), layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2, sharey=True)
        for name, colour in zip(SCHEDULES, theme.brackets, strict=False):
            look = {"color": colour, "lw": 2, "drawstyle": "steps-post"}
            spent = range(alone[name].first, BUDGET + 4)  # what the last job finds would be seen at the edge alone
            left.plot(spent, [100 * alone[name].regrets(first, epochs).mean() for epochs in spent], **look, label=name)
            times = range(alone[name].first, 1 + int(max(run[-1].time for run in fleet[name].runs)))
            right.plot(times, [100 * fleet[name].regrets_at(first, time).mean() for time in times], **look)
        left.set_title("regret, points of accuracy: one worker", loc="left", fontsize=10, color=theme.muted)
        left.set_xlim(0, BUDGET + 3)
        left.set_xlabel("epochs spent")
        left.set_yscale("log")
        left.set_yticks(TICKS, labels=[f"{tick:g}" for tick in TICKS])
        left.set_yticks([], minor=True)
        right.set_title(f"{WORKERS} workers", loc="left", fontsize=10, color=theme.muted)
        right.set_xlabel("time, in epochs")
        right.set_xlim(0)
        figure.legend(loc="outside upper left", ncols=3, frameon=False, labelcolor=theme.ink, fontsize=9)
        path.write_bytes(pixels.figure_png(figure))


def tables(table: np.ndarray, alone: dict[str, Played], fleet: dict[str, Played]) -> Iterator[str]:
    """Those of the page, each in Markdown."""
    for lines in (
        luck(table), effects(table), foresight(table), outcomes(table, alone, fleet), by_budget(table, alone),
    ):  # fmt: skip
        yield "\n".join(lines)


def plays(table: np.ndarray) -> tuple[dict[str, Played], dict[str, Played]]:
    """Every schedule's, by one worker and by several."""
    alone, fleet = ({name: played(name, table[0], workers) for name in SCHEDULES} for workers in (1, WORKERS))
    return alone, fleet


def main(path: Path) -> None:
    table = read(path)
    alone, fleet = plays(table)
    for text in tables(table, alone, fleet):
        print(text, end="\n\n")
    for theme in THEMES:
        plot(table, alone, fleet, path.with_name(f"space-{theme.name}.png"), theme)
