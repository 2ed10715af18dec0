"""The ranking of a search's trials, which decides what it has found."""

from charrec.sweep.document import Document, TrialRecord, point
from charrec.sweep.objective import Objective
from charrec.sweep.row import TrialRow


def ranking(document: Document, objective: Objective) -> list[TrialRow]:
    """Every trial, best first: by score, then more epochs, then the earlier configuration.

    Failed and unfinished trials rank last. The order does not depend on the timing of workers.
    """
    rows = (_row(name, record) for name, record in document.trials.items())
    return sorted(
        rows,
        key=lambda row: (
            row.score is None, objective.cost(row.score or 0.0), -row.epochs, row.configuration
        ),
    )  # fmt: skip


def _row(name: str, record: TrialRecord) -> TrialRow:
    return TrialRow(
        trial=name,
        configuration=record.configuration,
        bracket=record.bracket,
        rung=record.rung,
        epochs=record.epochs,
        score=record.score,
        state="LOST" if record.lost else record.status,
        values=point(record.values),
        seconds=record.seconds,
    )
