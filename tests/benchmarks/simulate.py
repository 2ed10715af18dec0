"""How many workers pay off, by tests.benchmarks.simulator: `python tests/benchmarks/simulate.py --plot docs/sweep.png`.

Prints the tables of docs/sweep.md; means over seeds, so they repeat to the last digit. 90 s on one core.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from charrec.report import canvas, pixels
from charrec.report.theme import LIGHT
from charrec.sweep.heartbeat import Terms
from charrec.sweep.schedule import schedule
from charrec.sweep.schedules import Asha, BestOf, Random
from tests.benchmarks.simulator import Fleet, simulate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

WORKERS = (1, 2, 4, 8, 12, 16, 22, 32, 64)
RATES = (0.0, 2.0, 10.0)  # preemptions per worker and hour
UNDISTURBED = (0.0, False)
SCHEDULES: dict[str, Random | BestOf | Asha | None] = {  # of 120 epochs, or about so many
    "Hyperband": None,
    "random search, 12 points": Random(trials=12),
    "93 points one epoch each, the best 3 to the end": BestOf(trials=93, epochs=1, best=3),
    "ASHA, 36 points": Asha(trials=36),
    "ASHA, 120 epochs in all": Asha(trials=60, total_epochs=120),
}
MANY = (8, 22, 64)  # workers
CONFIGURATIONS = sum(rung.trials for rung in schedule(Fleet().search) if rung.rung == 0)  # 22

Case = tuple[float, bool]  # preemptions per worker and hour; whether SIGTERM comes first


@dataclass(frozen=True)
class Row:
    """Means over the seeds."""

    minutes: float
    deviation: float  # of the minutes, standard
    idle: float
    lost: float  # epochs
    held: float  # worker-hours
    busy: float  # worker-hours


def measure(fleet: Fleet, seeds: int) -> Row:
    runs = [simulate(fleet.model_copy(update={"seed": seed})) for seed in range(seeds)]
    minutes = [run.makespan / 60 for run in runs]
    return Row(
        minutes=fmean(minutes),
        deviation=stdev(minutes),
        idle=fmean(run.idle_share for run in runs),
        lost=fmean(run.lost for run in runs),
        held=fmean(run.held / 3600 for run in runs),
        busy=fmean(run.busy / 3600 for run in runs),
    )


def first_table(rows: dict[int, Row]) -> Iterator[str]:
    """Nobody is preempted."""
    yield "| workers | minutes | speed-up | idle | worker-hours | of them with a trial |"
    yield "|---|---|---|---|---|---|"
    for workers, row in rows.items():
        yield (
            f"| {workers} | {row.minutes:.1f} ± {row.deviation:.1f} | {rows[1].minutes / row.minutes:.1f}"
            f" | {100 * row.idle:.0f} % | {row.held:.2f} | {row.busy:.2f} |"
        )


def second_table(measured: dict[Case, dict[int, Row]]) -> Iterator[str]:
    """The other cases: minutes, speed-up over one that is never preempted, idle share, epochs lost, worker-hours."""
    alone = measured[UNDISTURBED][1].minutes
    yield "| | workers | minutes | speed-up | idle | epochs lost | worker-hours |"
    yield "|---|---|---|---|---|---|---|"
    for case, rows in measured.items():
        if case == UNDISTURBED:
            continue
        for workers, row in rows.items():
            yield (
                f"| {title(case) if workers == 1 else ''} | {workers} | {row.minutes:.1f} ± {row.deviation:.1f}"
                f" | {alone / row.minutes:.1f} | {100 * row.idle:.0f} % | {row.lost:.1f} | {row.held:.2f} |"
            )


def third_table(fleet: Fleet, seeds: int) -> Iterator[str]:
    """The schedules beside each other, by the number of workers."""
    yield "| | " + " | ".join(f"{workers} workers: minutes | idle | worker-hours" for workers in MANY) + " |"
    yield "|---" * (1 + 3 * len(MANY)) + "|"
    for name, how in SCHEDULES.items():
        rows = [measure(fleet.model_copy(update={"schedule": how, "workers": n}), seeds) for n in MANY]
        cells = [f"{row.minutes:.1f} ± {row.deviation:.1f} | {100 * row.idle:.0f} % | {row.held:.2f}" for row in rows]
        yield f"| {name} | {' | '.join(cells)} |"


def title(case: Case) -> str:
    rate, notice = case
    return f"{rate:g} preemptions per worker-hour" + (", with notice" if notice else "") if rate else "no preemptions"


def plot(measured: dict[Case, dict[int, Row]], path: Path) -> None:
    """Minutes and idle share against the number of workers, a line for each case."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(canvas.style(LIGHT)):
        figure = Figure(figsize=(9.6, 4.4), layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        alone = measured[UNDISTURBED][1].minutes
        left.plot(WORKERS, [alone / n for n in WORKERS], color=LIGHT.muted, lw=1, ls=(0, (2, 3)))
        say(left, "one worker's minutes\nby the workers", (6.5, alone / 6.5), (-12, 0), ha="right", va="center")
        for number, (case, rows) in enumerate(measured.items()):
            look = {"color": LIGHT.brackets[number], "lw": 2, "marker": "o", "ms": 5, "mec": LIGHT.paper, "mew": 0.8}
            left.plot(list(rows), [row.minutes for row in rows.values()], **look, label=title(case))
            right.plot(list(rows), [100 * row.idle for row in rows.values()], **look, clip_on=False)
        panel(left, "minutes to the end of the search")
        panel(right, "idle, share of the worker-hours")
        left.set_yscale("log")
        left.set_ylim(1.8, 32)
        ticks(left.yaxis, (2, 3, 5, 10, 20, 30))
        right.set_ylim(0, 80)
        right.yaxis.set_major_formatter(lambda y, _: f"{y:.0f} %")
        say(right, f"{CONFIGURATIONS} configurations", (CONFIGURATIONS, 2), (6, 0), ha="left", va="bottom")
        figure.legend(loc="outside upper left", ncols=4, frameon=False, labelcolor=LIGHT.ink, fontsize=9)
        path.write_bytes(pixels.figure_png(figure))


def panel(axes: "Axes", title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10, color=LIGHT.muted)
    axes.set_xscale("log")
    axes.set_xlim(0.9, 72)
    ticks(axes.xaxis, WORKERS)
    axes.axvline(CONFIGURATIONS, color=LIGHT.muted, lw=0.8, ls=(0, (1, 2)), zorder=0)
    axes.set_xlabel("workers")


def say(axes: "Axes", text: str, at: tuple[float, float], offset: tuple[float, float], **where: str) -> None:
    axes.annotate(text, at, offset, textcoords="offset points", fontsize=9, color=LIGHT.muted, **where)  # type: ignore[arg-type]


def ticks(axis: "Axis", values: tuple[int, ...]) -> None:
    axis.set_ticks(values, labels=[str(value) for value in values])
    axis.set_ticks([], minor=True)


def main() -> None:
    usual = Fleet()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--plot", type=Path, help="write the picture there")
    parser.add_argument("--schedules", action="store_true", help="compare the schedules, and nothing else")
    parser.add_argument("--seeds", type=int, default=40)
    for name in ("epoch", "startup", "overhead"):
        parser.add_argument(f"--{name}", type=float, default=getattr(usual, name), help="seconds")
    parser.add_argument("--spread", type=float, default=usual.spread)
    parser.add_argument("--lease", type=float, default=usual.terms.lease, help="seconds")
    asked = parser.parse_args()
    fleet = Fleet(
        epoch=asked.epoch,
        startup=asked.startup,
        overhead=asked.overhead,
        spread=asked.spread,
        terms=Terms(lease=asked.lease),
    )
    print(
        f"Epochs of {fleet.epoch:g} s on average, by configuration ± {100 * fleet.spread:.0f} %; {fleet.startup:g} s"
        f" until a worker asks first; {fleet.overhead:g} s of each trial no epoch; lease {fleet.terms.lease:g} s; an"
        f" idle worker asks every {fleet.terms.poll:g} s. Mean ± standard deviation of {asked.seeds} seeds.\n"
    )
    if asked.schedules:
        for line in third_table(fleet, asked.seeds):
            print(line, flush=True)
        return
    cases = [*((rate, False) for rate in RATES), (max(RATES), True)]
    measured = {
        case: {
            workers: measure(
                fleet.model_copy(update={"workers": workers, "preemptions": case[0], "notice": case[1]}), asked.seeds
            )
            for workers in WORKERS
        }
        for case in cases
    }
    print("\n".join([*first_table(measured[UNDISTURBED]), "", *second_table(measured)]))
    if asked.plot:
        plot(measured, asked.plot)


if __name__ == "__main__":
    main()
