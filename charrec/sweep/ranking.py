"""The order of a search's trials, which decides what network is chosen."""

from charrec.results import TrialRow
from charrec.sweep.document import Document, TrialRecord
from charrec.sweep.space import propose


def ranking(document: Document) -> list[TrialRow]:
    """Every trial, best first: by validation accuracy, of equals the longer trained, then the earlier configuration.

    A failed or unfinished one comes last. Nothing here depends on which worker came first.
    """
    rows = (_row(name, record) for name, record in document.trials.items())
    return sorted(
        rows, key=lambda row: (row.val_accuracy is None, -(row.val_accuracy or 0.0), -row.epochs, row.configuration)
    )


def _row(name: str, record: TrialRecord) -> TrialRow:
    return TrialRow(
        trial=name,
        configuration=record.configuration,
        bracket=int(record.values["tuner/bracket"]),
        rung=int(record.values["tuner/round"]),
        epochs=int(record.values["tuner/epochs"]),
        val_accuracy=record.score,
        state=record.status,
        network=propose(record.values).model_dump(),
        seconds=record.seconds,
    )
