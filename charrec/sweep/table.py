"""A search's status as lines of text, for a terminal, a log or an artifact."""

from datetime import timedelta

from charrec.sweep.standing import RungRow, Status, WorkerRow


def lines(status: Status) -> list[str]:
    """The whole status: how far, rung by rung, worker by worker."""
    return [headline(status), "", *_table(RUNGS, map(_rung, status.rungs)), "", *_workers(status)]


def headline(status: Status) -> str:
    """One line: epochs, trials, the best so far, when it will be done."""
    ended = sum(rung.completed + rung.failed for rung in status.rungs)
    parts = [
        f"{status.epochs_done} of {status.epochs} epochs",
        f"{ended} of {sum(rung.trials for rung in status.rungs)} trials",
    ]
    if status.best:
        best = status.best
        network = ", ".join(f"{name} {value}" for name, value in best.network.items())
        parts.append(f"best {best.val_accuracy:.4f} (configuration {best.configuration}: {network})")
    if status.aborted:
        parts.append(f"ended: {status.aborted.splitlines()[0]}")
    elif status.finished:
        parts.append("finished")
    elif status.seconds_left is not None:
        parts.append(f"about {timedelta(seconds=round(status.seconds_left))} left")
    return "; ".join(parts)


RUNGS = ("bracket", "rung", "epochs", "trials", "completed", "running", "waiting", "failed", "best")
WORKERS = ("worker", "trial", "configuration", "epochs", "last sign")


def _rung(row: RungRow) -> tuple[str, ...]:
    best = "" if row.best is None else f"{row.best:.4f}"
    counts = (row.trials, row.completed, row.running, row.waiting, row.failed)
    return (str(row.bracket), str(row.rung), f"{row.first}-{row.epochs}", *map(str, counts), best)


def _workers(status: Status) -> list[str]:
    return _table(WORKERS, map(_worker, status.workers)) if status.workers else ["no workers"]


def _worker(row: WorkerRow) -> tuple[str, ...]:
    sign = "none" if row.age is None else f"{max(row.age, 0):.0f} s ago"
    idle = row.trial is None
    return (
        row.worker,
        "idle" if idle else str(row.trial),
        "" if idle else str(row.configuration),
        "" if idle else f"{row.epochs} of {row.of}",
        f"{sign}, lost" if row.lost else sign,
    )


def _table(head: tuple[str, ...], rows: "map[tuple[str, ...]]") -> list[str]:
    every = [head, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in every]
