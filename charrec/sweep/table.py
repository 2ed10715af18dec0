"""A search's status as lines of text, for a terminal or a log, and as Markdown."""

from collections.abc import Iterable, Iterator, Sequence

from charrec.markdown import escaped, table
from charrec.sweep.account import HOUR
from charrec.sweep.row import TrialRow
from charrec.sweep.rungs import RungRow
from charrec.sweep.space import Value
from charrec.sweep.standing import Costs, Status, TroubleRow, WorkerRow

Cells = tuple[str, ...]

RUNGS = ("bracket", "rung", "epochs", "trials", "completed", "running", "waiting", "failed", "lost", "best")
WORKERS = ("worker", "trial", "configuration", "epochs", "last sign")

LONGEST = 200  # characters of what a trial said


def lines(status: Status) -> list[str]:
    """The whole status: how far, rung by rung, worker by worker, and what went wrong."""
    return [
        headline(status),
        *_best(status),
        *execution_lines(status.executions),
        *cost_lines(status.costs),
        "",
        *columns(RUNGS, map(_rung, status.rungs), left=()),
        "",
        *(columns(WORKERS, map(_worker, status.workers), left=(0, 4)) if status.workers else ["no workers"]),
        *trouble_lines(status),
    ]


def result_lines(rows: Sequence[TrialRow]) -> list[str]:
    """Trials, best first, with their values."""
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    head = ("", "score", "epochs", "configuration", *names)
    cells = (
        (
            str(number),
            row.state.lower() if row.score is None else f"{row.score:.4f}",
            str(row.epochs),
            str(row.configuration),
            *(_value(row.values.get(name)) for name in names),
        )
        for number, row in enumerate(rows, 1)
    )
    return columns(head, cells, left=())


def _value(value: Value | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else _plain(str(value))


def markdown(status: Status) -> str:
    """The same for a page."""
    parts = [
        headline(status),
        *map(escaped, _best(status)),
        *execution_lines(status.executions),
        *cost_lines(status.costs),
        table(RUNGS, map(_rung, status.rungs)),
        table(WORKERS, (tuple(map(escaped, _worker(row))) for row in status.workers))
        if status.workers
        else "no workers",
        *(f"- {escaped(_trouble(row))}" for row in status.troubles),
    ]
    return "\n\n".join(parts)


def headline(status: Status) -> str:
    """One line: epochs, trials, the best so far, when it will be done."""
    ended = sum(rung.ended for rung in status.rungs)
    parts = [
        f"{status.epochs_done} of {status.epochs} epochs",
        f"{ended} of {sum(rung.trials for rung in status.rungs)} trials",
    ]
    if status.best:
        parts.append(f"best {status.best.score:.4f} (configuration {status.best.configuration})")
    if status.aborted:
        parts.append(f"ended: {_plain(status.aborted)}")
    elif status.finished:
        parts.append("finished")
    elif status.over:
        parts.append(f"over: {status.over}")
    elif status.seconds_left is not None:
        parts.append(f"about {_duration(status.seconds_left)} left")
    return "; ".join(parts)


def execution_lines(executions: int) -> Iterator[str]:
    """What a score is and an epoch counts, where each trial is trained several times."""
    if executions > 1:
        yield f"a score is the mean of {executions} executions, each of which trains the epochs of its rung"


def cost_lines(costs: Costs) -> Iterator[str]:
    """What was spent, where the search has a budget; and what was lost of it, where anything was."""
    if costs.budget:
        limits = costs.budget.model_dump(exclude_none=True)
        named = ", ".join(f"{name.replace('_', '-')} {limit:g}" for name, limit in limits.items())
        yield f"spent: {costs.seconds / HOUR:.2f} device-hours{_money(costs.money)}; budget: {named}"
    if costs.lost or costs.vanished:
        workers = f"{costs.vanished} worker{'' if costs.vanished == 1 else 's'} vanished"
        yield f"lost: {workers}, {_duration(costs.lost)} of training in no stored epoch{_money(costs.money_lost)}"


def _money(money: float | None) -> str:
    return "" if money is None else f", {money:.2f} in money"


def _best(status: Status) -> Iterator[str]:
    if status.best:
        given = {name: value for name, value in status.best.values.items() if value is not None}
        values = ", ".join(f"{_plain(name)} {_value(value)}" for name, value in given.items())
        yield f"configuration {status.best.configuration}, {status.best.epochs} epochs: {values}"


def _rung(row: RungRow) -> Cells:
    best = "" if row.best is None else f"{row.best:.4f}"
    counts = (row.completed, row.running, row.waiting, row.failed, row.lost)
    epochs = f"{row.first + 1}-{row.epochs}"
    return (str(row.bracket), str(row.rung), epochs, str(row.trials), *(str(count or "-") for count in counts), best)


def _worker(row: WorkerRow) -> Cells:
    sign = "none" if row.age is None else f"{_duration(row.age)} ago"
    if row.lost:
        sign += ", lost"
    if row.trial is None:
        return (row.worker, "idle", "", "", sign)
    return (row.worker, row.trial, str(row.configuration), f"{row.epochs} of {row.of}", sign)


def trouble_lines(status: Status) -> Iterator[str]:
    """Trials that failed, were given up, or wait for another try, below an empty line."""
    if status.troubles:
        yield ""
        yield from map(_trouble, status.troubles)


def _trouble(row: TroubleRow) -> str:
    how = "failed" if row.failed else "given up with its workers" if row.lost else "waits for another try"
    return f"trial {row.trial}, configuration {row.configuration}, {how}: {_plain(row.message)}"


def columns(head: Cells, rows: Iterable[Cells], left: tuple[int, ...]) -> list[str]:
    """Columns as wide as they must be; numbers stand right, the columns named by `left` stand left."""
    every = [head, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(head))]

    def cell(row: Cells, column: int) -> str:
        return row[column].ljust(widths[column]) if column in left else row[column].rjust(widths[column])

    return ["  ".join(cell(row, column) for column in range(len(head))).rstrip() for row in every]


def _duration(seconds: float) -> str:
    """In two units at most: 45 s, 12 min, 1 h 37 min, 2 d 3 h."""
    whole = max(round(seconds), 0)
    if whole < 120:
        return f"{whole} s"
    hours, minutes = divmod(round(whole / 60), 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if hours else f"{minutes} min"
    return "{} d {} h".format(*divmod(hours, 24))


def _plain(text: str) -> str:
    """One line that cannot move a terminal's cursor."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
