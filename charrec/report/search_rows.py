"""The page's tables of the search: its choice, its rungs, its trials, its workers, what each value was worth."""

from charrec import reference
from charrec.report import sentences, tables, words
from charrec.report.cells import Cell, Table, left
from charrec.report.importance import Importance
from charrec.report.language import later, say
from charrec.report.shifts import Fleet
from charrec.report.words import NONE, count, duration, number, percent, points, series
from charrec.results import StudyResult
from charrec.tuning.rungs import by_rung

STATES = {"FAILED": later("failed"), "LOST": later("lost")}  # of trials without an accuracy
MOST = 12  # values of a hyperparameter that are listed


def chosen(result: StudyResult) -> Table:
    """The search's trials, its time and its choice beside the reference's."""
    search, comparable = result.search, sentences.on_chars74k(result)
    trials = len(search.trials), reference.SEARCH_TRIALS
    seconds = search.seconds, reference.SEARCH_SECONDS
    longer = "\u2212" if seconds[0] < seconds[1] else "+"
    rows = [
        [left(say("Trials")), left(""), *map(Cell, map(count, trials)), Cell(words.plus(trials[0] - trials[1]))],
        [
            left(say("Time")), left(""), *map(Cell, map(duration, seconds)),
            Cell(longer + duration(abs(seconds[0] - seconds[1]))),
        ],
    ]  # fmt: skip
    for name in tables.hyperparameters(result):
        options = _options(search.space.get(name, ()))
        ours, theirs = search.chosen.get(name), reference.SEARCH_CHOSEN.get(name)
        values = [NONE if v is None else number(v) for v in (ours, theirs)]
        difference = NONE if ours is None or theirs is None else words.plus(ours - theirs)
        rows.append([left(name, "mono"), left(options or NONE), *map(Cell, [*values, difference])])
    head = [say("Name"), say("Searched"), say("This study"), say("Reference"), say("Difference")]
    return Table(head, rows) if comparable else Table(head[:-1], [row[:-1] for row in rows])


def _options(values: tuple[float, ...]) -> str:
    """Values of a hyperparameter; many as a range, since the settings list them all."""
    if len(values) <= MOST:
        return series([number(v) for v in values])
    return say("{n} values, {low} to {high}", n=len(values), low=number(values[0]), high=number(values[-1]))


def rungs(result: StudyResult) -> Table:
    """One row per rung of each bracket, as in the search's status."""
    rows = []
    for row in by_rung(result.study.search, result.search.trials):
        epochs = f"{row.first + 1}\u2013{row.epochs}" if row.first + 1 < row.epochs else str(row.epochs)
        cells = [str(row.bracket), str(row.rung), epochs, str(row.trials)]
        cells += [str(row.failed or NONE), str(row.lost or NONE), percent(row.best)]
        rows.append([*map(Cell, cells), Cell(duration(row.seconds) if row.seconds else NONE)])
    head = [say("Bracket"), say("Rung"), say("Epochs"), say("Trials"), say("Failed"), say("Lost")]
    return Table([*head, say("Best accuracy"), say("Time")], rows)


def ranking(result: StudyResult) -> Table:
    names = tables.hyperparameters(result)
    rows = []
    for rank, t in enumerate(result.search.trials, 1):
        accuracy = percent(t.val_accuracy) if t.val_accuracy is not None else say(STATES.get(t.state, t.state.lower()))
        row = [Cell(str(rank), rank), Cell(accuracy, t.val_accuracy if t.val_accuracy is not None else -1.0)]
        row += [Cell(str(v), v) for v in (t.epochs, t.bracket, t.rung, t.configuration)]
        row += [Cell(number(t.network[k]), t.network[k]) if k in t.network else Cell(NONE, -1) for k in names]
        rows.append([*row, Cell(duration(t.seconds), t.seconds)])
    data = [{"c": str(t.configuration), "t": t.trial} for t in result.search.trials]
    head = [say("Rank"), say("Accuracy"), say("Epochs"), say("Bracket"), say("Rung"), say("Config.")]
    return Table([*head, *names, say("Time")], rows, sortable=True, data=data)


def workers(crew: Fleet) -> Table:
    """One row for each worker of the search."""
    rows = [
        [
            Cell(str(one.number), one.number),
            left(one.worker, "mono"),
            Cell(duration(one.begin), one.begin),
            Cell(str(one.trials), one.trials),
            Cell(str(one.epochs), one.epochs),
            Cell(duration(one.seconds), one.seconds),
            Cell(duration(one.idle), one.idle),
            Cell(say("yes") if one.lost else NONE, int(one.lost)),
        ]
        for one in crew.shifts
    ]
    head = [say("Worker"), say("Name"), say("From"), say("Trials"), say("Epochs"), say("At work"), say("Idle")]
    return Table([*head, say("Lost")], rows, sortable=True)


def values(found: list[Importance]) -> Table:
    """One row for each value of each hyperparameter: its configurations, and how far they are from their brackets."""
    rows = [
        [
            left(one.name, "mono"),
            Cell(number(each.value)),
            Cell(NONE if each.mean is None else points(each.mean)),
            Cell(str(each.n)),
        ]
        for one in found
        for each in one.values
    ]
    return Table([say("Name"), say("Value"), say("Mean difference"), say("Configurations")], rows)
